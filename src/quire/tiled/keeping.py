"""Streams that were read, kept at hand: a client asks for each array by itself."""

import threading
from collections import OrderedDict
from collections.abc import Callable, Hashable

from quire.tiled.columns import Columns


class KeptStreams:
    """The columns of the streams that were looked at last.

    Parameters
    ----------
    most
        Bytes of values, about; the latest stream is kept however long it is.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._lock = threading.Lock()
        self._kept: OrderedDict[Hashable, tuple[Hashable, Columns]] = OrderedDict()

    def get(
        self, key: Hashable, stamp: Hashable, read: Callable[[], Columns]
    ) -> Columns:
        """Return a stream's columns, read anew if its stamp is another."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None and found[0] == stamp:
                self._kept.move_to_end(key)
                return found[1]
        columns = read()
        with self._lock:
            self._kept[key] = (stamp, columns)
            self._kept.move_to_end(key)
            size = sum(one.nbytes for _, one in self._kept.values())
            while size > self._most and len(self._kept) > 1:
                _, (_, oldest) = self._kept.popitem(last=False)
                size -= oldest.nbytes
        return columns
