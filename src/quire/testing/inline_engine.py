"""An engine without processes, for tests of what stands above engines."""

import asyncio
import threading
from collections.abc import Coroutine, Mapping
from typing import Any, TypeVar

from quire.actions.attempts import Attempts
from quire.engines.attempt import run_attempt
from quire.errors import AttemptLost
from quire.jobs.job import Assignment, Completed, JobResult, Outcome, Standing
from quire.ports.doorbell import Doorbell
from quire.ports.engine import Launch, NoFreeSlot
from quire.ports.kind import Kind
from quire.progress.event import ProgressEvent

T = TypeVar("T")


class InlineEngine:
    """A `quire.ports.engine.Engine` whose attempts are threads of this process.

    A thread cannot be killed: `kill` and `stop` wait until the work has asked
    `JobContext.cancelled` or told something.
    """

    def __init__(
        self,
        attempts: Attempts,
        doorbell: Doorbell,
        kinds: Mapping[str, Kind],
        *,
        slots: int = 4,
    ) -> None:
        self._attempts = attempts
        self._doorbell = doorbell
        self._kinds = kinds
        self._slots = slots
        self._started = False
        self._running: dict[tuple[str, int], tuple[_Line, asyncio.Task[None]]] = {}

    async def start(self) -> None:
        """Get ready to launch."""
        self._started = True

    def free(self) -> int:
        """Return how many attempts can be launched now."""
        return self._slots - len(self._running) if self._started else 0

    async def launch(self, launch: Launch) -> None:
        """Start an attempt.

        Raises
        ------
        NoFreeSlot
            There is no room for it now.
        """
        key = (launch.job, launch.attempt)
        if key in self._running:
            return
        if self.free() < 1:
            raise NoFreeSlot(self._slots)
        line = _Line(self._attempts, launch)
        self._running[key] = line, asyncio.create_task(self._run(line))

    async def kill(self, job: str, attempt: int) -> None:
        """End an attempt; idempotent."""
        if (job, attempt) in self._running:
            line, task = self._running[job, attempt]
            line.cut()
            await asyncio.shield(task)

    async def stop(self) -> None:
        """End everything."""
        self._started = False
        for job, attempt in list(self._running):
            await self.kill(job, attempt)

    async def _run(self, line: "_Line") -> None:
        launch = line.launch
        timer = asyncio.create_task(self._overrun(line)) if launch.deadline else None
        try:
            await asyncio.to_thread(run_attempt, line, self._kinds, beat_seconds=0.01)
            if not line.completed and self._started:
                await self._attempts.clear(launch.job, launch.attempt)
        finally:
            if timer is not None:
                timer.cancel()
            del self._running[launch.job, launch.attempt]
            self._doorbell.ring(["jobs"])

    async def _overrun(self, line: "_Line") -> None:
        await asyncio.sleep(line.launch.deadline)
        await self._attempts.overrun(line.launch.job, line.launch.attempt)
        line.cut()


class _Line:
    """`quire.ports.attempt_link.AttemptLink` from a thread to its own process."""

    def __init__(self, attempts: Attempts, launch: Launch) -> None:
        self.launch = launch
        self.completed = False
        self._attempts = attempts
        self._loop = asyncio.get_running_loop()
        self._is_cut = threading.Event()

    def cut(self) -> None:
        """Let the runner know that its attempt is over."""
        self._is_cut.set()

    def claim(self) -> Assignment:
        """Return what is to be done."""
        return self._ask(self._attempts.claim(*self._key))

    def beat(self) -> None:
        """Say that the runner lives."""
        self._ask(self._attempts.beat(*self._key))

    def tell(self, event: ProgressEvent, standing: Standing | None = None) -> None:
        """Append to the job's progress log."""
        self._ask(self._attempts.tell(*self._key, event, standing))

    def deliver(self, result: JobResult) -> None:
        """Make a finished file known while the attempt goes on."""
        self._ask(self._attempts.deliver(*self._key, result))

    def finish(self, outcome: Outcome) -> None:
        """End the attempt."""
        self._ask(self._attempts.finish(*self._key, outcome))
        self.completed = isinstance(outcome, Completed)

    @property
    def _key(self) -> tuple[str, int]:
        return self.launch.job, self.launch.attempt

    def _ask(self, request: Coroutine[Any, Any, T]) -> T:
        if self._is_cut.is_set():
            request.close()
            raise AttemptLost(*self._key)
        return asyncio.run_coroutine_threadsafe(request, self._loop).result()
