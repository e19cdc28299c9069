"""What DPM publishes: every change of an acquisition, and the disk space."""

import asyncio
from collections.abc import AsyncIterator

import msgspec

from quire.access.principals import Principal
from quire.actions.acquisitions import ACTIVE
from quire.actions.admission import Admission
from quire.actions.progress_log import tell
from quire.clock import Clock
from quire.jobs import transitions
from quire.jobs.job import ACQUISITION, Job
from quire.jobs.phases import Phase
from quire.ports.acquisition_records import ACQUISITIONS, AcquisitionQuery
from quire.ports.doorbell import Doorbell
from quire.ports.job_records import JobQuery
from quire.ports.store import Store, Transaction
from quire.products.acquisition import Acquisition
from quire.products.storage_forecast import Space
from quire.progress.event import info

STORAGE_SECONDS = 2.0
_BATCH = 500
_PAUSE_SECONDS = 10.0
_MOST_ACTIVE = 10_000
_MOST_SUSPENDED = 200
_SUSPENDED = frozenset({Phase.SUSPENDED})


class StatusNews(msgspec.Struct, frozen=True, kw_only=True):
    """An acquisition as it stands, or stood after a change.

    Attributes
    ----------
    number
        Up to which change a listener knows everything once it has this; None where
        more of the present state follows.
    """

    number: int | None
    acquisition: Acquisition


class AcquisitionTopics:
    """Publishes acquisitions and storage; also wakes what waits for space."""

    def __init__(
        self,
        store: Store,
        doorbell: Doorbell,
        clock: Clock,
        admission: Admission,
        *,
        interval: float = STORAGE_SECONDS,
    ) -> None:
        self._store = store
        self._doorbell = doorbell
        self._clock = clock
        self._admission = admission
        self._interval = interval

    async def statuses(
        self, principal: Principal, last_seen: int | None, *, silence: float
    ) -> AsyncIterator[tuple[StatusNews, ...]]:
        """Yield the present state, then every change, without an end.

        Parameters
        ----------
        last_seen
            Number of the newest change that the listener knows: it is sent those
            that follow, and not the present state.
        silence
            Seconds without news after which an empty batch says so.
        """
        after = last_seen if last_seen is not None else -1
        present = await self._store.view(lambda tx: self._present(tx, principal, after))
        after, news = present
        yield news
        while True:
            ticket = self._doorbell.ticket(ACQUISITIONS)
            start = after
            changes = await self._store.view(
                lambda tx, start=start: tx.acquisitions.changes(start, _BATCH)  # type: ignore[misc]
            )
            if changes:
                after = changes[-1].number
                yield tuple(
                    StatusNews(number=one.number, acquisition=one.acquisition)
                    for one in changes
                    if principal.can_see(one.acquisition.owner)
                )
            elif not await self._doorbell.wait(ACQUISITIONS, ticket, silence):
                yield ()

    def _present(
        self, tx: Transaction, principal: Principal, last_seen: int
    ) -> tuple[int, tuple[StatusNews, ...]]:
        newest = tx.acquisitions.newest_change()
        if 0 <= last_seen <= newest:
            return last_seen, ()
        query = AcquisitionQuery(
            limit=_MOST_ACTIVE, owner=principal.visible_owner, substates=ACTIVE
        )
        active = tx.acquisitions.page(query)[::-1]
        return newest, tuple(
            StatusNews(number=newest if place == len(active) else None, acquisition=one)
            for place, one in enumerate(active, start=1)
        )

    async def space(self) -> tuple[Space, float]:
        """Return how the disk stands, and the Unix seconds of the look."""
        return await asyncio.to_thread(self._admission.space), self._clock.now()

    async def spaces(self) -> AsyncIterator[tuple[tuple[Space, float], ...]]:
        """Yield how the disk stands, at intervals and without an end."""
        while True:
            yield (await self.space(),)
            await asyncio.sleep(self._interval)

    async def resume(self) -> int:
        """Let go on what waits for disk space and has it now; return how many."""
        query = JobQuery(
            limit=_MOST_SUSPENDED,
            kind=ACQUISITION,
            phases=_SUSPENDED,
            oldest_first=True,
        )
        waiting = await self._store.view(lambda tx: tx.jobs.page(query))
        waiting = tuple(job for job in waiting if not job.aborting)
        return sum([await self._resume(job) for job in waiting if job.is_acquisition])

    async def _resume(self, job: Job) -> bool:
        if job.step and any(
            self._clock.now() < alert.at + _PAUSE_SECONDS for alert in job.alerts
        ):
            return False  # its disk has just been full: no attempt after the other
        forecast = await self._admission.forecast(job)
        now = self._clock.now()

        def fits(tx: Transaction) -> bool:
            return forecast is None or not self._admission.refusal(tx, forecast)

        def decide(tx: Transaction) -> bool:
            current = tx.jobs.get(job.id)
            if current is None or current.phase is not Phase.SUSPENDED or not fits(tx):
                return False
            if current.aborting:
                return False
            tx.jobs.put(transitions.resume(current))
            message = "There is disk space again: queued again"
            tell(tx, job.id, info(message), now=now)
            return True

        # Looking first keeps an idle server from writing.
        return await self._store.view(fits) and await self._store.decide(decide)
