"""What a tree says of one run: the meaning that every store must agree with."""

import operator
import re
from collections.abc import Callable, Iterable, Mapping

from quire.runs.query.tree import (
    And,
    Between,
    Compare,
    Exists,
    Glob,
    Literal,
    Missing,
    Not,
    OneOf,
    Operator,
    Or,
    Text,
    Tree,
)
from quire.runs.searchable import is_added

Truth = bool | None
"""True, false, or None for unknown."""

_COMPARISONS: Mapping[Operator, Callable[[Literal, Literal], bool]] = {
    Operator.EQUAL: operator.eq,
    Operator.LESS: operator.lt,
    Operator.LESS_OR_EQUAL: operator.le,
    Operator.GREATER: operator.gt,
    Operator.GREATER_OR_EQUAL: operator.ge,
}


def evaluate(  # noqa: PLR0911 - one for each
    tree: Tree, leaves: Mapping[str, tuple[Literal, ...]], words: frozenset[str]
) -> Truth:
    """Return what the tree says of a run.

    Parameters
    ----------
    leaves
        Values by canonical path (`quire.runs.searchable.Searchable.leaves`).
    words
        Of its text, casefolded.
    """
    match tree:
        case And():
            return _all(evaluate(part, leaves, words) for part in tree.parts)
        case Or():
            return _not(_all(_not(evaluate(p, leaves, words)) for p in tree.parts))
        case Not():
            return _not(evaluate(tree.part, leaves, words))
        case Exists():
            return bool(leaves.get(tree.field))
        case Missing():
            return not leaves.get(tree.field)
        case Text():
            return words.issuperset(tree.words)
        case _:
            truth = _leaf(tree, leaves.get(tree.field, ()))
            return of_none(tree) if truth is None and is_added(tree.field) else truth


def of_none(tree: Compare | OneOf | Between | Glob) -> bool:
    """Return what a condition on what is added says of a run with nothing added."""
    return isinstance(tree, Compare) and tree.operator is Operator.NOT_EQUAL


def alike(values: Iterable[Literal], literal: Literal) -> list[Literal]:
    """Return the values of a literal's type."""
    kind = type_of(literal)
    return [value for value in values if type_of(value) is kind]


def type_of(value: Literal) -> type[Literal]:
    """Return what a value compares as: string, boolean, or float for any number."""
    return type(value) if isinstance(value, str | bool) else float


def pattern_of(glob: str) -> re.Pattern[str]:
    """Return a glob as a regular expression that matches a whole string.

    What stands between two stars is taken where it is first found and nowhere else (an
    atomic group, as in `fnmatch.translate`), so that matching takes no longer than the
    product of the two lengths.
    """
    first, *rest = re.split(r"\*+", glob)
    if not rest:
        return re.compile(_as_expression(first), re.DOTALL)
    *middle, last = map(_as_expression, rest)
    found = "".join(f"(?>.*?{each})" for each in middle)
    return re.compile(f"{_as_expression(first)}{found}.*{last}", re.DOTALL)


def _as_expression(part: str) -> str:
    return "".join("." if sign == "?" else re.escape(sign) for sign in part)


def _leaf(tree: Compare | OneOf | Between | Glob, values: tuple[Literal, ...]) -> Truth:
    match tree:
        case Compare(operator=Operator.NOT_EQUAL):
            found = alike(values, tree.value)
            return tree.value not in found if found else None
        case Compare():
            found = alike(values, tree.value)
            test = _COMPARISONS[tree.operator]
            return any(test(one, tree.value) for one in found) if found else None
        case OneOf():
            return _not(
                _all(
                    _not(_leaf(_equal(tree.field, one), values)) for one in tree.values
                )
            )
        case Between():
            found = alike(values, tree.low)
            hit = any(tree.low <= one <= tree.high for one in found)  # type: ignore[operator]
            return hit if found else None
        case _:
            texts = [value for value in values if isinstance(value, str)]
            pattern = pattern_of(tree.pattern)
            hit = any(pattern.fullmatch(text) is not None for text in texts)
            return hit if texts else None


def _equal(field: str, value: Literal) -> Compare:
    return Compare(field=field, operator=Operator.EQUAL, value=value)


def _not(truth: Truth) -> Truth:
    return None if truth is None else not truth


def _all(truths: Iterable[Truth]) -> Truth:
    found: Truth = True
    for truth in truths:
        if truth is False:
            return False
        if truth is None:
            found = None
    return found
