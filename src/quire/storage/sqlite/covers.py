"""What of a tree an index can answer: a set of runs that holds all it is true of."""

import math
import re
from collections.abc import Iterator
from typing import NamedTuple

from quire.runs.query.tree import (
    And,
    Between,
    Compare,
    Exists,
    Glob,
    Literal,
    OneOf,
    Operator,
    Or,
    Text,
    Tree,
)
from quire.runs.searchable import GROWING, UNIQUE, is_added
from quire.storage.sqlite.conditions import match_all, match_any
from quire.storage.sqlite.terms import field_term, value_term, word_term

_MOST_TERMS = 200
_NOT_BY_TERM = UNIQUE | GROWING | {"time"}


class Bounds(NamedTuple):
    """What values of a field a conjunction allows; both ends included."""

    low: Literal | None
    high: Literal | None


def match_of(tree: Tree | None) -> str | None:
    """Return a full-text expression over terms, None if none narrows the search.

    A term that says only that a run has a field is used where nothing better is known.
    """
    if tree is None:
        return None
    return _by_values(tree) or _by_fields(tree)


def bounds_of(tree: Tree | None, field: str) -> Bounds | None:
    """Return between what numbers a field lies in all that the tree is true of."""
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


def range_of(tree: Tree | None, field: str) -> Bounds | None:
    """Return a closed range, as SQLite orders values, that a field must lie in."""
    bounds = bounds_of(tree, field)
    if bounds is not None:
        # Any text is greater than any number.
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


def _number(value: Literal) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _by_values(tree: Tree) -> str | None:
    match tree:
        case Compare(operator=Operator.EQUAL) if tree.field not in _NOT_BY_TERM:
            return match_all([value_term(tree.field, tree.value)])
        case OneOf() if tree.field not in _NOT_BY_TERM and tree.values:
            if len(tree.values) <= _MOST_TERMS:
                return match_any(value_term(tree.field, one) for one in tree.values)
        case Text() if tree.words:
            return match_all(map(word_term, tree.words))
        case And():
            found = [each for part in tree.parts if (each := _by_values(part))]
            return " AND ".join(f"({each})" for each in found) or None
        case Or() if tree.parts:
            every = [match_of(part) for part in tree.parts]
            if all(every):
                return " OR ".join(f"({each})" for each in every)
    return None


def _by_fields(tree: Tree) -> str | None:
    match tree:
        case Compare(field=field, operator=Operator.NOT_EQUAL) if is_added(field):
            return None
        case Compare(field=field) | OneOf(field=field) | Exists(field=field):
            pass
        case Between(field=field) | Glob(field=field):
            pass
        case And():
            found = {each for part in tree.parts if (each := _by_fields(part))}
            return " AND ".join(sorted(found)) or None
        case _:
            return None
    return None if field in GROWING else match_all([field_term(field)])
