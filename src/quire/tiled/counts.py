"""Counts of runs that took long, kept for a while: every page of tiled tells one."""

import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable

_MOST = 256
_LONGER = 10.0


class Counts:
    """Keeps a count for ten times as long as it took to count, at most ten seconds.

    So what is counted fast is always fresh, and what is not costs a tenth of the time.
    """

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._kept: OrderedDict[str, tuple[float, int]] = OrderedDict()

    async def get(self, key: str, count: Callable[[], Awaitable[int]]) -> int:
        """Return a count, kept or new.

        Parameters
        ----------
        key
            Of the question that is counted.
        """
        began = self._now()
        until, kept = self._kept.get(key, (0.0, 0))
        if began < until:
            return kept
        found = await count()
        ended = self._now()
        self._kept[key] = (ended + min(_LONGER * (ended - began), _LONGER), found)
        self._kept.move_to_end(key)
        if len(self._kept) > _MOST:
            self._kept.popitem(last=False)
        return found
