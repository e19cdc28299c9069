"""An engine on a scheduler that the facility has: attempts wait and run elsewhere.

The scheduler only starts runners. What becomes of an attempt is told by its runner over
HTTP, and by the lease of its job; what the scheduler says is advice.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence

from quire.actions.runners import Runners
from quire.engines.lingering import Lingering
from quire.errors import AttemptLost, QuireError, StoreUnavailable
from quire.ports.doorbell import Doorbell
from quire.ports.engine import Launch, NoFreeSlot
from quire.ports.launcher import (
    UNSEEN,
    AttemptKey,
    Launcher,
    LauncherAway,
    RunnerOrder,
    Seen,
    There,
)

_log = logging.getLogger(__name__)
# Seconds between two tries while the scheduler or the store is away: first, most.
_FIRST, _MOST = 0.1, 5.0

# Seconds between two looks at who has left.
_HEARD = 0.05

# Different things that listeners are told of how an attempt stands, at most.
_REMARKS = 10
# Looks that failed, one after the other, until whoever waits is told of it.
_AWAY = 3
_ASKED_AGAIN = "it is asked again until it answers"

MakeOrder = Callable[[Launch], Awaitable[RunnerOrder]]


class _Handle:
    """One attempt, as its engine sees it."""

    def __init__(self, launch: Launch) -> None:
        self.key: AttemptKey = (launch.job, launch.attempt)
        self.launch = launch
        self.left = asyncio.Event()
        self.launching: asyncio.Task[None] | None = None
        self.ending: asyncio.Task[None] | None = None
        self.seen = Seen(there=There.WAITING)
        self.since = 0
        self.said: set[str] = set()


class DistributedEngine:
    """A `quire.ports.engine.Engine` that hands attempts to a launcher.

    Its attempts outlive the server: `stop` leaves them alone, `adopt` takes them up.

    Parameters
    ----------
    make_order
        Returns what the runner of an attempt must know.
    slots
        Attempts that may wait and run there at one time.
    grace
        Seconds that a runner has to sweep before the scheduler ends it by force.
    poll
        Seconds between two questions to the scheduler.
    shared
        Whether several servers are set up for the scheduler: one of them launches and
        watches, which is this one from `lead` to `let_go`.

    Attributes
    ----------
    leads
        Whether this server launches on it.
    """

    def __init__(  # what it works with; all given by the root
        self,
        runners: Runners,
        launcher: Launcher,
        doorbell: Doorbell,
        make_order: MakeOrder,
        *,
        slots: int,
        grace: float = 2.0,
        poll: float = 2.0,
        shared: bool = False,
    ) -> None:
        self.leads = not shared
        self._shared = shared
        self._runners = runners
        self._launcher = launcher
        self._doorbell = doorbell
        self._make_order = make_order
        self._slots = slots
        self._grace = grace
        self._poll = poll
        self._handles: dict[AttemptKey, _Handle] = {}
        self._lingering = Lingering()
        self._unanswered = 0
        self._started = False
        self._beside: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Get ready to launch; what an earlier server launched is left alone."""
        await self._launcher.start()
        self._started = True
        self._beside.append(asyncio.create_task(self._keep_polling()))
        if self._shared:
            self._beside.append(asyncio.create_task(self._keep_hearing()))

    def lead(self) -> None:
        """Launch from now on, and watch."""
        self.leads = True
        self._doorbell.ring(["jobs"])

    async def let_go(self) -> None:
        """Leave it to another server; what was launched goes on."""
        self.leads = False
        handles, self._handles = self._handles, {}
        self._lingering.forget()
        for key in handles:
            self._runners.forget(key)
        await _cancelled(
            *(handle.launching for handle in handles.values()),
            *(handle.ending for handle in handles.values()),
        )
        self._doorbell.ring(["jobs"])

    def free(self) -> int:
        """Return how many attempts can be launched now."""
        if not (self._started and self.leads):
            return 0
        return max(self._slots - len(self._handles), 0)

    async def launch(self, launch: Launch) -> None:
        """Have an attempt started as soon as the scheduler has a place for it.

        Raises
        ------
        NoFreeSlot
            There are as many as may be.
        """
        if (launch.job, launch.attempt) in self._handles:
            return
        if self.free() < 1:
            raise NoFreeSlot(self._slots)
        handle = self._take(launch)
        handle.launching = asyncio.create_task(self._launch(handle))

    async def adopt(self, launch: Launch) -> None:
        """Take up an attempt that another server launched, or this one earlier."""
        if self.leads and (launch.job, launch.attempt) not in self._handles:
            self._take(launch).seen = Seen(there=There.RUNNING)

    async def kill(self, job: str, attempt: int) -> None:
        """End an attempt: its runner sweeps, else the scheduler ends it by force."""
        handle = self._handles.get((job, attempt))
        if handle is None:
            return
        if handle.ending is None:
            handle.ending = asyncio.create_task(self._end(handle))
        await asyncio.shield(handle.ending)

    async def stop(self) -> None:
        """Let go: attempts go on, and the next server adopts them."""
        self._started = False
        handles = self._handles.values()
        await _cancelled(
            *self._beside,
            *(handle.launching for handle in handles),
            *(handle.ending for handle in handles),
        )
        await self._launcher.stop()

    def _take(self, launch: Launch) -> _Handle:
        handle = _Handle(launch)
        self._handles[handle.key] = handle
        self._runners.watch(handle.key, lambda: self._left(handle))
        return handle

    def _left(self, handle: _Handle) -> None:
        """Free a slot: its runner has said that nothing is left."""
        handle.left.set()
        if handle.ending is None:
            self._drop(handle)

    def _drop(self, handle: _Handle, *, explained: bool = False) -> None:
        if self._handles.get(handle.key) is handle:
            del self._handles[handle.key]
            explained = explained or handle.ending is not None
            self._lingering.note(handle.key, explained=explained)
            self._runners.forget(handle.key)
            self._doorbell.ring(["jobs"])

    async def _launch(self, handle: _Handle) -> None:
        try:
            order = await self._make_order(handle.launch)
            await _persistently(
                lambda: self._launcher.launch(order),
                lambda problem: self._remark(handle, f"{problem}; {_ASKED_AGAIN}"),
            )
        except QuireError as problem:
            await self._lose(handle, str(problem))
        except Exception:  # noqa: BLE001  # one attempt must not stop all others
            job, attempt = handle.launch.job, handle.launch.attempt
            told = {"job": job, "attempt": attempt}
            _log.exception("%s could not be launched", handle.launch, extra=told)
            await self._lose(handle, "its launcher failed; the server's log tells why")

    async def _lose(self, handle: _Handle, reason: str) -> None:
        with contextlib.suppress(AttemptLost):
            lose = self._runners.attempts.lose
            await _persistently(lambda: lose(*handle.key, reason))
        self._drop(handle, explained=True)

    async def _end(self, handle: _Handle) -> None:
        if handle.launching is not None:
            handle.launching.cancel()
            await asyncio.gather(handle.launching, return_exceptions=True)
        self._runners.dismiss(handle.key)
        try:
            begun = handle.seen.there is not There.WAITING
            if begun or await self._claimed(handle):
                await _within(self._grace, handle.left)
            # Not for ever: the scheduler may be as dead as the runner.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._runners.attempts.lease):
                    await self._end_by_force(handle)
            await self._runners.clear(*handle.key)
        except StoreUnavailable:
            pass  # its folder is cleared by the next attempt, or stays
        finally:
            self._drop(handle)

    async def _claimed(self, handle: _Handle) -> bool:
        return await self._runners.begun(*handle.key)

    async def _end_by_force(self, handle: _Handle) -> None:
        """Return when nothing is left, as its runner or else the scheduler says."""
        if handle.left.is_set():
            return
        await _persistently(lambda: self._launcher.kill(handle.key))
        while not handle.left.is_set():
            if await self._ask(handle) in (There.GONE, There.UNKNOWN):
                return
            await _within(self._poll / 4, handle.left)

    async def _ask(self, handle: _Handle) -> There:
        try:
            told = await self._launcher.poll([handle.key])
        except LauncherAway:
            return There.RUNNING
        return told.get(handle.key, UNSEEN).there

    async def _keep_polling(self) -> None:
        while True:
            await asyncio.sleep(self._poll)
            asked = {
                key: handle
                for key, handle in self._handles.items()
                if handle.ending is None
                and (handle.launching is None or handle.launching.done())
            }
            keys = [*asked, *self._lingering.keys()]
            if not keys:
                continue
            try:
                await self._look(asked, keys)
            except StoreUnavailable:
                continue
            except Exception:  # noqa: BLE001  # a launcher's own flaw
                _log.exception("a scheduler could not be asked; it goes on")

    async def _look(
        self, asked: Mapping[AttemptKey, _Handle], keys: Sequence[AttemptKey]
    ) -> None:
        try:
            told = await self._launcher.poll(keys)
            self._unanswered = 0
            await self._heed(asked, told)
            for key, why in self._lingering.endings(told).items():
                await self._runners.attempts.remark(*key, why)
            for key in self._lingering.stale(told):
                await self._launcher.kill(key)
        except LauncherAway as problem:
            self._unanswered += 1
            waiting = [one for one in asked.values() if one.seen.there is There.WAITING]
            for handle in waiting if self._unanswered >= _AWAY else ():
                await self._remark(handle, f"{problem}; {_ASKED_AGAIN}")

    async def _keep_hearing(self) -> None:
        """Hear of runners that told another server that they have left."""
        while True:
            ticket = self._doorbell.ticket("jobs")
            with contextlib.suppress(StoreUnavailable):
                for key in await self._runners.departed(list(self._handles)):
                    if key in self._handles:
                        self._left(self._handles[key])
            await self._doorbell.wait("jobs", ticket, self._poll)
            await asyncio.sleep(_HEARD)

    async def _heed(
        self, asked: Mapping[AttemptKey, _Handle], told: Mapping[AttemptKey, Seen]
    ) -> None:
        for key, handle in asked.items():
            seen = told.get(key, UNSEEN)
            handle.since = handle.since + 1 if seen == handle.seen else 0
            handle.seen = seen
            # Twice: the word of its runner may be on its way, or its turn.
            if not handle.since:
                continue
            if seen.there in (There.GONE, There.UNKNOWN):
                await self._miss(handle)
            else:
                await self._remark(handle, seen.why)

    async def _remark(self, handle: _Handle, words: str) -> None:
        """Tell listeners how an attempt stands, unless they were told so."""
        if not words or words in handle.said or len(handle.said) >= _REMARKS:
            return
        with contextlib.suppress(StoreUnavailable):  # said at the next look
            await self._runners.attempts.remark(*handle.key, words)
            handle.said.add(words)

    async def _miss(self, handle: _Handle) -> None:
        """See to an attempt that its scheduler does not have any more."""
        if handle.left.is_set() or handle.ending is not None:
            return
        if not await self._runners.awaited(*handle.key):
            if await self._runners.over(*handle.key):
                await self._runners.clear(*handle.key)
                self._drop(handle)
            else:  # begun: its lease tells
                await self._remark(handle, handle.seen.why)
            return
        if handle.seen.there is There.GONE:
            why = f": {handle.seen.why}" if handle.seen.why else ""
            await self._lose(handle, f"the scheduler ended it before it began{why}")
        else:  # as after a scheduler that forgets: whoever comes first claims
            handle.seen, handle.since = Seen(there=There.WAITING), 0
            handle.launching = asyncio.create_task(self._launch(handle))


async def _cancelled(*tasks: asyncio.Task[None] | None) -> None:
    running = [task for task in tasks if task is not None]
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)


async def _within(seconds: float, event: asyncio.Event) -> None:
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(seconds):
            await event.wait()


async def _nothing(_: LauncherAway) -> None:
    """Tell nobody."""


async def _persistently(
    ask: Callable[[], Awaitable[None]],
    on_away: Callable[[LauncherAway], Awaitable[None]] = _nothing,
) -> None:
    """Ask again while the scheduler, or the store, is away.

    Parameters
    ----------
    on_away
        Called each time that the scheduler is.
    """
    pause = _FIRST
    while True:
        try:
            return await ask()
        except (LauncherAway, StoreUnavailable) as problem:
            _log.info("asked again in %s s: %s", pause, problem)
            if isinstance(problem, LauncherAway):
                await on_away(problem)
        await asyncio.sleep(pause)
        pause = min(pause * 2, _MOST)
