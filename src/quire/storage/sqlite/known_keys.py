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
    """

    def __init__(self, limit: int = 500_000) -> None:
        self._limit = limit
        self._runs: OrderedDict[Uid | None, KeyIndex] = OrderedDict()

    def get(self, run: Uid | None) -> KeyIndex | None:
        """Return the run's index if it is here."""
        index = self._runs.get(run)
        if index is not None:
            self._runs.move_to_end(run)
        return index

    def put(self, run: Uid | None, index: KeyIndex) -> None:
        """Keep the run's index."""
        self._runs[run] = index
        self._runs.move_to_end(run)
        kept = sum(len(other) for other in self._runs.values())
        while kept > self._limit and len(self._runs) > 1:
            _, dropped = self._runs.popitem(last=False)
            kept -= len(dropped)

    def forget(self, run: Uid | None) -> None:
        """Have the run's index read again from the store when next asked for."""
        self._runs.pop(run, None)


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
