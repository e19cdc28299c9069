"""The keys of a long run, in sorted arrays: a sixth of what a dictionary takes.

A run in use has its keys in memory however many events it has, for each of the next may
be one that was sent before. What has gathered in a dictionary is put here from time to
time.
"""

from collections.abc import Iterable, Sequence
from typing import Any, Literal

# Two arrays are merged up to so many keys: that takes some 50 ms.
_LARGEST = 2**19


class SealedKeys:
    """Numbers of documents by their keys, 16 bytes each; nothing is ever removed."""

    def __init__(self) -> None:
        self._parts: list[tuple[Any, Any]] = []

    def __len__(self) -> int:
        """How many pairs there are."""
        return sum(len(keys) for keys, _ in self._parts)

    def add(self, keys: Sequence[int], numbers: Sequence[int]) -> None:
        """Put pairs of a key (a signed integer of 64 bits) and a number."""
        import numpy as np

        part = _sorted(np.array(keys, np.int64), np.array(numbers, np.int64), None)
        while self._parts and len(self._parts[-1][0]) + len(part[0]) <= _LARGEST:
            last = self._parts.pop()
            merged = [np.concatenate(both) for both in zip(last, part, strict=True)]
            # It is quick with what is in order.
            part = _sorted(merged[0], merged[1], "stable")
        self._parts.append(part)

    def find(self, keys: Sequence[int]) -> Iterable[tuple[int, int]]:
        """Yield the pairs of some keys, in no order."""
        if not self._parts:
            return
        import numpy as np

        wanted = np.array(keys, np.int64)
        for known, numbers in self._parts:
            begin = known.searchsorted(wanted)
            hits = known[np.minimum(begin, len(known) - 1)] == wanted
            if not hits.any():
                continue
            end = known.searchsorted(wanted, side="right")
            for place in hits.nonzero()[0].tolist():
                for number in numbers[begin[place] : end[place]].tolist():
                    yield keys[place], number


def _sorted(keys: Any, numbers: Any, kind: Literal["stable"] | None) -> tuple[Any, Any]:
    order = keys.argsort(kind=kind)
    return keys[order], numbers[order]
