"""Places in long lists of runs: cursors as tiled has them, and where offsets lie."""

import time
from collections import OrderedDict
from collections.abc import Callable

STRIDE = 1000
_LISTS = 64
_PLACES = 256
_SECONDS = 30.0


def to_number(cursor: str | None) -> int | None:
    """Return a cursor as the number that tiled takes for one.

    It is the cursor itself, so that any process of several can go on from it.
    """
    return None if cursor is None else int.from_bytes(cursor.encode("ascii"), "big")


def from_number(number: int | None) -> str | None:
    """Return the cursor that a number stands for; what is none the server refuses."""
    if number is None:
        return None
    raw = number.to_bytes((number.bit_length() + 7) // 8, "big")
    return raw.decode("ascii", "replace")


class Places:
    """Cursors of some places in the lists that were walked lately."""

    def __init__(self, now: Callable[[], float] = time.monotonic) -> None:
        self._now = now
        self._lists: OrderedDict[str, dict[int, tuple[float, str]]] = OrderedDict()

    def nearest(self, key: str, offset: int) -> tuple[int, str | None]:
        """Return the greatest known offset up to this one, and its cursor."""
        oldest = self._now() - _SECONDS
        found = self._lists.get(key, {})
        known = [
            at for at, (when, _) in found.items() if at <= offset and when > oldest
        ]
        at = max(known, default=0)
        return (at, found[at][1]) if at else (0, None)

    def put(self, key: str, offset: int, cursor: str) -> None:
        """Remember where an offset of a list lies."""
        places = self._lists.setdefault(key, {})
        places.pop(offset, None)
        places[offset] = (self._now(), cursor)
        if len(places) > _PLACES:
            del places[next(iter(places))]
        self._lists.move_to_end(key)
        while len(self._lists) > _LISTS:
            self._lists.popitem(last=False)
