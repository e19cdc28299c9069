"""How a selection is found: which index is walked, and what is asked of each row."""

from typing import Any, NamedTuple

import apsw

from quire.ports.run_finder import Selection
from quire.runs.query.tree import And, Between, Compare, Operator, Text, Tree
from quire.storage.sqlite import run_sql as sql
from quire.storage.sqlite.conditions import Conditions, match_any
from quire.storage.sqlite.covers import match_of
from quire.storage.sqlite.order_keys import span
from quire.storage.sqlite.run_pages import Walk
from quire.storage.sqlite.terms import access_term
from quire.storage.sqlite.uids import prefix_range
from quire.storage.tree_bounds import Bounds, bounds_of, conjuncts, range_of, uid_of

_FEW = 5_000
"""So many rows are sorted sooner than an index in order is walked."""

_FEW_LISTS = 20
_FIRST, _LAST = -(2**63), 2**63 - 1

_COLUMNS = {
    "scan_id": ("run INDEXED BY run_scan_id", "run.scan_id"),
}
_BY_TERMS = "run_term CROSS JOIN run ON run.id = run_term.rowid"


class Plan(NamedTuple):
    """Walks whose rows together are the selection's, none of them twice.

    Attributes
    ----------
    why
        In words, for people.
    """

    walks: tuple[Walk, ...]
    why: str


def plan(
    connection: apsw.Connection,
    selection: Selection,
    lists: tuple[int, ...] | None,
    *,
    descending: bool = True,
) -> Plan:
    """Choose how to find a selection.

    Parameters
    ----------
    lists
        Access lists that let the asker in; None for all.
    """
    tree = selection.where
    if lists == ():
        return Plan((), "nothing: no access list lets the asker in")
    start = uid_of(tree)
    if start is not None and _few_begin(connection, start):
        walk = _walk(
            tree,
            lists,
            "run",
            "run.id",
            [sql.PREFIX],
            prefix_range(start),
            indexed=False,
        )
        why = f"at most {_FEW} runs by uid, then sorted"
        return Plan((walk._replace(descending=descending),), why)
    few = _few(connection, tree)
    if few is not None:
        source, column, bounds = few
        bound = {"range_low": bounds.low, "range_high": bounds.high}
        conditions = [f"{column} BETWEEN :range_low AND :range_high"]
        left = _beside_column(tree, column.partition(".")[2])
        walk = _walk(left, lists, source, "run.id", conditions, bound, indexed=False)
        why = f"at most {_FEW} runs by {column.partition('.')[2]}, then sorted"
        return Plan((walk._replace(descending=descending),), why)
    ranged = _few_indexed(connection, tree)
    if ranged is not None:
        return _by_field(tree, lists, ranged, descending=descending)
    low, high = _ids(tree)
    between = ["run.id BETWEEN :first AND :last"]
    ids = {"first": low, "last": high}
    match = _match(tree, lists)
    if match is None:
        walk = _walk(tree, lists, "run", "run.id", between, ids, indexed=False)
        why = "every run in order of time" + (" within bounds" if tree else "")
        return Plan((walk._replace(descending=descending),), why)
    terms = [
        "run_term MATCH :match",
        "run_term.rowid BETWEEN :first AND :last",
        "run.stale = 0",
    ]
    main = _walk(
        _beside_terms(tree),
        lists,
        _BY_TERMS,
        "run_term.rowid",
        terms,
        {**ids, "match": match},
        indexed=True,
    )
    stale = [*between, "run.stale > 0"]
    tail = _walk(
        tree, lists, "run INDEXED BY run_stale", "run.id", stale, ids, indexed=False
    )
    walks = tuple(each._replace(descending=descending) for each in (main, tail))
    return Plan(
        walks, f"by terms in order of time: {match}; and what is not indexed yet"
    )


class Ranged(NamedTuple):
    """A range of a field that an operator had indexed."""

    field: int
    path: str
    bounds: Bounds


