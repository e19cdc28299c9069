"""Documents that could not be spooled, in memory until the server has them."""

import threading
from collections import deque
from collections.abc import Callable

LIMIT = 64 * 2**20


class Overflow:
    """A bounded queue of lines, for as long as the spool's disk is full.

    Parameters
    ----------
    limit
        Bytes that it may hold.
    """

    def __init__(self, limit: int = LIMIT) -> None:
        self._limit = limit
        self._lines: deque[bytes] = deque()
        self._size = 0
        self._guard = threading.Lock()

    def append(self, line: bytes) -> bool:
        """Keep a line; return False where there is no room, and it is lost."""
        with self._guard:
            if self._size + len(line) > self._limit:
                return False
            self._lines.append(line)
            self._size += len(line)
            return True

    def batch(self, limit: int) -> bytes:
        """Return lines to be sent, about `limit` bytes, at least one if there is any."""
        chosen: list[bytes] = []
        with self._guard:
            for line in self._lines:
                chosen.append(line)
                limit -= len(line)
                if limit <= 0:
                    break
        return b"".join(chosen)

    def acknowledge(self, length: int) -> None:
        """Forget so many bytes, from the front."""
        with self._guard:
            while length > 0 and self._lines:
                line = self._lines.popleft()
                self._size -= len(line)
                length -= len(line)

    def move(self, keep: Callable[[bytes], None]) -> None:
        """Hand all of it to `keep`, a line at a time; where it raises, the rest stays.

        Raises
        ------
        Exception
            Whatever `keep` raises.
        """
        while line := self.batch(1):
            keep(line)
            self.acknowledge(len(line))

    def clear(self) -> int:
        """Forget all of it; return how many lines that were."""
        with self._guard:
            count = len(self._lines)
            self._lines.clear()
            self._size = 0
            return count
