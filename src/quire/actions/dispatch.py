"""The dispatcher: brings queued jobs and free slots together.

The jobs' rows are the truth. At every ring of ``"jobs"`` it looks at them again:
attempts whose job was aborted are killed, silent ones are killed and lost, and what
is ready in the queue is launched, oldest first. In between it sleeps until the next
back-off or lease ends.
"""

import asyncio
import contextlib
import logging

import msgspec

from quire.actions.attempts import Attempts
from quire.clock import Clock
from quire.errors import AttemptLost, StoreUnavailable
from quire.jobs.job import Job
from quire.jobs.phases import Phase
from quire.ports.doorbell import Doorbell
from quire.ports.engine import Engine, Launch, NoFreeSlot
from quire.ports.job_records import JobQuery
from quire.ports.store import Store, Transaction

_log = logging.getLogger(__name__)
_QUEUED = frozenset({Phase.QUEUED})
# Seconds between two looks when nothing is due.
_IDLE = 60.0
# Seconds to wait where the store or the engine is in trouble, or where too many jobs
# are backing off to know which is next.
_PAUSE = 1.0
# So many jobs that are backing off are looked at to find the next.
_BACKING_OFF = 200


class _Launched(msgspec.Struct, frozen=True, kw_only=True):
    attempt: int
    at: float


class _Look(msgspec.Struct, frozen=True, kw_only=True):
    """What one look at the jobs has shown."""

    launched: dict[str, Job | None]
    ready: tuple[Job, ...]
    next_ready: float


class Dispatcher:
    """Launches what is queued, as the engine has slots free.

    Parameters
    ----------
    doorbell
        Rung for ``"jobs"`` by the store, and by the engine when a slot is free.
    """

    def __init__(
        self,
        store: Store,
        engine: Engine,
        attempts: Attempts,
        *,
        doorbell: Doorbell,
        clock: Clock,
    ) -> None:
        self._store = store
        self._engine = engine
        self._attempts = attempts
        self._doorbell = doorbell
        self._clock = clock
        self._launched: dict[str, _Launched] = {}
        self._ending: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the engine, take up what an earlier server left, then dispatch.

        Old processes are dead before their jobs are queued again.
        """
        await self._engine.start()
        await self._attempts.recover()
        await self._attempts.resume_publishing()
        self._running = asyncio.create_task(self._run())

    async def stop(self) -> None:
        """Dispatch no more, and stop the engine with all that runs in it."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        await self._engine.stop()
        await asyncio.gather(*self._ending.values(), return_exceptions=True)
        await self._attempts.aclose()

    async def _run(self) -> None:
        while True:
            ticket = self._doorbell.ticket("jobs")
            try:
                pause = await self._dispatch()
            except StoreUnavailable:
                pause = _PAUSE
            except Exception:  # noqa: BLE001  # a job must not stop all others
                _log.exception("the dispatcher stumbled; it goes on")
                pause = _PAUSE
            await self._doorbell.wait("jobs", ticket, pause)

    async def _dispatch(self) -> float:
        """Do what is due and return the seconds until something else is."""
        now = self._clock.now()
        free = self._engine.free()
        look = await self._store.view(lambda tx: self._look(tx, free, now))
        lapse = self._review(look.launched, now)
        for job in look.ready[:free]:
            attempt = job.attempt + 1
            launch = Launch(
                job=job.id,
                attempt=attempt,
                kind=job.kind,
                deadline=float(job.execution_duration),
            )
            try:
                await self._engine.launch(launch)
            except NoFreeSlot:
                break  # a slot was lost meanwhile; the engine rings when it is back
            self._launched[job.id] = _Launched(attempt=attempt, at=now)
        due = min(lapse, look.next_ready)
        return min(max(due - now, 0.0), _IDLE)

    def _look(self, tx: Transaction, free: int, now: float) -> _Look:
        launched = {job: tx.jobs.get(job) for job in self._launched}
        if not free:
            return _Look(launched=launched, ready=(), next_ready=now + _IDLE)
        wanted = free + len(self._launched)
        query = JobQuery(limit=wanted, phases=_QUEUED, ready_at=now, oldest_first=True)
        ready = tuple(job for job in tx.jobs.page(query) if not self._has(job))
        next_ready = now + _IDLE
        if len(ready) < free:
            next_ready = _next_ready(tx, now)
        return _Look(launched=launched, ready=ready, next_ready=next_ready)

    def _has(self, job: Job) -> bool:
        launched = self._launched.get(job.id)
        return launched is not None and launched.attempt == job.attempt + 1

    def _review(self, jobs: dict[str, Job | None], now: float) -> float:
        """End what must end, forget what has, and return when a lease ends next."""
        next_lapse = now + _IDLE
        for job_id, job in jobs.items():
            launched = self._launched[job_id]
            lapse = _lapse(job, launched, lease=self._attempts.lease)
            if lapse is None:
                del self._launched[job_id]
                if job is None or job.phase in (Phase.ABORTED, Phase.ARCHIVED):
                    self._begin_end(job_id, launched.attempt, silent=False)
            elif lapse <= now:
                del self._launched[job_id]
                self._begin_end(job_id, launched.attempt, silent=True)
            else:
                next_lapse = min(next_lapse, lapse)
        return next_lapse

    def _begin_end(self, job: str, attempt: int, *, silent: bool) -> None:
        key = (job, attempt)
        task = asyncio.create_task(self._end(job, attempt, silent=silent))
        self._ending[key] = task
        task.add_done_callback(lambda _: self._ending.pop(key, None))

    async def _end(self, job: str, attempt: int, *, silent: bool) -> None:
        await self._engine.kill(job, attempt)
        while silent:
            with contextlib.suppress(AttemptLost):
                try:
                    await self._attempts.lose(job, attempt, "it gave no sign of life")
                except StoreUnavailable:
                    await asyncio.sleep(_PAUSE)
                    continue
            silent = False


def _lapse(job: Job | None, launched: _Launched, *, lease: float) -> float | None:
    """Return when a launched attempt counts as silent, None if it is over."""
    if job is None:
        return None
    if job.phase is Phase.QUEUED and job.attempt == launched.attempt - 1:
        return launched.at + lease  # not claimed yet
    if job.phase is Phase.EXECUTING and job.attempt == launched.attempt:
        if job.staged is not None:
            return float("inf")
        return job.lease_until if job.lease_until is not None else float("inf")
    return None


def _next_ready(tx: Transaction, now: float) -> float:
    query = JobQuery(limit=_BACKING_OFF, phases=_QUEUED, oldest_first=True)
    queued = tx.jobs.page(query)
    if len(queued) == _BACKING_OFF:
        return now + _PAUSE
    return min(
        (job.not_before for job in queued if job.not_before > now),
        default=now + _IDLE,
    )
