"""The dispatcher: brings queued jobs and free slots together.

The jobs' rows are the truth. At every ring of ``"jobs"`` it looks at them again:
attempts whose job was aborted are killed, silent ones are killed and lost, and of what
is ready in the queue `quire.jobs.share` says which is launched. In between it sleeps
until the next back-off or lease ends.
"""

import asyncio
import contextlib
import logging
from collections.abc import Container

import msgspec

from quire.actions.attempts import Attempts
from quire.actions.backlog import Backlog
from quire.clock import Clock
from quire.errors import AttemptLost, StoreUnavailable
from quire.jobs.job import Job
from quire.jobs.limits import KindLimits, Quotas
from quire.jobs.phases import Phase
from quire.jobs.share import Occupied, choose
from quire.ports.doorbell import Doorbell
from quire.ports.engine import Engine, EngineChoice, Launch, NoFreeSlot
from quire.ports.job_records import JobQuery, job_topic
from quire.ports.store import Store, Transaction

_log = logging.getLogger(__name__)
_QUEUED = frozenset({Phase.QUEUED})
_GIVEN_UP = frozenset({Phase.ABORTED, Phase.ARCHIVED})
# Seconds between two looks when nothing is due.
_IDLE = 60.0
# Seconds to wait where the store or the engine is in trouble, or where too many jobs
# are backing off to know which is next.
_PAUSE = 1.0
# Seconds between two looks while no slot is free: only an end can be due.
_BUSY = 0.02
# So many jobs that are backing off are looked at to find the next.
_BACKING_OFF = 200
# Owners whose last turn is remembered.
_TURNS = 10_000


