"""The short hashes of a run's documents in memory, and whose they are."""

from collections.abc import Iterable, Sequence
from itertools import chain, repeat

from quire.storage.sealed_keys import SealedKeys

# Few enough to be sealed between two deliveries: some 20 ms.
_MOST_LOOSE = 65_536
_LIGHTER = 8


class KeyIndex:
    """The numbers of the documents that have a key; nearly always one, or none.

    Most keys are never met again. So it is only noted that they are there, and the
    numbers are put in order once one of them is.

    Attributes
    ----------
    sealed
        Those of a long run's documents that are not here any more.
    """

    def __init__(self) -> None:
        self.sealed = SealedKeys()
        self._keys: set[int] = set()
        self._numbers: dict[int, tuple[int, ...]] = {}
        # What is not among the numbers yet: keys, each with its document's number.
        self._lone: tuple[list[int], list[int]] = [], []
        self._noted: list[tuple[Iterable[int], Iterable[int]]] = []

    def __len__(self) -> int:
        """How many keys are here."""
        return len(self._keys)

    @property
    def weight(self) -> int:
        """As how many keys it counts against the limit of memory."""
        return len(self) + len(self.sealed) // _LIGHTER

    def add(self, keys: Sequence[int], number: int) -> None:
        """Note that a document has these keys."""
        self._keys.update(keys)
        if len(keys) == 1:  # for half the memory
            self._lone[0].append(keys[0])
            self._lone[1].append(number)
        else:
            self._noted.append((keys, repeat(number, len(keys))))

    def add_each(self, keys: Sequence[int], first: int) -> None:
        """Note that documents have one key each; they are numbered one by one."""
        self._keys.update(keys)
        self._noted.append((keys, range(first, first + len(keys))))

    def remove(self, keys: Iterable[int], number: int) -> None:
        """Note that a document is no longer here."""
        known = self._in_order()
        for key in keys:
            left = tuple(other for other in known.get(key, ()) if other != number)
            if left:
                known[key] = left
            else:
                known.pop(key, None)
                self._keys.discard(key)

    def find(self, keys: Sequence[int]) -> dict[int, tuple[int, ...]]:
        """Return of those keys that are known the numbers of the documents."""
        found: dict[int, tuple[int, ...]] = {}
        if not self._keys.isdisjoint(keys):
            known = self._in_order()
            found = {key: known[key] for key in keys if key in known}
        for key, number in self.sealed.find(keys):
            found[key] = tuple(sorted({*found.get(key, ()), number}))
        return found

    def seal(self, most: int = _MOST_LOOSE) -> None:
        """Have no more than so many keys outside of the sealed ones."""
        if len(self) <= most:
            return
        for key, several in self._numbers.items():
            self._noted.append((repeat(key, len(several)), several))
        noted = self._taken()
        keys = list(chain.from_iterable(keys for keys, _ in noted))
        numbers = list(chain.from_iterable(numbers for _, numbers in noted))
        self.sealed.add(keys, numbers)
        self._keys, self._numbers = set(), {}

    def _in_order(self) -> dict[int, tuple[int, ...]]:
        known = self._numbers
        for keys, numbers in self._taken():
            for key, number in zip(keys, numbers, strict=True):
                there = known.get(key, ())
                if number not in there:
                    known[key] = (*there, number)
        return known

    def _taken(self) -> list[tuple[Iterable[int], Iterable[int]]]:
        """Return what was noted, which is so no more."""
        noted = [*self._noted, self._lone]
        self._lone, self._noted = ([], []), []
        return noted
