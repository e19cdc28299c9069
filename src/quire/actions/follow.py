"""Following an operation: the log is pulled, a ring is only a hint."""

import contextlib
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Literal

import msgspec

from quire.access.principals import Principal
from quire.actions.seeing import may_see
from quire.errors import NotFound
from quire.ports.doorbell import Doorbell
from quire.ports.store import Store, Transaction
from quire.progress.forecast import forecast_of
from quire.progress.log import Entry, Head, resume_after

_BATCH = 500
_RECENT = 200


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """How an operation stands.

    Attributes
    ----------
    state
        The run's or the lab's status, or the job's phase.
    last
        Number of the newest entry of its log.
    progress
        Greatest percentage sent in the current act, None if none was.
    message
        Of the newest entry.
    started, changed
        Unix seconds of the act's first entry and of the newest.
    rate
        Percent a second, as of late; None where that cannot be told.
    ends
        Unix seconds at which it will be over if it goes on so; None where the
        progress is too uneven to say.
    """

    id: str
    what: Literal["run", "job", "lab"]
    state: str
    last: int
    progress: int | None
    message: str
    final: bool
    started: float | None
    changed: float | None
    rate: float | None = None
    ends: float | None = None


class Follow:
    """Reads progress logs."""

    def __init__(self, store: Store, doorbell: Doorbell) -> None:
        self._store = store
        self._doorbell = doorbell

    async def operation(self, name: str, principal: Principal) -> Operation:
        """Return how an operation stands.

        Raises
        ------
        NotFound
            There is none that the principal may see.
        """

        def question(tx: Transaction) -> Operation:
            what, state = _subject(tx, name, principal)
            head = tx.progress.head(name) or Head(operation=name)
            first = tx.progress.entries(name, head.first - 1, 1)
            since = max(head.first, head.last - _RECENT + 1)
            newest = tx.progress.entries(name, since - 1, _RECENT)
            forecast = None if head.final else forecast_of(newest)
            return Operation(
                id=name,
                what=what,
                state=state,
                last=head.last,
                progress=head.highest or None,
                message=newest[-1].event.message if newest else "",
                final=head.final,
                started=first[0].at if first else None,
                changed=newest[-1].at if newest else None,
                rate=forecast.rate if forecast else None,
                ends=forecast.ends if forecast else None,
            )

        return await self._store.view(question)

    async def begin(
        self, name: str, principal: Principal, last_seen: int | None
    ) -> int | None:
        """Return the number after which to `entries`, None if there is no more."""

        def question(tx: Transaction) -> int | None:
            _subject(tx, name, principal)
            return resume_after(
                tx.progress.head(name) or Head(operation=name), last_seen
            )

        return await self._store.view(question)

    async def begin_many(
        self,
        names: Sequence[str],
        principal: Principal,
        seen: Mapping[str, int],
        *,
        replay: bool,
    ) -> dict[str, int | None]:
        """Return the same for many operations; those not to be seen are left out.

        Parameters
        ----------
        replay
            Whether those that were not seen begin with their act, and not with their
            newest entry.
        """

        def question(tx: Transaction) -> dict[str, int | None]:
            found: dict[str, int | None] = {}
            for name in names:
                with contextlib.suppress(NotFound):
                    _subject(tx, name, principal)
                    head = tx.progress.head(name) or Head(operation=name)
                    newest = max(head.first, head.last) - 1
                    known = seen.get(name, None if replay else newest)
                    found[name] = resume_after(head, known)
            return found

        return await self._store.view(question)

    async def told(self, name: str, limit: int) -> tuple[Entry, ...]:
        """Return the newest entries of the current act, in order."""

        def question(tx: Transaction) -> tuple[Entry, ...]:
            head = tx.progress.head(name) or Head(operation=name)
            after = max(head.first - 1, head.last - limit)
            return tx.progress.entries(name, after, limit)

        return await self._store.view(question)

    async def page(self, name: str, after: int, limit: int) -> tuple[Entry, ...]:
        """Return what follows a number, up to the end of that act."""
        found = await self._store.view(
            lambda tx: tx.progress.entries(name, after, limit)
        )
        ends = (at for at, one in enumerate(found, 1) if one.event.type.final)
        return found[: next(ends, len(found))]

    async def entries(
        self, name: str, after: int, *, silence: float
    ) -> AsyncIterator[tuple[Entry, ...]]:
        """Yield entries as they come, until a final one.

        An empty batch says that nothing came for `silence` seconds.
        """
        while True:
            ticket = self._doorbell.ticket(name)
            batch = await self.page(name, after, _BATCH)
            if batch:
                yield batch
                after = batch[-1].number
                if batch[-1].event.type.final:
                    return
            elif not await self._doorbell.wait(name, ticket, silence):
                yield ()


def _subject(
    tx: Transaction, name: str, principal: Principal
) -> tuple[Literal["run", "job", "lab"], str]:
    job = tx.jobs.get(name)
    if job is not None and principal.can_see(job.owner):
        return "job", job.phase
    run = tx.runs.get(name)
    if run is not None and may_see(principal, run):
        return "run", run.status
    lab = tx.labs.of_operation(name)
    if lab is not None and principal.can_see(lab.user):
        return "lab", lab.status
    raise NotFound("operation", name)
