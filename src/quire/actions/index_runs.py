"""Keeping the indexes of runs behind the commits."""

import asyncio
import logging

from quire.errors import QuireError
from quire.ports.doorbell import Doorbell
from quire.ports.store import Store, Transaction

_log = logging.getLogger(__name__)
_BLOCK = 1000
_MANY = 200
"""So many at once, and there are likely more: as many as PostgreSQL describes anew."""

_GATHER_SECONDS = 0.25
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
        """Feed for ever; ends by cancellation.

        What comes steadily is fed a few times a second: each time is a commit, beside
        those that acknowledge it.
        """
        while True:
            ticket = self._doorbell.ticket("runs")
            fed = 0
            try:
                fed = await self._feed()
            except QuireError as problem:
                _log.warning("runs are not indexed now: %s", problem)
            if not fed:
                await self._doorbell.wait("runs", ticket, _SILENCE_SECONDS)
            await asyncio.sleep(_PAUSE_SECONDS if fed >= _MANY else _GATHER_SECONDS)

    async def feed_all(self) -> int:
        """Index all that has changed; return how many runs."""
        total = 0
        while fed := await self._feed():
            total += fed
            await asyncio.sleep(_PAUSE_SECONDS)
        return total

    async def _feed(self) -> int:
        def decide(tx: Transaction) -> int:
            tx.run_index.described_as(self._version)
            return tx.run_index.feed(_BLOCK)

        return await self._store.decide(decide)
