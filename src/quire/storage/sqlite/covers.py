"""What of a tree an index can answer: a set of runs that holds all it is true of."""

from quire.runs.query.tree import (
    And,
    Between,
    Compare,
    Exists,
    Glob,
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
_BY_ID = frozenset({"time", "scan_id", "experiment", "run"})
"""Fields whose bounds are bounds of ids: to ask which runs have them says no more."""

_NOT_BY_TERM = UNIQUE | GROWING | {"time"}


def match_of(tree: Tree | None) -> str | None:
    """Return a full-text expression over terms, None if none narrows the search.

    A term that says only that a run has a field is used where nothing better is known.
    """
    if tree is None:
        return None
    return by_values(tree) or _by_fields(tree)


def by_values(tree: Tree | None) -> str | None:
    """Return the same of values and words alone."""
    match tree:
        case Compare(operator=Operator.EQUAL) if tree.field not in _NOT_BY_TERM:
            return match_all([value_term(tree.field, tree.value)])
        case OneOf() if tree.field not in _NOT_BY_TERM and tree.values:
            if len(tree.values) <= _MOST_TERMS:
                return match_any(value_term(tree.field, one) for one in tree.values)
        case Text() if tree.words:
            return match_all(map(word_term, tree.words))
        case And():
            found = [each for part in tree.parts if (each := by_values(part))]
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
        case Compare(field=field) | OneOf(field=field) | Between(field=field):
            if field in _BY_ID:
                return None
        case Exists(field=field) | Glob(field=field):
            pass
        case And():
            found = {each for part in tree.parts if (each := _by_fields(part))}
            return " AND ".join(sorted(found)) or None
        case _:
            return None
    return None if field in GROWING else match_all([field_term(field)])
