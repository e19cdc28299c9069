"""Few runs that hold all a tree is true of, found by indexes before any row is read."""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from typing import Any, NamedTuple

import apsw

from quire.runs.query.tree import And, Between, Compare, Operator, Tree
from quire.runs.searchable import GROWING
from quire.storage.number_ranges import ABSENT, LEAST, number_range
from quire.storage.sqlite import run_sql as sql
from quire.storage.sqlite.covers import by_values
from quire.storage.sqlite.id_bounds import ids_by_time
from quire.storage.sqlite.number_pages import spans
from quire.storage.sqlite.uids import blob_range, text_range
from quire.storage.tree_bounds import (
    bounds_of,
    conjuncts,
    is_joined,
    range_of,
    sides_of,
    uid_of,
)

FEW = 5_000
"""So many rows are sorted sooner than an index in order is walked."""

_MOST_PARTS = 200  # SQLite joins up to 500 queries


class FewRuns(NamedTuple):
    """Where the runs lie.

    Attributes
    ----------
    condition
        What SQL asks of a row.
    check
        The same, of rows that something else finds.
    left
        What of the tree the check does not say itself.
    runs
        So many they are, beside those that are not indexed yet.
    first, last
        Ids between which these lie.
    told
        By what they are found, for people.
    """

    condition: str
    check: str
    left: Tree | None
    bindings: Mapping[str, Any]
    runs: int
    first: int
    last: int
    told: str


def few_runs(connection: apsw.Connection, tree: Tree | None) -> FewRuns | None:
    """Return at most 5,000 runs that hold all a tree is true of, None if none are known.

    One part of an ``and`` must leave so few, or all parts of an ``or`` together.
    """
    if tree is None:
        return None
    chooser = _Chooser(connection)
    found = chooser.few(tree, FEW)
    if found is None:
        return None
    queries = " UNION ALL ".join(dict.fromkeys(part.query for part in found.parts))
    told = ", ".join(dict.fromkeys(part.told for part in found.parts if part.told))
    condition = f"run.id IN ({queries})"
    ends = (found.runs, found.first, found.last)
    if len(found.parts) == 1 and (check := found.parts[0].check):
        left = _beside_scan_id(tree)
        return FewRuns(condition, check, left, chooser.bindings, *ends, told)
    return FewRuns(condition, condition, tree, chooser.bindings, *ends, told)


class _Part(NamedTuple):
    """A query for ids of runs, and by what it finds them.

    Attributes
    ----------
    check
        What a row's scan_id must be, if that says all.
    """

    query: str
    told: str
    check: str = ""


class _Found(NamedTuple):
    parts: Sequence[_Part]
    runs: int
    first: int
    last: int


_STALE = _Part(sql.STALE_IDS, "")


