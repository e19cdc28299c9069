"""Doing once, over all servers, what each of them is set up to do."""

import asyncio
import logging
from collections.abc import Awaitable, Callable

from quire.ports.leadership import Leadership

_log = logging.getLogger(__name__)
_ASK_SECONDS = 2.0


class Led:
    """Work that runs here for as long as this server has the task.

    Parameters
    ----------
    begin, end
        Start the work, and stop it; both may be called again and again, in turn.
    """

    def __init__(
        self,
        leadership: Leadership,
        task: str,
        *,
        begin: Callable[[], None],
        end: Callable[[], Awaitable[None]],
    ) -> None:
        self._leadership = leadership
        self._task = task
        self._begin = begin
        self._end = end
        self._going = False

    async def run(self) -> None:
        """Begin and end as the task comes and goes; stopped by cancellation."""
        while True:
            await self.look()
            await asyncio.sleep(_ASK_SECONDS)

    async def look(self) -> None:
        """Begin if the task is ours by now, end if it is not any more."""
        ours = await self._leadership.holds(self._task)
        if ours and not self._going:
            self._going = True
            self._begin()
        elif self._going and not ours:
            _log.warning("%s: not here; another server has it, or none can", self._task)
            await self.stop()

    async def stop(self) -> None:
        """End the work if it goes on here."""
        if self._going:
            self._going = False
            await self._end()


async def while_leading(
    leadership: Leadership, task: str, work: Callable[[], Awaitable[None]]
) -> None:
    """Run work that never returns while the task is ours; cancelled when it is not."""
    going: asyncio.Task[None] | None = None
    try:
        while True:
            ours = await leadership.holds(task)
            if ours and (going is None or going.done()):
                going = asyncio.ensure_future(work())
            elif not ours and going is not None:
                going.cancel()
                going = None
            await asyncio.sleep(_ASK_SECONDS)
    finally:
        if going is not None:
            going.cancel()
            await asyncio.gather(going, return_exceptions=True)
