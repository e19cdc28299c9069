"""Between what places in the order of (experiment, run) lie all that a tree is true of.

Runs without a number stand last; of them nothing that compares numbers is true.
"""

import math
from collections.abc import Iterable
from functools import reduce
from typing import NamedTuple, cast

from quire.runs.query.tree import And, Compare, Operator, Or, Tree
from quire.storage.tree_bounds import Bounds, bounds_of

LEAST, ABSENT = -(2**63), 2**63 - 1
"""Below all numbers, and what stands for a missing one."""

MOST = ABSENT - 1
"""The greatest number that a run can have."""

Place = tuple[int, int]
"""Experiment and run number."""


class NumberRange(NamedTuple):
    """What a tree allows; all ends included.

    Attributes
    ----------
    low, high
        Places in the order of both numbers.
    least, most
        Run numbers, in whatever experiment.
    """

    low: Place
    high: Place
    least: int
    most: int

    @property
    def any_run(self) -> bool:
        """Whether it says nothing of run numbers by themselves."""
        return (self.least, self.most) == (LEAST, ABSENT)


_ALL = NumberRange((LEAST, LEAST), (ABSENT, ABSENT), LEAST, ABSENT)


def number_range(tree: Tree | None) -> NumberRange | None:
    """Return between what places all lies that a tree is true of, None if anywhere."""
    if tree is None:
        return None
    found = _range(tree)
    return None if found == _ALL else found


def _range(tree: Tree) -> NumberRange:
    match tree:
        case And():
            return _narrowed(reduce(_both, map(_range, tree.parts), _ALL))
        case Or() if tree.parts:
            return _hull(list(map(_range, tree.parts)))
        case _:
            return _narrowed(_leaf(tree))


def _leaf(tree: Tree) -> NumberRange:
    first, last = _integers(bounds_of(tree, "experiment"), tree)
    least, most = _integers(bounds_of(tree, "run"), tree)
    low = (LEAST, LEAST) if first is None else (first, LEAST)
    high = (ABSENT, ABSENT) if last is None else (last, ABSENT)
    return NumberRange(
        low,
        high,
        LEAST if least is None else least,
        ABSENT if most is None else most,
    )


def _integers(bounds: Bounds | None, tree: Tree) -> tuple[int | None, int | None]:
    if bounds is None:
        return None, None
    strict = tree.operator if isinstance(tree, Compare) else None
    # `bounds_of` finds numbers alone.
    low = LEAST if bounds.low is None else _up(cast("float", bounds.low))
    high = MOST if bounds.high is None else _down(cast("float", bounds.high))
    if strict is Operator.GREATER and low == bounds.low:
        low += 1
    if strict is Operator.LESS and high == bounds.high:
        high -= 1
    return max(LEAST, min(low, ABSENT)), max(LEAST, min(high, MOST))


def _up(value: float) -> int:
    return (
        math.ceil(value) if math.isfinite(value) else (ABSENT if value > 0 else LEAST)
    )


def _down(value: float) -> int:
    return math.floor(value) if math.isfinite(value) else (MOST if value > 0 else LEAST)


def _both(one: NumberRange, other: NumberRange) -> NumberRange:
    return NumberRange(
        max(one.low, other.low),
        min(one.high, other.high),
        max(one.least, other.least),
        min(one.most, other.most),
    )


def _hull(ranges: Iterable[NumberRange]) -> NumberRange:
    lows, highs, leasts, mosts = zip(*ranges, strict=True)
    return NumberRange(min(lows), max(highs), min(leasts), max(mosts))


def _narrowed(found: NumberRange) -> NumberRange:
    """Return the places with what the run numbers say of them."""
    low, high, least, most = found
    return NumberRange(
        max(low, (low[0], least)), min(high, (high[0], most)), least, most
    )