class _Chooser:
    """Looks for indexes that leave few, gathering what their queries bind."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self.bindings: dict[str, Any] = {}

    def few(self, tree: Tree, most: int, *, within_or: bool = False) -> _Found | None:
        """Return where the runs are found, None if they are not known to be few."""
        for parts in self._candidates(tree, within_or=within_or):
            found = self._counted(parts, most)
            if found is not None:
                return found
        for part in conjuncts(tree):
            sides = sides_of(part)
            found = None if sides is None else self._any(sides, most)
            if found is not None:
                return found
        return None

    def _any(self, sides: Sequence[Tree], most: int) -> _Found | None:
        if all(by_values(side) is not None for side in sides):
            return None  # their terms are walked in order
        parts, runs, first, last = list[_Part](), 0, ABSENT, LEAST
        for side in sides:
            found = self.few(side, most - runs, within_or=True)
            if found is None or len(parts) > _MOST_PARTS:
                return None
            parts += found.parts
            runs += found.runs
            first, last = min(first, found.first), max(last, found.last)
        return _Found(parts, runs, first, last)

    def _counted(self, parts: Sequence[_Part], most: int) -> _Found | None:
        queries = [part.query for part in parts if part is not _STALE]
        if not queries:
            return _Found(parts, 0, ABSENT, LEAST)
        if len(queries) > _MOST_PARTS:
            return None
        text = sql.few(" UNION ALL ".join(queries))
        bindings = {**self.bindings, "most": most + 1}
        row: Any = self._connection.execute(text, bindings).fetchone()
        if row[0] > most:
            return None
        return _Found(parts, *(row if row[0] else (0, ABSENT, LEAST)))

    def _candidates(self, tree: Tree, *, within_or: bool) -> Iterator[Sequence[_Part]]:
        start = uid_of(tree)
        if start:
            yield list(self._by_uid(start))
        bounds = bounds_of(tree, "scan_id")
        if bounds is not None:
            yield [self._by_scan_id(bounds.low, bounds.high)]
        yield from self._by_fields(tree)
        if number_range(tree) is not None:
            yield list(self._by_number(tree))
        match = by_values(tree)
        ids = ids_by_time(tree)
        if ids is not None and (within_or or match is not None):
            yield [self._by_ids(*ids), _STALE]
        if within_or and match is not None:
            yield [self._by_terms(match), _STALE]

    def _by_uid(self, start: str) -> Iterator[_Part]:
        low, high = map(self._bound, text_range(start))
        yield _Part(sql.UID_TEXTS.format(low=low, high=high), "uid")
        packed = blob_range(start)
        if packed is not None:
            low, high = map(self._bound, packed)
            yield _Part(sql.UID_BLOBS.format(low=low, high=high), "uid")

    def _by_scan_id(self, low: Any, high: Any) -> _Part:
        # Of a number that needs more than 64 bits, and is text here, nothing is true.
        least = LEAST if low is None else max(low, LEAST)
        most = ABSENT if high is None else min(high, ABSENT)
        ends = {"low": self._bound(least), "high": self._bound(most)}
        check = sql.SCAN_ID_BETWEEN.format(**ends)
        return _Part(sql.SCAN_IDS.format(**ends), "scan_id", check)

    def _by_fields(self, tree: Tree) -> Iterator[Sequence[_Part]]:
        for field, path in self._fields:
            bounds = range_of(tree, path)
            if bounds is not None:
                number, low, high = map(self._bound, (field, *bounds))
                query = sql.IDS_BY_FIELD.format(field=number, low=low, high=high)
                parts = [_Part(query, f"the index of {path}")]
                if is_joined(tree, path):
                    parts.append(_Part(sql.IDS_BY_SEVERAL.format(field=number), ""))
                yield [*parts, _STALE]

    def _by_number(self, tree: Tree) -> Iterator[_Part]:
        for one in spans(self._connection, tree):
            places = [self._bound(number) for end in one for number in end]
            yield _Part(sql.ids_by_number(one.asked(*places)), "number")

    def _by_ids(self, first: int, last: int) -> _Part:
        low, high = self._bound(first), self._bound(last)
        return _Part(sql.INDEXED_IDS.format(low=low, high=high), "time")

    def _by_terms(self, match: str) -> _Part:
        query = sql.IDS_BY_TERMS.format(match=self._bound(match))
        return _Part(query, "terms")

    @cached_property
    def _fields(self) -> Sequence[tuple[int, str]]:
        rows: list[Any] = self._connection.execute(sql.FIELD_READY).fetchall()
        return [(number, path) for number, path in rows if path not in GROWING]

    def _bound(self, value: Any) -> str:
        name = f"few{len(self.bindings)}"
        self.bindings[name] = value
        return f":{name}"


def _beside_scan_id(tree: Tree) -> Tree | None:
    """Return what of a tree closed bounds of the column do not say themselves."""
    left = [part for part in conjuncts(tree) if not _bounds_scan_id(part)]
    return And(parts=tuple(left)) if left else None


def _bounds_scan_id(part: Tree) -> bool:
    match part:
        case Between(field="scan_id"):
            return not isinstance(part.low, str)
        case Compare(field="scan_id", operator=Operator.EQUAL):
            return not isinstance(part.value, bool | str)
        case _:
            return False
