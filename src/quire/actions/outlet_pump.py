"""The loop of one outlet: steps as long as there is work, rests, and backs off."""

import asyncio
import contextlib
import logging
import random
from collections.abc import Sequence
from enum import Enum
from typing import Protocol

import msgspec

from quire.clock import Clock
from quire.errors import QuireError
from quire.jobs.retrying import RetryPolicy
from quire.ports.doorbell import Doorbell
from quire.ports.outbox_records import Amount, Outgoing, Position

_log = logging.getLogger(__name__)
_CLOSE_SECONDS = 5.0


class Pace(Enum):
    """How much a step found to do."""

    IDLE = "idle"
    PARTLY = "partly"
    FULL = "full"


def pace_of(page: Sequence[Outgoing], amount: Amount) -> Pace:
    """Return how much there is to do, by how much was found."""
    if not page:
        return Pace.IDLE
    size = sum(len(one.document.raw) for one in page)
    full = len(page) * 2 >= amount.documents or size * 2 >= amount.size
    return Pace.FULL if full else Pace.PARTLY


class Steps(Protocol):
    """The work of an outlet.

    Attributes
    ----------
    position
        How far it has come; may be ahead of what is stored.
    sent
        Documents that went out since the start, repeated ones included.
    wake_at
        Unix seconds at which there is work again, None if only a ring tells.
    """

    position: Position
    sent: int
    wake_at: float | None

    async def begin(self) -> None:
        """Find out where the outlet was."""
        ...

    async def step(self) -> Pace:
        """Do a piece of the work; raises `OutletUnavailable` where it cannot."""
        ...

    async def end(self) -> None:
        """Store how far the outlet has come, and let go of its target."""
        ...


class Pacing(msgspec.Struct, frozen=True, kw_only=True):
    """How an outlet waits; in seconds.

    Attributes
    ----------
    linger
        After a small piece, so that the next one is larger.
    idle
        At most, without a ring.
    first, longest
        After the first failure and, doubling with jitter, after many in a row.
    again
        Before a whole run that failed is written again; doubling, three times.
    """

    linger: float = 0.05
    idle: float = 5.0
    first: float = 0.5
    longest: float = 60.0
    again: float = 10.0


class Trouble(msgspec.Struct, frozen=True, kw_only=True):
    """Why an outlet waits: the failure, when it was, and when it tries again.

    Attributes
    ----------
    since
        Unix seconds of the first of the failures in a row.
    """

    error: str
    at: float
    next_try: float
    failures: int
    since: float


class Pump:
    """Runs the steps of one outlet until it is stopped.

    Attributes
    ----------
    steps
        What it runs.
    trouble
        None while all is well.
    """

    def __init__(
        self, name: str, steps: Steps, doorbell: Doorbell, clock: Clock, pacing: Pacing
    ) -> None:
        self.steps = steps
        self.trouble: Trouble | None = None
        self._name = name
        self._doorbell = doorbell
        self._clock = clock
        self._pacing = pacing
        self._policy = RetryPolicy(first=pacing.first, longest=pacing.longest)
        self._nudged = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._random = random.Random()  # noqa: S311 - spreading, no secret

    @property
    def running(self) -> bool:
        """Whether it runs here: of several servers on a store one forwards."""
        return self._task is not None

    def start(self) -> None:
        """Begin, in the background."""
        self._task = asyncio.create_task(self._run(), name=f"outlet {self._name}")

    def nudge(self) -> None:
        """Look again at once, however long it meant to wait."""
        self._nudged.set()

    async def stop(self) -> None:
        """End; what was not confirmed by then is sent again next time."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
            self.trouble = None
        try:
            async with asyncio.timeout(_CLOSE_SECONDS):
                await self.steps.end()
        except (QuireError, TimeoutError) as problem:
            _log.warning("outlet %s did not end well: %s", self._name, problem)

    async def _run(self) -> None:
        begun = False
        while True:
            ticket = self._doorbell.ticket("runs")
            try:
                if not begun:
                    await self.steps.begin()
                    begun = True
                pace = await self.steps.step()
            except QuireError as problem:
                await self._back_off(problem)
            except Exception as problem:  # noqa: BLE001
                # A defect must not end the outlet without a word.
                _log.exception("outlet %s failed", self._name)
                await self._back_off(problem)
            else:
                self._be_well()
                await self._rest(pace, ticket)

    def _be_well(self) -> None:
        if self.trouble is not None:
            waited = self._clock.now() - self.trouble.since
            _log.warning("outlet %s goes on after %.0f s", self._name, waited)
            self.trouble = None

    async def _back_off(self, problem: Exception) -> None:
        now = self._clock.now()
        former = self.trouble
        failures = 1 if former is None else former.failures + 1
        asked = getattr(problem, "retry_after", 0.0)
        wait = self._policy.delay(failures) * self._random.uniform(0.5, 1.0)
        wait = max(wait, min(asked, self._pacing.longest))
        told = isinstance(problem, QuireError)
        self.trouble = Trouble(
            error=str(problem) if told else f"{type(problem).__name__}: {problem}",
            at=now,
            next_try=now + wait,
            failures=failures,
            since=now if former is None else former.since,
        )
        if told and (former is None or former.error != self.trouble.error):
            _log.warning("outlet %s waits: %s", self._name, problem)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(wait):
                await self._nudged.wait()
        self._nudged.clear()

    async def _rest(self, pace: Pace, ticket: int) -> None:
        if pace is Pace.FULL:
            return
        if pace is Pace.IDLE:
            await self._wait_for_work(ticket)
        self._nudged.clear()
        await asyncio.sleep(self._pacing.linger)

    async def _wait_for_work(self, ticket: int) -> None:
        wait = self._pacing.idle
        if self.steps.wake_at is not None:
            wait = min(wait, max(self.steps.wake_at - self._clock.now(), 0.0))
        waits = (
            asyncio.ensure_future(self._doorbell.wait("runs", ticket, wait)),
            asyncio.ensure_future(self._nudged.wait()),
        )
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for one in waits:
                one.cancel()
            await asyncio.gather(*waits, return_exceptions=True)