def _by_field(
    tree: Tree | None,
    lists: tuple[int, ...] | None,
    ranged: Ranged,
    *,
    descending: bool,
) -> Plan:
    low, high = ranged.bounds
    bound = {"field": ranged.field, "range_low": low, "range_high": high}
    inside = (
        "run.id IN (SELECT v.run FROM field_value AS v"
        " WHERE v.field = :field AND v.value BETWEEN :range_low AND :range_high)"
    )
    main = _walk(
        tree, lists, "run", "run.id", [inside, "run.stale = 0"], bound, indexed=False
    )
    source, stale = "run INDEXED BY run_stale", ["run.stale > 0"]
    tail = _walk(tree, lists, source, "run.id", stale, {}, indexed=False)
    walks = tuple(each._replace(descending=descending) for each in (main, tail))
    return Plan(
        walks, f"at most {_FEW} runs by the index of {ranged.path}, then sorted"
    )


def matching(
    tree: Tree | None, lists: tuple[int, ...] | None, *, indexed: bool
) -> tuple[list[str], dict[str, Any]]:
    """Return the conditions that a row must fulfil, and what they bind."""
    conditions: list[str] = []
    bindings: dict[str, Any] = {}
    if lists is not None:
        # Numbers of ours, not text of anybody's.
        conditions.append(f"run.access IN ({', '.join(map(str, lists))})")
    if tree is not None:
        compiled = Conditions("v", indexed=indexed)
        conditions.append(compiled.compile(tree))
        bindings = compiled.bindings
    return conditions, bindings


def _walk(
    tree: Tree | None,
    lists: tuple[int, ...] | None,
    source: str,
    key: str,
    conditions: list[str],
    bindings: dict[str, Any],
    *,
    indexed: bool,
) -> Walk:
    more, bound = matching(tree, lists, indexed=indexed)
    return Walk(source, key, [*conditions, *more], {**bindings, **bound})


def _beside_terms(tree: Tree | None) -> Tree | None:
    """Return what of a tree the terms that were matched do not say themselves.

    A word is known by nothing but its term, so to ask again says nothing new.
    """
    left = [part for part in conjuncts(tree) if not isinstance(part, Text)]
    return And(parts=tuple(left)) if left else None


def _beside_column(tree: Tree | None, field: str) -> Tree | None:
    """Return what of a tree a closed range of a field's column does not say itself."""
    left = [part for part in conjuncts(tree) if not _said_by_range(part, field)]
    return And(parts=tuple(left)) if left else None


def _said_by_range(part: Tree, field: str) -> bool:
    match part:
        case Between():
            return part.field == field and not isinstance(part.low, str)
        case Compare(operator=Operator.EQUAL):
            number = isinstance(part.value, int | float)
            return part.field == field and number and not isinstance(part.value, bool)
        case _:
            return False


def _match(tree: Tree | None, lists: tuple[int, ...] | None) -> str | None:
    match = match_of(tree)
    if lists is not None and 0 < len(lists) <= _FEW_LISTS:
        seen = match_any(map(access_term, lists))
        return seen if match is None else f"({match}) AND {seen}"
    return match


def _ids(tree: Tree | None) -> tuple[int, int]:
    bounds = bounds_of(tree, "time")
    if bounds is None:
        return _FIRST, _LAST
    low = _FIRST if bounds.low is None else span(float(bounds.low))[0]
    high = _LAST if bounds.high is None else span(float(bounds.high))[1]
    return low, high


def _few_begin(connection: apsw.Connection, start: str) -> bool:
    asked = {**prefix_range(start), "most": _FEW + 1}
    row = connection.execute(sql.FEW_BY_PREFIX, asked).fetchone()
    return row is not None and row[0] <= _FEW


def _few_indexed(connection: apsw.Connection, tree: Tree | None) -> Ranged | None:
    ready: list[Any] = connection.execute(sql.FIELD_READY).fetchall()
    for field, path in ready:
        bounds = range_of(tree, path)
        if bounds is None:
            continue
        asked = (field, bounds.low, bounds.high, _FEW + 1)
        row = connection.execute(sql.FEW_BY_FIELD, asked).fetchone()
        if row is not None and row[0] <= _FEW:
            return Ranged(field, path, bounds)
    return None


def _few(
    connection: apsw.Connection, tree: Tree | None
) -> tuple[str, str, Bounds] | None:
    for field, (source, column) in _COLUMNS.items():
        bounds = bounds_of(tree, field)
        if bounds is None or bounds.low is None or bounds.high is None:
            continue
        row = connection.execute(
            sql.FEW_BY_SCAN_ID, (bounds.low, bounds.high, _FEW + 1)
        ).fetchone()
        if row is not None and row[0] <= _FEW:
            return source, column, bounds
    return None
