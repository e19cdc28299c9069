"""Which short hashes a run has already, kept in memory for the runs in use."""

from collections import OrderedDict
from collections.abc import Iterable

from quire.storage.sqlite.uids import Uid

KeyIndex = dict[int, tuple[int, ...]]
"""The numbers of the documents that have a key."""


class KnownKeys:
    """A bounded memory of the key indexes of runs; least recently used go first.

    Parameters
    ----------
    limit
        How many keys to keep over all runs (some 150 bytes each). The run in use
        stays however many it has.
    most_runs
        How many runs to keep.
    """

    def __init__(self, limit: int = 500_000, *, most_runs: int = 1024) -> None:
        self._limit = limit
        self._most_runs = most_runs
        self._runs: OrderedDict[Uid | None, KeyIndex] = OrderedDict()
        # As of the last time that the run was asked for: an index grows while it is
        # here, and to count all for each new run would cost more than all else.
        self._sizes: dict[Uid | None, int] = {}
        self._kept = 0

    def get(self, run: Uid | None) -> KeyIndex | None:
        """Return the run's index if it is here."""
        index = self._runs.get(run)
        if index is not None:
            self._runs.move_to_end(run)
            self._count(run, len(index))
        return index

    def put(self, run: Uid | None, index: KeyIndex) -> None:
        """Keep the run's index."""
        self._runs[run] = index
        self._runs.move_to_end(run)
        self._count(run, len(index))
        while len(self._runs) > 1 and (
            self._kept > self._limit or len(self._runs) > self._most_runs
        ):
            oldest, _ = self._runs.popitem(last=False)
            self._count(oldest, 0)

    def forget(self, run: Uid | None) -> None:
        """Have the run's index read again from the store when next asked for."""
        if self._runs.pop(run, None) is not None:
            self._count(run, 0)

    def _count(self, run: Uid | None, size: int) -> None:
        self._kept += size - self._sizes.pop(run, 0)
        if size:
            self._sizes[run] = size


def add(index: KeyIndex, keys: Iterable[int], number: int) -> None:
    """Note that a document has these keys."""
    alone = (number,)
    for key in keys:
        others = index.get(key)
        if others is None:
            index[key] = alone
        elif number not in others:
            index[key] = (*others, number)


def remove(index: KeyIndex, keys: Iterable[int], number: int) -> None:
    """Note that a document is no longer here."""
    for key in keys:
        left = tuple(other for other in index.get(key, ()) if other != number)
        if left:
            index[key] = left
        else:
            index.pop(key, None)
