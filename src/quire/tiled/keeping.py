"""Streams that were read, kept at hand: a client asks for each array by itself."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from math import inf
from typing import NamedTuple

from quire.tiled.columns import Columns

_SECONDS = 30.0
_TURNS = 64


class _Kept(NamedTuple):
    stamp: Hashable
    made: float
    until: float
    columns: Columns


class KeptStreams:
    """The columns of the streams that were looked at last.

    Parameters
    ----------
    most
        Bytes of values, about; the latest stream is kept however long it is.
    now
        Gives seconds, by any clock that goes on: a stream with data in files is kept
        but for some of them.
    """

    def __init__(self, most: int, now: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._now = now
        self._lock = threading.Lock()
        self._turns = [threading.Lock() for _ in range(_TURNS)]
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()

    def get(
        self,
        key: Hashable,
        stamp: Hashable,
        read: Callable[[Columns | None], Columns],
        lag: float = 0.0,
    ) -> Columns:
        """Return a stream's columns, read anew if its stamp is another.

        Parameters
        ----------
        read
            Reads them; it is given what was kept.
        lag
            Seconds for which they are kept though the stamp is another.
        """
        found = self._held(key, stamp, lag)
        if found is None:
            # Of those who ask at once all get the same.
            with self._turns[hash(key) % _TURNS]:
                found = self._held(key, stamp, lag) or self._read(key, stamp, read)
        return found

    def _held(self, key: Hashable, stamp: Hashable, lag: float) -> Columns | None:
        with self._lock:
            found, now = self._kept.get(key), self._now()
            if found is None or now >= found.until:
                return None
            if found.stamp != stamp and now >= found.made + lag:
                return None
            self._kept.move_to_end(key)
            return found.columns

    def _read(
        self, key: Hashable, stamp: Hashable, read: Callable[[Columns | None], Columns]
    ) -> Columns:
        with self._lock:
            found, now = self._kept.get(key), self._now()
        columns = read(found.columns if found else None)
        until = now + _SECONDS if columns.may_change else inf
        with self._lock:
            self._kept[key] = _Kept(stamp, now, until, columns)
            self._kept.move_to_end(key)
            size = sum(one.columns.nbytes for one in self._kept.values())
            while size > self._most and len(self._kept) > 1:
                _, oldest = self._kept.popitem(last=False)
                size -= oldest.columns.nbytes
        return columns
