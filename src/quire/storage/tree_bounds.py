"""Between what the values of a field lie in all that a tree is true of."""

import math
import re
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from quire.runs.query.tree import (
    And,
    Between,
    Compare,
    Glob,
    Literal,
    OneOf,
    Operator,
    Or,
    Tree,
)
from quire.runs.searchable import UNIQUE


class Bounds(NamedTuple):
    """What values of a field a conjunction allows; both ends included."""

    low: Literal | None
    high: Literal | None


def bounds_of(tree: Tree | None, field: str) -> Bounds | None:
    """Return between what numbers a field lies in all that the tree is true of.

    A field that has one value, that is: see `is_joined`.
    """
    low: Literal | None = None
    high: Literal | None = None
    for part in conjuncts(tree):
        found = _bounds(part, field)
        if found is None:
            continue
        if found.low is not None and (low is None or found.low > low):  # type: ignore[operator]
            low = found.low
        if found.high is not None and (high is None or found.high < high):  # type: ignore[operator]
            high = found.high
    return None if low is None and high is None else Bounds(low, high)


def is_joined(tree: Tree | None, field: str) -> bool:
    """Return whether several parts bound a field.

    Of a field with several values each part may hold for another one, so that none need
    lie between the bounds of all parts.
    """
    return sum(_bounds(part, field) is not None for part in conjuncts(tree)) > 1


def range_of(tree: Tree | None, field: str) -> Bounds | None:
    """Return a closed range that a field must lie in, any text above any number."""
    bounds = bounds_of(tree, field)
    if bounds is not None:
        low = -math.inf if bounds.low is None else bounds.low
        return Bounds(low, math.inf if bounds.high is None else bounds.high)
    for part in conjuncts(tree):
        if isinstance(part, Glob) and part.field == field:
            start = re.split(r"[*?]", part.pattern, maxsplit=1)[0]
            if start:
                return Bounds(start, start + "\U0010ffff")
    return None


def uid_of(tree: Tree | None) -> str | None:
    """Return how the uid of all that the tree is true of begins."""
    for part in conjuncts(tree):
        match part:
            case Compare(field="uid", operator=Operator.EQUAL, value=str(uid)):
                return uid
            case Glob(field="uid", pattern=pattern):
                start = re.split(r"[*?]", pattern, maxsplit=1)[0]
                if start:
                    return start
    return None


def sides_of(tree: Tree) -> Sequence[Tree] | None:
    """Return the parts of which one must be true, None of what is no alternative."""
    match tree:
        case Or():
            return tree.parts
        case OneOf() if tree.field in UNIQUE:  # of which no index knows the values
            return [
                Compare(field=tree.field, operator=Operator.EQUAL, value=value)
                for value in tree.values
            ]
        case _:
            return None


def conjuncts(tree: Tree | None) -> Iterator[Tree]:
    """Yield the parts that must all be true."""
    if isinstance(tree, And):
        for part in tree.parts:
            yield from conjuncts(part)
    elif tree is not None:
        yield tree


def _bounds(part: Tree, field: str) -> Bounds | None:
    match part:
        case Compare() if part.field == field and _number(part.value):
            match part.operator:
                case Operator.EQUAL:
                    return Bounds(part.value, part.value)
                case Operator.LESS | Operator.LESS_OR_EQUAL:
                    return Bounds(None, part.value)
                case Operator.GREATER | Operator.GREATER_OR_EQUAL:
                    return Bounds(part.value, None)
        case Between() if part.field == field and _number(part.low):
            return Bounds(part.low, part.high)
        case OneOf() if part.field == field and all(map(_number, part.values)):
            return Bounds(min(part.values), max(part.values))
    return None


def has_several_numbers(values: Sequence[Literal]) -> bool:
    """Return whether bounds that are joined may hold for different ones of these."""
    return len(values) > 1 and sum(map(_number, values)) > 1


def _number(value: Literal) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
