"""Which short hashes a run has already, kept in memory for the runs in use."""

from collections import OrderedDict
from collections.abc import Iterable, Sequence
from itertools import chain

from quire.storage.sealed_keys import SealedKeys
from quire.storage.sqlite.uids import Uid

# Few enough to be sealed between two deliveries: some 20 ms.
_MOST_LOOSE = 65_536
_LIGHTER = 8


class KeyIndex(dict[int, int | tuple[int, ...]]):
    """The number of the document that has a key; of several, which is rare, all.

    Attributes
    ----------
    sealed
        Those of a long run's documents that are not here any more.
    """

    def __init__(self) -> None:
        self.sealed = SealedKeys()

    @property
    def weight(self) -> int:
        """As how many keys it counts against the limit of memory."""
        return len(self) + len(self.sealed) // _LIGHTER


class KnownKeys:
    """A bounded memory of the key indexes of runs; least recently used go first.

    Parameters
    ----------
    limit
        How many keys to keep over all runs (some 120 bytes each, 16 if sealed). The
        run in use stays however many it has.
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
            self._count(run, index.weight)
        return index

    def put(self, run: Uid | None, index: KeyIndex) -> None:
        """Keep the run's index."""
        self._runs[run] = index
        self._runs.move_to_end(run)
        self._count(run, index.weight)
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


def numbers(index: KeyIndex, key: int) -> tuple[int, ...]:
    """Return the numbers of the documents that have a key."""
    found = index.get(key, ())
    return (found,) if isinstance(found, int) else found


def hits(index: KeyIndex, keys: Sequence[int]) -> dict[int, tuple[int, ...]]:
    """Return of those keys that are known the numbers of the documents."""
    found: dict[int, tuple[int, ...]] = {}
    if not index.keys().isdisjoint(keys):
        found = {key: numbers(index, key) for key in keys if key in index}
    for key, number in index.sealed.find(keys):
        found[key] = tuple(sorted({*found.get(key, ()), number}))
    return found


def seal(index: KeyIndex, most: int = _MOST_LOOSE) -> None:
    """Have no more than so many keys in the dictionary."""
    if len(index) > most:
        index.sealed.add([(key, one) for key in index for one in numbers(index, key)])
        index.clear()


def add(index: KeyIndex, keys: Iterable[int], number: int) -> None:
    """Note that a document has these keys."""
    for key in keys:
        if index.setdefault(key, number) != number:
            others = numbers(index, key)
            if number not in others:
                index[key] = (*others, number)


def add_all(index: KeyIndex, keys: Sequence[Sequence[int]], first: int) -> None:
    """Note the keys of many documents, which are numbered one after the other."""
    flat = list(chain.from_iterable(keys))
    before = len(index)
    if index.keys().isdisjoint(flat):
        if len(flat) == len(keys):  # one each
            index.update(zip(flat, range(first, first + len(flat)), strict=True))
        else:
            for number, own in enumerate(keys, first):
                index.update(dict.fromkeys(own, number))
    if len(index) < before + len(flat):
        for number, own in enumerate(keys, first):
            add(index, own, number)


def remove(index: KeyIndex, keys: Iterable[int], number: int) -> None:
    """Note that a document is no longer here."""
    for key in keys:
        left = tuple(other for other in numbers(index, key) if other != number)
        if left:
            index[key] = left
        else:
            index.pop(key, None)
