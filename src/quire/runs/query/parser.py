"""Queries as checked trees, from their text or their JSON form."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any

from quire.runs.query.check import Check
from quire.runs.query.grammar import Grammar
from quire.runs.query.json_form import spoken_of
from quire.runs.query.named import Expansion, Names, Written
from quire.runs.query.registry import FieldRegistry
from quire.runs.query.syntax import Spoken
from quire.runs.query.tree import Tree

_NOBODY: Mapping[str, Written] = MappingProxyType({})


class QueryParser:
    """Reads queries and checks them.

    Parameters
    ----------
    fields
        What queries may name.
    named
        What ``@names`` stand for.
    grammar
        Shared between parsers, since it takes a while to make ready.
    """

    def __init__(
        self,
        fields: FieldRegistry,
        named: Names = _NOBODY,
        *,
        grammar: Grammar | None = None,
    ) -> None:
        self._fields = fields
        self._named = named
        self._grammar = grammar or Grammar()

    @property
    def fields(self) -> FieldRegistry:
        """What queries may name."""
        return self._fields

    def resolving(self, named: Names) -> "QueryParser":
        """Return a parser that knows other names."""
        return QueryParser(self._fields, named, grammar=self._grammar)

    def observing(self, fields: FieldRegistry) -> "QueryParser":
        """Return a parser that knows other fields."""
        return QueryParser(fields, self._named, grammar=self._grammar)

    def parse(self, text: str, *, now: float | None = None) -> Tree:
        """Return a query's text as a checked tree.

        Parameters
        ----------
        now
            Unix seconds; None where ``now`` shall have no meaning.

        Raises
        ------
        QueryError
            If it cannot be asked; names the column.
        """
        return self._checked(self._grammar.read(text), now)

    def from_json(self, form: Any, *, now: float | None = None, at: str = "") -> Tree:
        """Return a query's JSON form as a checked tree.

        Parameters
        ----------
        at
            JSON Pointer to where the form stands, which errors begin with.

        Raises
        ------
        QueryError
            If it cannot be asked; its `field` is a JSON Pointer.
        """
        return self._checked(spoken_of(form, at), now)

    def _checked(self, spoken: Spoken, now: float | None) -> Tree:
        expansion = Expansion(self._named, self._read)
        return Check(self._fields, now, expansion).tree(spoken)

    def _read(self, query: Any) -> Spoken:
        read: Callable[[Any], Spoken]
        read = self._grammar.read if isinstance(query, str) else spoken_of
        return read(query)
