"""Streams that were read, kept at hand: a client asks for each array by itself."""

import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable
from math import inf
from typing import NamedTuple

from quire.tiled.columns import Columns

_SECONDS = 30.0


class _Kept(NamedTuple):
    stamp: Hashable
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
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()

    def get(
        self, key: Hashable, stamp: Hashable, read: Callable[[], Columns]
    ) -> Columns:
        """Return a stream's columns, read anew if its stamp is another."""
        with self._lock:
            found = self._kept.get(key)
            if found and found.stamp == stamp and self._now() < found.until:
                self._kept.move_to_end(key)
                return found.columns
        columns = read()
        until = self._now() + _SECONDS if columns.may_change else inf
        with self._lock:
            self._kept[key] = _Kept(stamp, until, columns)
            self._kept.move_to_end(key)
            size = sum(one.columns.nbytes for one in self._kept.values())
            while size > self._most and len(self._kept) > 1:
                _, oldest = self._kept.popitem(last=False)
                size -= oldest.columns.nbytes
        return columns
