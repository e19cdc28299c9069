"""Trees as SQL over one row of `run`: exact, and with SQL's own unknown.

Paths and values are bound, never part of the text. `json_each` gives the one value of
a field, or each of several.
"""

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any

import msgspec

from quire.runs.query.evaluate import of_none, type_of
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
from quire.runs.searchable import GROWING, is_added
from quire.storage.number_ranges import ABSENT
from quire.storage.sqlite.terms import word_term

_TYPES: dict[type[Literal], str] = {
    bool: "'true', 'false'",
    float: "'integer', 'real'",
    str: "'text'",
}

_COLUMNS = {
    **{field: f"run.{field}" for field in GROWING},
    "experiment": f"nullif(run.experiment, {ABSENT})",
    "run": f"nullif(run.run, {ABSENT})",
    "scan_id": "iif(typeof(run.scan_id) = 'integer', run.scan_id, NULL)",
    "time": "nullif(run.newest, -9e999)",  # minus infinity
}
"""Numbers that columns have as the view has them: some an index has, and no row is read."""

# Of a constant SQLite sees that it has nothing to do, and refuses a named index.
_NEVER = "(run.id IS NULL)"


class Conditions:
    """Compiles trees, gathering what is to be bound.

    Parameters
    ----------
    indexed
        Whether the rows asked are all in the index of terms, so that it can be asked
        for words.
    """

    def __init__(self, prefix: str, *, indexed: bool) -> None:
        self._prefix = prefix
        self._indexed = indexed
        self.bindings: dict[str, Any] = {}

    def compile(self, tree: Tree) -> str:  # noqa: PLR0911 - one for each
        """Return SQL that is true, false or NULL as the tree is of a row."""
        match tree:
            case And():
                return self._joined("AND", tree.parts, empty="1")
            case Or():
                return self._joined("OR", tree.parts, empty=_NEVER)
            case Not():
                return f"(NOT {self.compile(tree.part)})"
            case Text():
                return self._text(tree)
            case Exists():
                return self._exists(tree.field)
            case Missing():
                return f"(NOT {self._exists(tree.field)})"
            case _:
                test = self._leaf(tree)
                if not is_added(tree.field):
                    return test
                return f"coalesce({test}, {int(of_none(tree))})"

    def _joined(self, word: str, parts: Sequence[Tree], *, empty: str) -> str:
        return f"({f' {word} '.join(map(self.compile, parts))})" if parts else empty

    def _leaf(self, tree: Compare | OneOf | Between | Glob) -> str:
        match tree:
            case Compare(operator=Operator.NOT_EQUAL):
                value = self._bound(tree.value)
                return self._values(
                    tree.field,
                    type_of(tree.value),
                    lambda one: f"({one} <> {value})",
                    over="min",
                )
            case Compare():
                value, operator = self._bound(tree.value), tree.operator.value
                return self._values(
                    tree.field,
                    type_of(tree.value),
                    lambda one: f"({one} {operator} {value})",
                )
            case Between():
                low, high = self._bound(tree.low), self._bound(tree.high)
                return self._values(
                    tree.field,
                    type_of(tree.low),
                    lambda one: f"({one} BETWEEN {low} AND {high})",
                )
            case Glob():
                pattern = self._bound(_as_glob(tree.pattern))
                return self._values(
                    tree.field, str, lambda one: f"({one} GLOB {pattern})"
                )
            case _:
                return self._one_of(tree)

    def _one_of(self, tree: OneOf) -> str:
        kinds = {type_of(value) for value in tree.values}
        parts = []
        for kind in sorted(kinds, key=str):
            alike = [value for value in tree.values if type_of(value) is kind]
            # As one: SQLite looks for each name among all that were bound before.
            choices = self._bound(msgspec.json.encode(alike).decode())
            parts.append(self._values(tree.field, kind, partial(_among, choices)))
        return f"({' OR '.join(parts)})" if parts else _NEVER

    def _values(
        self,
        field: str,
        kind: type[Literal],
        test: Callable[[str], str],
        over: str = "max",
    ) -> str:
        """Return SQL of a test of a field's values of one kind.

        Parameters
        ----------
        test
            Returns the SQL of the test of one value.
        over
            What joins the tests of several values.
        """
        if field in _COLUMNS:
            return test(_COLUMNS[field]) if kind is float else "NULL"
        path = self._path(field)
        one = test(f"json_extract(run.view, {path})")
        # The functions' texts are ours; path and values are bound.
        several = (
            f"(SELECT {over}({test('e.value')}) FROM json_each(run.view, {path}) AS e"  # noqa: S608
            f" WHERE e.type IN ({_TYPES[kind]}))"
        )
        # Nearly all fields have one value, and `json_each` costs several look-ups.
        alone = " ".join(f"WHEN {name} THEN {one}" for name in _TYPES[kind].split(", "))
        return f"(CASE json_type(run.view, {path}) {alone} WHEN 'array' THEN {several} END)"

    def _exists(self, field: str) -> str:
        if field in _COLUMNS:
            return f"({_COLUMNS[field]} IS NOT NULL)"
        return f"(json_type(run.view, {self._path(field)}) IS NOT NULL)"

    def _text(self, tree: Text) -> str:
        if not self._indexed:
            words = self._bound(" ".join(tree.words))
            return f"has_words(run.record, {words})"
        found = self._bound(match_all(map(word_term, tree.words)))
        return (
            "(run.id IN (SELECT rowid FROM run_term"  # noqa: S608
            f" WHERE run_term MATCH {found}))"
        )

    def _path(self, field: str) -> str:
        escaped = field.replace("\\", "\\\\").replace('"', '\\"')
        return self._bound(f'$."{escaped}"')

    def _bound(self, value: Any) -> str:
        name = f"{self._prefix}{len(self.bindings)}"
        self.bindings[name] = value
        return f":{name}"


def _among(choices: str, one: str) -> str:
    # The text is ours; the values are bound.
    return f"({one} IN (SELECT value FROM json_each({choices})))"  # noqa: S608


def match_all(terms: Iterable[str]) -> str:
    """Return the full-text expression of rows that have all of these terms."""
    return " AND ".join(f'"{term}"' for term in terms)


def match_any(terms: Iterable[str]) -> str:
    """Return the full-text expression of rows that have any of these terms."""
    return "(" + " OR ".join(f'"{term}"' for term in terms) + ")"


def _as_glob(pattern: str) -> str:
    return pattern.replace("[", "[[]")
