"""Keeping the indexes of runs behind the commits."""

import asyncio
import logging

from quire.errors import QuireError
from quire.ports.doorbell import Doorbell
from quire.ports.store import Store

_log = logging.getLogger(__name__)
_BLOCK = 1000
_GATHER_SECONDS = 1.0
_SILENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.02


class RunIndexer:
    """Feeds what has changed to the indexes, in blocks.

    A block holds up ingest for some ten milliseconds; between two of them others have
    their turn.

    Parameters
    ----------
    version
        Names what runs are described by; when it changes all are described anew.
    """

    def __init__(self, store: Store, doorbell: Doorbell, *, version: str) -> None:
        self._store = store
        self._doorbell = doorbell
        self._version = version

    async def run(self) -> None:
        """Feed for ever; ends by cancellation."""
        while True:
            ticket = self._doorbell.ticket("runs")
            try:
                await self.feed_all()
            except QuireError as problem:
                _log.warning("runs are not indexed now: %s", problem)
            await self._doorbell.wait("runs", ticket, _SILENCE_SECONDS)
            await asyncio.sleep(_GATHER_SECONDS)

    async def feed_all(self) -> int:
        """Index all that has changed; return how many runs."""
        await self._store.decide(lambda tx: tx.run_index.described_as(self._version))
        total = 0
        while fed := await self._store.decide(lambda tx: tx.run_index.feed(_BLOCK)):
            total += fed
            await asyncio.sleep(_PAUSE_SECONDS)
        return total
