"""What an attempt said in passing, until it is in its job's log.

Most attempts that are over at once say one thing before they end. It waits a moment for
that end, so that both are one decision.
"""

import asyncio
import contextlib
import logging

from quire.actions.attempts import Attempts
from quire.errors import AttemptLost, StoreUnavailable
from quire.ports.engine import Launch
from quire.progress.event import ProgressEvent

_log = logging.getLogger(__name__)
# Seconds that what was said waits for the end of its attempt.
_MOMENT = 0.002


class Hearing:
    """Keeps one thing that an attempt said, and writes it down by itself."""

    def __init__(self, attempts: Attempts, launch: Launch) -> None:
        self._attempts = attempts
        self._launch = launch
        self._heard: ProgressEvent | None = None
        self._lost = False
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    async def hear(self, event: ProgressEvent) -> None:
        """Take what was said; something said before is written down first."""
        with contextlib.suppress(AttemptLost, StoreUnavailable):
            await self.write()
        self._heard = event
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_MOMENT, self._begin)

    async def take(self) -> ProgressEvent | None:
        """Return what is not written down, for the caller to do so.

        Raises
        ------
        AttemptLost
            What was said came too late.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._writing is not None:
            # Who waits may be cancelled, as its worker dies; the writing goes on.
            await asyncio.wait((self._writing,))
            self._writing = None
        if self._lost:
            raise AttemptLost(self._launch.job, self._launch.attempt)
        heard, self._heard = self._heard, None
        return heard

    async def write(self) -> None:
        """Write down what was said, if anything is left to.

        Raises
        ------
        AttemptLost
            It came too late.
        StoreUnavailable
            It is kept, for the next try.
        """
        heard = await self.take()
        if heard is None:
            return
        try:
            await self._attempts.tell(self._launch.job, self._launch.attempt, heard)
        except StoreUnavailable:
            self._heard = heard
            raise

    def keep(self, event: ProgressEvent | None) -> None:
        """Have back what was taken and could not be written down."""
        self._heard = event

    def forget(self) -> None:
        """Write nothing down any more."""
        if self._timer is not None:
            self._timer.cancel()
        if self._writing is not None:
            self._writing.cancel()

    def _begin(self) -> None:
        self._timer = None
        self._writing = asyncio.create_task(self._write_by_itself())

    async def _write_by_itself(self) -> None:
        heard, self._heard = self._heard, None
        if heard is None:
            return
        try:
            await self._attempts.tell(self._launch.job, self._launch.attempt, heard)
        except AttemptLost:
            self._lost = True
        except StoreUnavailable:
            self._heard = heard  # the next request tries again
        except Exception:  # noqa: BLE001  # the runner is told nothing of it
            _log.exception("%s: what it said is lost", self._launch)
