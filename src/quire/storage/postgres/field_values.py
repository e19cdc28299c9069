"""Values of the fields that an operator had indexed, in PostgreSQL."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from quire.runs.leaves import Scalar
from quire.runs.query.tree import Tree
from quire.runs.searchable import Searchable
from quire.storage.postgres import run_sql as sql
from quire.storage.postgres.bindings import Bindings, exact
from quire.storage.postgres.session import Session, number_of
from quire.storage.tree_bounds import (
    bounds_of,
    has_several_numbers,
    is_joined,
    range_of,
)

# Above all numbers: a run with it has several.
_SEVERAL = "'NaN'::numeric"
_LONGEST = 200  # characters of a text that an index keeps
Fields = tuple[tuple[int, str], ...]
"""Numbers and paths of fields."""


class FieldRange(NamedTuple):
    """A range of a field that an index can find.

    Attributes
    ----------
    condition
        On ``field_value AS f``.
    """

    path: str
    condition: str


class FieldValues:
    """The values as one session sees them."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._read: tuple[int, Fields] = (-1, ())

    def wanted(self) -> Fields:
        """Return the fields that are indexed; none comes or goes until the commit.

        So a run is either seen by who fills a new index, or has noted its values.
        """
        epoch, fields = self._read
        if epoch != self._session.epoch:
            self._session.take({(_LIST, True)})
            fields = tuple(self._session.rows(sql.FIELD_ALL))
            self._read = (self._session.epoch, fields)
        return fields

    def hold(self) -> None:
        """Let nobody put a run until the commit: the fields are to change."""
        self._session.take({(_LIST, False)})
        self._read = (-1, ())

    def put(self, fields: Fields, found: Mapping[int, Searchable]) -> None:
        """Note what runs, by their numbers, have of fields, in place of what they had."""
        runs = list(found)
        for field, _ in fields:
            self._session.run(sql.FIELD_HOLDERS_REMOVE, (field, runs))
        rows = [
            (field, run, *value)
            for run, each in found.items()
            for field, path in fields
            for value in _split(each.leaves.get(path, ()))
        ]
        if rows:
            columns = [list(column) for column in zip(*rows, strict=True)]
            self._session.run(sql.FIELD_VALUES_PUT, columns)


def ranges(
    ready: Iterable[tuple[int, str]], tree: Tree | None, bound: Bindings
) -> list[FieldRange]:
    """Return the ranges of a tree that indexes which are ready can find."""
    found = []
    for field, path in ready:
        parts = _parts(tree, path, bound)
        if parts:
            parts.insert(0, f"f.field = {bound.add(field, 'integer')}")
            found.append(FieldRange(path, " AND ".join(parts)))
    return found


def _parts(tree: Tree | None, path: str, bound: Bindings) -> list[str]:
    bounds = bounds_of(tree, path)
    column = "f.number"
    if bounds is None:
        column, bounds = "f.text", range_of(tree, path)
    if bounds is None:
        return []
    low, high = bounds
    parts = []
    if low is not None:
        parts.append(f"{column} >= {bound.literal(_cut(low))}")
    if high is not None:
        parts.append(f"{column} <= {bound.literal(_cut(high))}")
    elif column == "f.number":
        parts.append(f"{column} < {_SEVERAL}")
    inside = " AND ".join(parts)
    if is_joined(tree, path):
        inside = f"({inside} OR {column} = {_SEVERAL})"
    return [f"{column} IS NOT NULL", inside]


def _split(values: Sequence[Scalar]) -> Iterator[tuple[str | None, str | None]]:
    for value in values:
        if isinstance(value, str):
            yield None, value[:_LONGEST]
        elif not isinstance(value, bool):
            yield exact(value), None
    if has_several_numbers(values):
        yield "NaN", None


def _cut(value: Scalar) -> Scalar:
    return value[:_LONGEST] if isinstance(value, str) else value


_LIST = number_of("field_index", None)
