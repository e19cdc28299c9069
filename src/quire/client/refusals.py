"""Documents that the server will not have, on their way to the spool's folder."""

import errno
import os
import threading
from collections import deque
from collections.abc import Sequence

from quire.client.spool import Refusal, Spool

LIMIT = 64 * 2**20


class Refusals:
    """Keeps what is refused, in memory for as long as the spool's disk is full.

    Else one that cannot be kept would hold up all that the server would take.

    Parameters
    ----------
    limit
        Bytes that it may hold.
    """

    def __init__(self, spool: Spool, limit: int = LIMIT) -> None:
        self._spool = spool
        self._limit = limit
        self._waiting: deque[Refusal] = deque()
        self._guard = threading.Lock()

    def keep(self, refused: Sequence[Refusal]) -> bool:
        """Keep documents; return whether they are on disk.

        Raises
        ------
        OSError
            Nor is there room for them in memory: none of them is kept.
        """
        with self._guard:
            held = sum(len(one.line) for one in (*self._waiting, *refused))
            if self._waiting and held > self._limit:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            self._waiting += refused
        return self.write()

    def write(self) -> bool:
        """Write what is in memory; return whether all of it is on disk."""
        with self._guard:
            try:
                while self._waiting:
                    self._spool.keep_refused(self._waiting[0])
                    self._waiting.popleft()
            except OSError:
                return False
        return True

    def clear(self) -> int:
        """Forget what is in memory; return how many documents that were."""
        with self._guard:
            count = len(self._waiting)
            self._waiting.clear()
            return count
