"""Objects as flat leaves: values by dotted path, and what could not be taken."""

import math
from collections.abc import Callable
from typing import Any

Scalar = str | int | float | bool
Leaves = dict[str, tuple[Scalar, ...]]

LONGEST_TEXT = 65_536
"""Characters of one text."""

MOST_LEAVES = 2_000
"""Paths of a run."""

MOST_FURTHER = 50_000
"""Values of a run beside the first one of each path."""

MOST_LONG_TEXT = 1_000_000
"""Characters of all long texts of a run."""

DEEPEST = 50
"""Objects and lists within each other."""

LEFT_OUT = "unsearched"
"""The path under which the paths stand of which a value was left out."""

_SHORT = 1_000  # characters of a text that nobody counts
_MOST_NAMED = 100
_LONGEST_NAME = 200
_NESTED = frozenset({dict, list, tuple})
# Which values a comparison can hold, by their type; texts are judged on the spot.
_COMPARABLE: dict[type, Callable[[Any], bool]] = {
    bool: (False, True).__contains__,
    float: math.isfinite,
    int: range(-(2**63), 2**63).__contains__,
}


class Gathering:
    """Gathers leaves, in time that grows with their number alone.

    What no comparison can hold (NaN, infinities, integers beyond 64 bits, text with a
    NUL) and what goes beyond the limits of this module is left out, and its path noted.
    A null is no value.
    """

    __slots__ = ("_first", "_further", "_left_out", "_long", "_several")

    def __init__(self) -> None:
        self._first: Leaves = {}
        self._several: dict[str, dict[Scalar | tuple[bool], Scalar]] = {}
        self._further = 0
        self._long = 0
        self._left_out: dict[str, None] = {}

    def add(self, path: str, value: Any) -> None:
        """Add a scalar, unless its path has it already."""
        kind = type(value)
        if kind is str:
            # Of text with a NUL SQLite sees only what stands before it.
            if (len(value) > _SHORT and not self._admits(value)) or "\0" in value:
                self._leave_out(path)
                return
        elif kind not in _COMPARABLE or not _COMPARABLE[kind](value):
            if value is not None:
                self._leave_out(path)
            return
        alone = (value,)
        held = self._first.setdefault(path, alone)
        if held is not alone and (value not in held or kind is not type(held[0])):
            self._add_further(path, value)

    def add_object(self, value: dict[str, Any], path: str, depth: int = 1) -> None:
        """Add the leaves of an object under their dotted paths, the last ones first.

        Elements of a list stand under the list's own path.

        Parameters
        ----------
        path
            What their paths begin with, the dot included.
        depth
            In how many objects and lists its members lie.
        """
        found, add = self._first, self.add
        for key, item in reversed(value.items()):
            if len(found) >= MOST_LEAVES:
                self._leave_out(path + key)
                return
            if type(item) in _NESTED:
                self._add_nested(item, path + key, depth)
            else:
                add(path + key, item)

    def leaves(self) -> Leaves:
        """Return all that was taken, and under `LEFT_OUT` the paths of what was not."""
        found = self._first
        for path, values in self._several.items():
            found[path] = tuple(values.values())
        if self._left_out:
            found[LEFT_OUT] = tuple(self._left_out)
        return found

    def _add_nested(self, value: Any, path: str, depth: int) -> None:
        if depth >= DEEPEST:
            if value:
                self._leave_out(path)
            return
        if type(value) is dict:
            self.add_object(value, path + ".", depth + 1)
            return
        for item in value:
            if len(self._first) >= MOST_LEAVES or self._further > MOST_FURTHER:
                self._leave_out(path)
                return
            if type(item) in _NESTED:
                self._add_nested(item, path, depth + 1)
            else:
                self.add(path, item)

    def _add_further(self, path: str, value: Scalar) -> None:
        held = self._several.get(path)
        if held is None:
            (first,) = self._first[path]
            held = self._several[path] = {_key(first): first}
        key = _key(value)
        if key in held:
            return
        self._further += 1
        if self._further > MOST_FURTHER:
            self._leave_out(path)
        else:
            held[key] = value

    def _admits(self, text: str) -> bool:
        if len(text) > min(LONGEST_TEXT, MOST_LONG_TEXT - self._long):
            return False
        self._long += len(text)
        return True

    def _leave_out(self, path: str) -> None:
        name = path[:_LONGEST_NAME].replace("\0", "")
        if len(self._left_out) < _MOST_NAMED:
            self._left_out[name] = None


def _key(value: Scalar) -> Scalar | tuple[bool]:
    """Return what two values have in common that compare as one: 1 and 1.0 do."""
    return (value,) if isinstance(value, bool) else value
