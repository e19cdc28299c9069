"""Trees as SQL over one row of `run_view`: exact, and with SQL's own unknown.

Numbers are compared as `numeric`, which is exact, and text by its bytes, which is by
code points. A view has the one value of a field, or an array of several.
"""

from collections.abc import Callable, Sequence

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
from quire.storage.postgres.bindings import Bindings
from quire.storage.postgres.run_sql import EVENTS
from quire.storage.postgres.terms import numbers
from quire.storage.terms import word_term

_TYPES: dict[type[Literal], str] = {
    bool: "boolean",
    float: "number",
    str: "string",
}
_ALONE: dict[type[Literal], str] = {
    bool: "(v.view -> {path})::boolean",
    float: "(v.view -> {path})::numeric",
    str: '((v.view ->> {path}) COLLATE "C")',
}
_AMONG: dict[type[Literal], str] = {
    bool: "e.value::boolean",
    float: "e.value::numeric",
    str: "((e.value #>> '{}') COLLATE \"C\")",
}
_PATTERN = str.maketrans({"\\": r"\\", "%": r"\%", "_": r"\_", "*": "%", "?": "_"})


class Conditions:
    """Compiles trees, gathering what is to be bound."""

    def __init__(self, bindings: Bindings) -> None:
        self._bindings = bindings

    def compile(self, tree: Tree) -> str:  # noqa: PLR0911 - one for each
        """Return SQL that is true, false or NULL as the tree is of a row."""
        match tree:
            case And():
                return self._joined("AND", tree.parts, empty="true")
            case Or():
                return self._joined("OR", tree.parts, empty="false")
            case Not():
                return f"(NOT {self.compile(tree.part)})"
            case Text():
                words = numbers(map(word_term, tree.words))
                return f"(v.terms @> {self._bindings.add(words, 'bigint[]')})"
            case Exists():
                return self._exists(tree.field)
            case Missing():
                return f"(NOT {self._exists(tree.field)})"
            case _:
                test = self._leaf(tree)
                if not is_added(tree.field):
                    return test
                return f"coalesce({test}, {str(of_none(tree)).lower()})"

    def _joined(self, word: str, parts: Sequence[Tree], *, empty: str) -> str:
        return f"({f' {word} '.join(map(self.compile, parts))})" if parts else empty

    def _leaf(self, tree: Compare | OneOf | Between | Glob) -> str:
        bound = self._bindings.literal
        match tree:
            case Compare(operator=Operator.NOT_EQUAL):
                value = bound(tree.value)
                return self._values(
                    tree.field,
                    type_of(tree.value),
                    lambda one: f"({one} <> {value})",
                    over="bool_and",
                )
            case Compare():
                value, operator = bound(tree.value), tree.operator.value
                return self._values(
                    tree.field,
                    type_of(tree.value),
                    lambda one: f"({one} {operator} {value})",
                )
            case Between():
                low, high = bound(tree.low), bound(tree.high)
                return self._values(
                    tree.field,
                    type_of(tree.low),
                    lambda one: f"({one} BETWEEN {low} AND {high})",
                )
            case Glob():
                pattern = bound(tree.pattern.translate(_PATTERN))
                return self._values(
                    tree.field, str, lambda one: f"({one} LIKE {pattern})"
                )
            case _:
                return self._one_of(tree)

    def _one_of(self, tree: OneOf) -> str:
        kinds = sorted({type_of(value) for value in tree.values}, key=str)
        alike = [[v for v in tree.values if type_of(v) is kind] for kind in kinds]
        parts = [
            self._among(tree.field, kind, values)
            for kind, values in zip(kinds, alike, strict=True)
        ]
        return f"({' OR '.join(parts)})" if parts else "false"

    def _among(self, field: str, kind: type[Literal], values: Sequence[Literal]) -> str:
        choices = self._bindings.literals(values)
        return self._values(field, kind, lambda one: f"({one} = ANY({choices}))")

    def _values(
        self,
        field: str,
        kind: type[Literal],
        test: Callable[[str], str],
        over: str = "bool_or",
    ) -> str:
        """Return SQL of a test of a field's values of one kind.

        Parameters
        ----------
        test
            Returns the SQL of the test of one value.
        over
            What joins the tests of several values.
        """
        if field in GROWING:
            return test(EVENTS) if kind is float else "NULL::boolean"
        path, name = self._path(field), _TYPES[kind]
        # The functions' texts are ours; path and values are bound.
        several = (
            f"(SELECT {over}({test(_AMONG[kind])})"  # noqa: S608
            f" FROM jsonb_array_elements(v.view -> {path}) AS e (value)"
            f" WHERE jsonb_typeof(e.value) = '{name}')"
        )
        return (
            f"(CASE jsonb_typeof(v.view -> {path})"
            f" WHEN '{name}' THEN {test(_ALONE[kind].format(path=path))}"
            f" WHEN 'array' THEN {several} END)"
        )

    def _exists(self, field: str) -> str:
        return "true" if field in GROWING else f"(v.view ? {self._path(field)})"

    def _path(self, field: str) -> str:
        return self._bindings.add(field, "text")