class _Launched(msgspec.Struct, frozen=True, kw_only=True):
    attempt: int
    at: float
    holds: Occupied
    lasting: bool = False


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
    limits
        What each kind may use.
    quotas
        What each owner may have.
    choice
        Which engine runs which kind, where there are several.
    """

    def __init__(  # what it works with; all given by the root
        self,
        store: Store,
        engine: Engine,
        attempts: Attempts,
        *,
        doorbell: Doorbell,
        clock: Clock,
        limits: KindLimits | None = None,
        quotas: Quotas | None = None,
        choice: EngineChoice | None = None,
    ) -> None:
        self._store = store
        self._engine = engine
        self._attempts = attempts
        self._doorbell = doorbell
        self._clock = clock
        self._limits = limits or KindLimits()
        self._quotas = quotas or Quotas()
        self._choice = choice
        self._backlog = Backlog(self._has)
        self._served: dict[str, int] = {}
        self._turn = 0
        self._look_at = 0.0
        self._launched: dict[str, _Launched] = {}
        self._sweeping: dict[tuple[str, int], Occupied] = {}
        self._ending: dict[tuple[str, int], asyncio.Task[None]] = {}
        self._led: frozenset[str] = frozenset()
        self._stopping = False
        self._running: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Start the engine, take up what an earlier server left, then dispatch.

        Old processes are dead before their jobs are queued again.
        """
        await self._engine.start()
        await self._attempts.recover()
        await self._adopt()
        await self._attempts.resume_publishing()
        self._running = asyncio.create_task(self._run())

    async def _adopt(self) -> None:
        """Take up what runs elsewhere and is ours to watch, forget what is not."""
        if self._choice is None:
            return
        room, self._led = self._choice.room(), self._choice.led()
        self._launched = {
            job: one
            for job, one in self._launched.items()
            if room(one.holds.kind).name in self._led
        }
        adopted = await self._attempts.adopt(
            lambda job: room(job.kind).name in self._led
        )
        for job in adopted:
            launch = self._launch_of(job, job.attempt)
            await self._choice.adopt(launch)
            self._note(job, launch, self._clock.now())

    async def stop(self) -> None:
        """Dispatch no more, and stop the engine with all that runs in it."""
        self._stopping = True
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)
        await self._engine.stop()
        await asyncio.gather(*self._ending.values(), return_exceptions=True)
        await self._attempts.aclose()
        with contextlib.suppress(StoreUnavailable):  # else the next start recovers it
            await self._attempts.release()

    async def end(self, job: str) -> None:
        """End what runs of a job that was aborted; returns when nothing is left."""
        launched = self._launched.get(job)
        if launched is not None:
            await self._engine.kill(job, launched.attempt)
        ending = {key: task for key, task in self._ending.items() if key[0] == job}
        await asyncio.gather(*ending.values(), return_exceptions=True)
        ended = {attempt for _, attempt in ending}
        await self._until_left(job, ended | ({launched.attempt} if launched else set()))

    async def _until_left(self, job: str, ended: Container[int]) -> None:
        """Wait until another server has ended what runs of an aborted job.

        Parameters
        ----------
        ended
            Attempts that were launched here, and are over; of those for child
            processes another server may have claimed its own first.
        """
        topic = job_topic(job)
        while True:
            ticket = self._doorbell.ticket(topic)
            found = await self._store.view(lambda tx: tx.jobs.get(job))
            if (
                found is None
                or not found.aborting
                or found.phase is not Phase.EXECUTING
            ):
                return
            if not self._attempts.elsewhere(found):
                return
            if found.attempt in ended and not self._attempts.at_another(found):
                return
            await self._doorbell.wait(topic, ticket, _PAUSE)

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
        now, loop = self._clock.now(), asyncio.get_running_loop()
        if self._choice is not None and self._choice.led() != self._led:
            await self._adopt()
        free = self._engine.free()
        if free and now < self._backlog.fresh_until:
            # Without another look: what is out of date is refused when it is claimed.
            await self._launch_all(self._chosen(free, ()), now)
            free = self._engine.free()
        if not free and loop.time() < self._look_at:
            return self._look_at - loop.time()
        look = await self._store.view(lambda tx: self._look(tx, free, now))
        self._look_at = loop.time() + _BUSY
        lapse = self._review(look.launched, now)
        await self._launch_all(look.ready, now)
        due = min(lapse, look.next_ready)
        return min(max(due - now, 0.0), _IDLE)

    async def _launch_all(self, jobs: tuple[Job, ...], now: float) -> None:
        for job in jobs:
            if not await self._launch(job, now):
                break  # a slot was lost meanwhile; the engine rings when it is back

    async def _launch(self, job: Job, now: float) -> bool:
        launch = self._launch_of(job, job.attempt + 1)
        try:
            await self._engine.launch(launch)
        except NoFreeSlot:
            return False
        self._note(job, launch, now)
        self._backlog.drop(job)
        self._turn += 1
        self._served.pop(job.owner, None)
        self._served[job.owner] = self._turn
        if len(self._served) > _TURNS:
            del self._served[next(iter(self._served))]
        return True

    def _launch_of(self, job: Job, attempt: int) -> Launch:
        seconds = self._limits.of(job.kind).seconds(job.execution_duration)
        return Launch(
            job=job.id, attempt=attempt, kind=job.kind, deadline=float(seconds)
        )

    def _note(self, job: Job, launch: Launch, now: float) -> None:
        self._launched[job.id] = _Launched(
            attempt=launch.attempt,
            at=now,
            holds=Occupied(owner=job.owner, kind=job.kind),
            lasting=self._choice is not None and self._choice.lasting(job.kind),
        )

    def _look(self, tx: Transaction, free: int, now: float) -> _Look:
        launched = {job: tx.jobs.get(job) for job in self._launched}
        if not free:
            return _Look(launched=launched, ready=(), next_ready=now + _IDLE)
        over = {job for job, found in launched.items() if self._is_over(job, found)}
        ready = self._valid(tx, self._chosen(free, over), now)
        stale = now >= self._backlog.fresh_until
        if stale or (self._backlog.whole and len(ready) < free):
            self._backlog.read(tx, now, lambda: len(self._chosen(free, over)) >= free)
            ready = self._valid(tx, self._chosen(free, over), now)
        next_ready = now + _IDLE
        if len(ready) < free:
            whole, until = self._backlog.whole, self._backlog.fresh_until
            next_ready = _next_ready(tx, now) if whole else until
        return _Look(launched=launched, ready=ready, next_ready=next_ready)

    def _chosen(self, free: int, over: Container[str]) -> tuple[Job, ...]:
        """Return what is to begin, of what is known to wait.

        Parameters
        ----------
        over
            Jobs that were launched and hold no slot any more.
        """
        known = self._backlog.heads(free + len(self._launched))
        holding = (one.holds for job, one in self._launched.items() if job not in over)
        return choose(
            known,
            [*holding, *self._sweeping.values()],
            self._limits,
            slots=free,
            running_each=self._quotas.running,
            served=self._served,
            room=self._choice.room() if self._choice is not None else None,
        )

    def _valid(
        self, tx: Transaction, chosen: tuple[Job, ...], now: float
    ) -> tuple[Job, ...]:
        """Return those of the jobs that still wait as they did."""
        valid = []
        for job in chosen:
            found = tx.jobs.get(job.id)
            if (
                found is not None
                and found.phase is Phase.QUEUED
                and found.attempt == job.attempt
                and found.not_before <= now
                and not found.aborting
            ):
                valid.append(found)
            else:
                self._backlog.drop(job)
        return tuple(valid)

    def _is_over(self, job: str, found: Job | None) -> bool:
        return self._lapse(job, found) is None

    def _lapse(self, job: str, found: Job | None) -> float | None:
        launched = self._launched[job]
        if (
            found is not None
            and found.attempt == launched.attempt
            and self._attempts.at_another(found)
        ):
            return None  # that server was first to claim it
        return _lapse(found, launched, lease=self._attempts.lease)

    def _has(self, job: Job) -> bool:
        launched = self._launched.get(job.id)
        return launched is not None and launched.attempt == job.attempt + 1

    def _review(self, jobs: dict[str, Job | None], now: float) -> float:
        """End what must end, forget what has, and return when a lease ends next."""
        next_lapse = now + _IDLE
        for job_id, job in jobs.items():
            launched = self._launched[job_id]
            lapse = self._lapse(job_id, job)
            if lapse is None:
                del self._launched[job_id]
                if job is None or job.aborting or job.phase in _GIVEN_UP:
                    self._begin_end(job_id, launched, silent=False)
            elif lapse <= now:
                del self._launched[job_id]
                self._begin_end(job_id, launched, silent=True)
            else:
                next_lapse = min(next_lapse, lapse)
        return next_lapse

    def _begin_end(self, job: str, launched: _Launched, *, silent: bool) -> None:
        key = (job, launched.attempt)
        task = asyncio.create_task(self._end(job, launched.attempt, silent=silent))
        self._ending[key] = task
        self._sweeping[key] = launched.holds

        def ended(_: asyncio.Task[None]) -> None:
            self._ending.pop(key, None)
            self._sweeping.pop(key, None)

        task.add_done_callback(ended)

    async def _end(self, job: str, attempt: int, *, silent: bool) -> None:
        await self._engine.kill(job, attempt)
        if not silent:
            with contextlib.suppress(StoreUnavailable):  # else its lease tells them
                await self._attempts.note_left(job, attempt)
        while silent:
            with contextlib.suppress(AttemptLost):
                try:
                    await self._attempts.lose(job, attempt, "it gave no sign of life")
                    await self._attempts.clear(job, attempt)
                except StoreUnavailable:
                    if self._stopping:
                        return  # the next start finds it silent
                    await asyncio.sleep(_PAUSE)
                    continue
            silent = False


def _lapse(job: Job | None, launched: _Launched, *, lease: float) -> float | None:
    """Return when a launched attempt counts as silent, None if it is over."""
    if job is None or job.aborting:
        return None
    if job.phase is Phase.QUEUED and job.attempt == launched.attempt - 1:
        # Not claimed yet; a facility's scheduler may have it wait for days.
        return float("inf") if launched.lasting else launched.at + lease
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
