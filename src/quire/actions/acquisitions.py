"""Acquisitions: queueing, aborting, retrying, looking (ESO's DPM commands)."""

from collections.abc import Mapping
from typing import Any

import msgspec

from quire.access.principals import Principal
from quire.actions.acquisition_aborting import Aborting
from quire.actions.acquisition_access import active_acquisition, visible_acquisition
from quire.actions.progress_log import tell
from quire.actions.submit import Jobs, Request
from quire.clock import Clock
from quire.errors import Conflict, InputError, ManyInputErrors
from quire.jobs import transitions
from quire.jobs.job import ACQUISITION, Job
from quire.jobs.phases import Phase
from quire.ports.acquisition_records import AcquisitionQuery
from quire.ports.store import Store, Transaction
from quire.products.acquisition import Acquisition, acquisition_of
from quire.products.acquisition_states import RETRYABLE, Substate
from quire.products.product import Product, unless_removed
from quire.progress.event import info
from quire.progress.log import Entry

RETENTION_SECONDS = 365 * 24 * 3600.0
ACTIVE = frozenset(one for one in Substate if not one.final)
ARCHIVED = frozenset(Substate) - ACTIVE
_PREFIX = "/parameters/SPECIFICATION"
_MOST_ACTIVE = 10_000
_BATCH = 200


class Details(msgspec.Struct, frozen=True, kw_only=True):
    """All that is known of an acquisition.

    Attributes
    ----------
    job
        None if it has been deleted.
    product
        None before it is published.
    told
        The newest of its progress, None if there is none.
    """

    acquisition: Acquisition
    job: Job | None
    product: Product | None
    told: Entry | None


class Acquisitions:
    """What can be done with acquisitions.

    Parameters
    ----------
    aborting
        Ends an acquisition that is aborted.
    retention
        Seconds that an acquisition stays in the archive after its last change.
    """

    def __init__(
        self,
        store: Store,
        jobs: Jobs,
        clock: Clock,
        *,
        aborting: Aborting,
        retention: float = RETENTION_SECONDS,
    ) -> None:
        self._store = store
        self._jobs = jobs
        self._clock = clock
        self._aborting = aborting
        self._retention = retention

    async def queue(
        self, specification: str | Mapping[str, Any], principal: Principal
    ) -> Acquisition:
        """Queue an acquisition, durably and without looking at any source.

        Raises
        ------
        ManyInputErrors
            What is wrong with the specification, each with its place in it.
        Conflict
            An acquisition of that id, or a product of that file id, was queued before.
        """
        request = Request(
            kind=ACQUISITION, parameters={"SPECIFICATION": specification}, run=True
        )
        try:
            job = await self._jobs.submit(request, principal)
        except InputError as error:
            raise _placed(error) from None
        made = acquisition_of(job, None, now=job.created)
        assert made is not None  # noqa: S101 - its kind has read its names
        return made

    async def abort(self, acquisition: str, principal: Principal) -> Acquisition:
        """Abort an acquisition for good; see `Aborting.abort`."""
        return await self._aborting.abort(acquisition, principal)

    async def retry(self, acquisition: str, principal: Principal) -> Acquisition:
        """Let an acquisition that is blocked, or waits for disk space, go on.

        Raises
        ------
        NotFound
            There is none of that id, or it is archived.
        Conflict
            It has not begun, or nothing blocks it.
        """
        now = self._clock.now()

        def decide(tx: Transaction) -> Acquisition:
            found, job = active_acquisition(tx, acquisition, principal)
            if found.substate not in RETRYABLE:
                valid = ", ".join(sorted(RETRYABLE))
                reason = f"it is {found.substate}; only {valid} can be retried"
                raise Conflict("acquisition", acquisition, reason)
            match job.phase:
                case Phase.HELD:
                    tx.jobs.put(transitions.run(job))
                case Phase.SUSPENDED:
                    tx.jobs.put(transitions.resume(job))
                case _:
                    reason = f"it is {found.substate}, and no error stops it"
                    raise Conflict("acquisition", acquisition, reason)
            message = f"{principal.name} retries it: queued again"
            tell(tx, job.id, info(message), now=now)
            return visible_acquisition(tx, acquisition, principal)

        return await self._store.decide(decide)

    async def status(self, acquisition: str, principal: Principal) -> Acquisition:
        """Return an acquisition that is not over.

        Raises
        ------
        NotFound
            There is none of that id, or it is archived.
        """
        return await self._store.view(
            lambda tx: active_acquisition(tx, acquisition, principal)[0]
        )

    async def archived(self, acquisition: str, principal: Principal) -> Acquisition:
        """Return an acquisition, be it over or not."""
        return await self._store.view(
            lambda tx: visible_acquisition(tx, acquisition, principal)
        )

    async def active(self, principal: Principal) -> tuple[Acquisition, ...]:
        """Return the acquisitions that are not over, in the order of their queueing."""
        query = AcquisitionQuery(
            limit=_MOST_ACTIVE, owner=principal.visible_owner, substates=ACTIVE
        )
        return (await self._store.view(lambda tx: tx.acquisitions.page(query)))[::-1]

    async def details(self, acquisition: str, principal: Principal) -> Details:
        """Return all that is known of an acquisition, be it over or not."""

        def question(tx: Transaction) -> Details:
            found = visible_acquisition(tx, acquisition, principal)
            return Details(
                acquisition=found,
                job=tx.jobs.get(found.job),
                product=unless_removed(tx.products.get(found.job)),
                told=_newest(tx, found.job),
            )

        return await self._store.view(question)

    async def history(
        self, query: AcquisitionQuery, principal: Principal
    ) -> tuple[Acquisition, ...]:
        """Return matching acquisitions that the principal may see, newest first."""
        if not principal.is_admin:
            query = msgspec.structs.replace(query, owner=principal.name)
        return await self._store.view(lambda tx: tx.acquisitions.page(query))

    async def expire(self) -> tuple[str, ...]:
        """Forget what was archived long ago; return the ids."""
        query = AcquisitionQuery(
            limit=_BATCH,
            substates=ARCHIVED,
            changed_before=self._clock.now() - self._retention,
        )
        # Looking first keeps an idle server from writing.
        if not await self._store.view(lambda tx: tx.acquisitions.page(query)):
            return ()

        def decide(tx: Transaction) -> tuple[str, ...]:
            gone = tuple(one.id for one in tx.acquisitions.page(query))
            for one in gone:
                tx.acquisitions.remove(one)
            return gone

        return await self._store.decide(decide)


def _placed(error: InputError) -> ManyInputErrors:
    """Return errors with their places in the specification itself."""
    each = error.errors if isinstance(error, ManyInputErrors) else (error,)
    return ManyInputErrors(
        [
            InputError(one.field.removeprefix(_PREFIX), one.reason, one.mend)
            for one in each
        ]
    )


def _newest(tx: Transaction, operation: str) -> Entry | None:
    head = tx.progress.head(operation)
    if head is None:
        return None
    return next(iter(tx.progress.entries(operation, head.last - 1, 1)), None)
