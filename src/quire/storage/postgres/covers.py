"""What of a tree the index of terms can answer: rows that hold all it is true of."""

from collections.abc import Iterable

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
from quire.storage.postgres.bindings import Bindings
from quire.storage.postgres.terms import numbers
from quire.storage.terms import field_term, value_term, word_term

_MOST_TERMS = 200
_NOT_BY_TERM = UNIQUE | GROWING | {"time"}


class Covers:
    """Compiles what the index can answer, gathering what is to be bound."""

    def __init__(self, bindings: Bindings) -> None:
        self._bindings = bindings

    def match(self, tree: Tree | None) -> str | None:
        """Return a condition on terms, None if none narrows the search.

        A term that says only that a run has a field is used where nothing better is
        known.
        """
        if tree is None:
            return None
        return self.match_values(tree) or self._by_fields(tree)

    def match_values(self, tree: Tree) -> str | None:
        """Return the same of values and words alone."""
        match tree:
            case Compare(operator=Operator.EQUAL) if tree.field not in _NOT_BY_TERM:
                return self._all([value_term(tree.field, tree.value)])
            case OneOf() if tree.field not in _NOT_BY_TERM and tree.values:
                if len(tree.values) <= _MOST_TERMS:
                    return self._any(value_term(tree.field, v) for v in tree.values)
            case Text() if tree.words:
                return self._all(map(word_term, tree.words))
            case And():
                found = [
                    each for part in tree.parts if (each := self.match_values(part))
                ]
                return f"({' AND '.join(found)})" if found else None
            case Or() if tree.parts:
                every = [self.match(part) for part in tree.parts]
                told = [each for each in every if each is not None]
                return f"({' OR '.join(told)})" if len(told) == len(every) else None
        return None

    def _by_fields(self, tree: Tree) -> str | None:
        match tree:
            case Compare(field=field, operator=Operator.NOT_EQUAL) if is_added(field):
                return None
            case Compare(field=field) | OneOf(field=field) | Exists(field=field):
                pass
            case Between(field=field) | Glob(field=field):
                pass
            case And():
                found = [each for part in tree.parts if (each := self._by_fields(part))]
                return f"({' AND '.join(found)})" if found else None
            case _:
                return None
        return None if field in GROWING else self._all([field_term(field)])

    def _all(self, terms: Iterable[str]) -> str:
        return f"v.terms @> {self._bindings.add(numbers(terms), 'bigint[]')}"

    def _any(self, terms: Iterable[str]) -> str:
        return f"v.terms && {self._bindings.add(numbers(terms), 'bigint[]')}"


def said_by_terms(tree: Tree) -> bool:
    """Return whether the terms that `Covers` asks for say all that a tree says."""
    match tree:
        case Compare(operator=Operator.EQUAL):
            return tree.field not in _NOT_BY_TERM
        case OneOf():
            few = 0 < len(tree.values) <= _MOST_TERMS
            return few and tree.field not in _NOT_BY_TERM
        case Text():
            return bool(tree.words)
        case And() | Or():
            return bool(tree.parts) and all(map(said_by_terms, tree.parts))
    return False
