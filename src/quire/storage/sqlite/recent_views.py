"""What runs are searched by as it was made last, kept until the index takes it."""

from collections import OrderedDict

from quire.runs.searchable import Searchable

_MOST_LEAVES = 100_000
"""Over all runs that are kept; some 200 bytes each."""

_LEAF = 200
"""Bytes of a record that count as a leaf: long texts and lists are one alone."""


class RecentViews:
    """What was made of records, so that it need not be made again a moment later.

    An entry is good for its record alone, whatever became of the decision that put it.
    """

    def __init__(self, most: int = _MOST_LEAVES) -> None:
        self._most = most
        self._kept: OrderedDict[int, tuple[bytes, Searchable]] = OrderedDict()
        self._leaves = 0

    def put(self, number: int, record: bytes, found: Searchable) -> None:
        """Keep what was made of the record of a row; the oldest go."""
        self._drop(number)
        self._kept[number] = (record, found)
        self._leaves += _weight(record, found)
        while self._leaves > self._most:
            self._drop(next(iter(self._kept)))

    def take(self, number: int, record: bytes) -> Searchable | None:
        """Return what was made of this very record, and keep it no longer."""
        kept = self._drop(number)
        return kept[1] if kept is not None and kept[0] == record else None

    def _drop(self, number: int) -> tuple[bytes, Searchable] | None:
        kept = self._kept.pop(number, None)
        if kept is not None:
            self._leaves -= _weight(*kept)
        return kept


def _weight(record: bytes, found: Searchable) -> int:
    return len(found.leaves) + len(record) // _LEAF
