"""Keeping the indexes of runs behind the commits."""

import asyncio
import logging
import time

from quire.errors import QuireError
from quire.ports.doorbell import Doorbell
from quire.ports.store import Store, Transaction

_log = logging.getLogger(__name__)
_BLOCK = 1000
_MANY = 200
"""So many at once, and there are likely more."""

_GATHER_SECONDS = 0.25
_SILENCE_SECONDS = 60.0
_PAUSE_SECONDS = 0.02
_FORMER = (
    "what runs are searched by has changed: all are described anew, newest first;"
    " searches find those that are left by what described them before"
)


class RunIndexer:
    """Feeds what has changed to the indexes, in blocks.

    A block holds up ingest for some ten milliseconds; behind it others have as long for
    themselves.

    Parameters
    ----------
    version
        Names what runs are described by; when it changes all are described anew.
    """

    def __init__(self, store: Store, doorbell: Doorbell, *, version: str) -> None:
        self._store = store
        self._doorbell = doorbell
        self._version = version
        self._outdated = False

    async def run(self) -> None:
        """Feed for ever; ends by cancellation.

        What comes steadily is fed a few times a second: each time is a commit, beside
        those that acknowledge it.
        """
        while True:
            ticket, begun = self._doorbell.ticket("runs"), time.monotonic()
            fed = 0
            try:
                fed = await self._feed()
            except QuireError as problem:
                _log.warning("runs are not indexed now: %s", problem)
            if not fed:
                await self._doorbell.wait("runs", ticket, _SILENCE_SECONDS)
            pause = max(_PAUSE_SECONDS, time.monotonic() - begun)
            more = fed >= _MANY or (fed and self._outdated)
            await asyncio.sleep(pause if more else _GATHER_SECONDS)

    async def feed_all(self) -> int:
        """Index all that has changed; return how many runs."""
        total = 0
        while fed := await self._feed():
            total += fed
            await asyncio.sleep(_PAUSE_SECONDS)
        return total

    async def _feed(self) -> int:
        def decide(tx: Transaction) -> tuple[int, bool]:
            outdated = tx.run_index.described_as(self._version)
            return tx.run_index.feed(_BLOCK), outdated

        fed, outdated = await self._store.decide(decide)
        if outdated != self._outdated:
            self._outdated = outdated
            _log.warning(_FORMER if outdated else "all runs are described anew")
        return fed
