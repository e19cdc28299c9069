"""How a selection is found: which index is walked, and what is asked of each row."""

from collections.abc import Sequence
from typing import Any, NamedTuple

import apsw

from quire.ports.run_finder import Selection
from quire.runs.query.tree import And, Between, Compare, Operator, Text, Tree
from quire.storage.number_ranges import number_range
from quire.storage.sqlite import run_sql as sql
from quire.storage.sqlite.conditions import Conditions, match_any
from quire.storage.sqlite.covers import by_values, match_of
from quire.storage.sqlite.number_pages import Span, spans
from quire.storage.sqlite.order_keys import span
from quire.storage.sqlite.run_pages import Walk
from quire.storage.sqlite.terms import access_term
from quire.storage.sqlite.uids import prefix_range
from quire.storage.tree_bounds import Bounds, bounds_of, conjuncts, range_of, uid_of

_FEW = 5_000
"""So many rows are sorted sooner than an index in order is walked."""

_FEW_SORTED = 50_000
"""So many are read and sorted sooner than all are walked in an order of numbers."""

_FEW_LISTS = 20
_FIRST, _LAST = -(2**63), 2**63 - 1

_COLUMNS = {
    "scan_id": ("run INDEXED BY run_scan_id", "run.scan_id"),
}
_BY_TERMS = "run_term CROSS JOIN run ON run.id = run_term.rowid"
_TERMS = (
    "run_term MATCH :match",
    "run_term.rowid BETWEEN :first AND :last",
    "run.stale = 0",
)


class Plan(NamedTuple):
    """Walks whose rows together are the selection's, none of them twice.

    Attributes
    ----------
    why
        In words, for people.
    few
        Whether it is certain that so few rows are met that any order can be made of
        them; else `meets_few` tells.
    """

    walks: tuple[Walk, ...]
    why: str
    few: bool = True


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
    found = _plan(connection, selection.where, lists)
    walks = tuple(each._replace(descending=descending) for each in found.walks)
    return found._replace(walks=walks)


def _plan(
    connection: apsw.Connection, tree: Tree | None, lists: tuple[int, ...] | None
) -> Plan:
    if lists == ():
        return Plan((), "nothing: no access list lets the asker in")
    start = uid_of(tree)
    if start is not None and _few_begin(connection, start):
        bound, inside = prefix_range(start), [sql.PREFIX]
        walk = _walk(tree, lists, "run", "run.id", inside, bound, indexed=False)
        return Plan((walk,), f"at most {_FEW} runs by uid, then sorted")
    few = _few(connection, tree)
    if few is not None:
        return _by_column(connection, tree, lists, few)
    ranged = _few_indexed(connection, tree)
    if ranged is not None:
        return _by_field(tree, lists, ranged)
    numbered = _few_numbered(connection, tree)
    if numbered is not None:
        source, why = "run INDEXED BY run_number", f"at most {_FEW} runs by number"
        walks = (
            _walk(
                tree,
                lists,
                source,
                "run.id",
                one.conditions,
                one.bindings,
                indexed=False,
            )
            for one in numbered
        )
        return Plan(tuple(walks), f"{why}, then sorted")
    return _in_time(tree, lists)


def _in_time(tree: Tree | None, lists: tuple[int, ...] | None) -> Plan:
    low, high = _ids(tree)
    between = ["run.id BETWEEN :first AND :last"]
    ids = {"first": low, "last": high}
    match = _match(tree, lists)
    if match is None:
        walk = _walk(tree, lists, "run", "run.id", between, ids, indexed=False)
        why = "every run in order of time" + (" within bounds" if tree else "")
        return Plan((walk,), why, few=False)
    main = _walk(
        _beside_terms(tree),
        lists,
        _BY_TERMS,
        "run_term.rowid",
        _TERMS,
        {**ids, "match": match},
        indexed=True,
    )
    tail = _tail(tree, lists, between, ids)
    return Plan((main, tail), f"in order of time {_by_terms(match)}", few=False)


def meets_few(connection: apsw.Connection, chosen: Plan, tree: Tree | None) -> bool:
    """Return whether a plan meets so few rows that any order can be made of them.

    Up to 50,000 are counted for it, which pages in order of time do not need.
    """
    if chosen.few:
        return True
    match, (low, high) = by_values(tree), _ids(tree)
    if match is None and (low, high) == (_FIRST, _LAST):
        return False
    asked = {"match": match, "first": low, "last": high, "most": _FEW_SORTED + 1}
    text = sql.MET if match is None else sql.MET_BY_TERMS
    row: Any = connection.execute(text, asked).fetchone()
    return bool(row[0] <= _FEW_SORTED)


class Few(NamedTuple):
    """A range of a column that few runs are in, and their first and last id."""

    field: str
    source: str
    column: str
    bounds: Bounds
    first: int
    last: int


class Ranged(NamedTuple):
    """A range of a field that an operator had indexed."""

    field: int
    path: str
    bounds: Bounds


def _by_column(
    connection: apsw.Connection,
    tree: Tree | None,
    lists: tuple[int, ...] | None,
    few: Few,
) -> Plan:
    bound = {"range_low": few.bounds.low, "range_high": few.bounds.high}
    inside = [f"{few.column} BETWEEN :range_low AND :range_high"]
    left = _beside_column(tree, few.field)
    why = f"at most {_FEW} runs by {few.field}, then sorted"
    match = by_values(left)
    if match is None or not _few_between(connection, few):
        walk = _walk(left, lists, few.source, "run.id", inside, bound, indexed=False)
        return Plan((walk,), why)
    main = _walk(
        _beside_terms(left),
        lists,
        _BY_TERMS,
        "run_term.rowid",
        [*_TERMS, *inside],
        {**bound, "match": match, "first": few.first, "last": few.last},
        indexed=True,
    )
    tail = _tail(left, lists, inside, bound)
    return Plan((main, tail), f"{why}; of these {_by_terms(match)}")


def _few_between(connection: apsw.Connection, few: Few) -> bool:
    """Return whether few runs lie between the first and the last of a range.

    Then to look through these by terms costs less than to read the rows of the range.
    Where numbers are those of many beamlines, or begin anew, all others may lie there.
    """
    asked = (few.first, few.last, _FEW + 1)
    row = connection.execute(sql.FEW_INDEXED, asked).fetchone()
    return row is not None and row[0] <= _FEW


def _tail(
    tree: Tree | None,
    lists: tuple[int, ...] | None,
    conditions: Sequence[str],
    bindings: dict[str, Any],
) -> Walk:
    """Return the walk over what is not indexed yet."""
    source, stale = "run INDEXED BY run_stale", [*conditions, "run.stale > 0"]
    return _walk(tree, lists, source, "run.id", stale, bindings, indexed=False)


def _by_terms(match: str) -> str:
    return f"by terms: {match}; and what is not indexed yet"


def _by_field(tree: Tree | None, lists: tuple[int, ...] | None, ranged: Ranged) -> Plan:
    low, high = ranged.bounds
    bound = {"field": ranged.field, "range_low": low, "range_high": high}
    inside = (
        "run.id IN (SELECT v.run FROM field_value AS v"
        " WHERE v.field = :field AND v.value BETWEEN :range_low AND :range_high)"
    )
    conditions = [inside, "run.stale = 0"]
    main = _walk(tree, lists, "run", "run.id", conditions, bound, indexed=False)
    tail = _tail(tree, lists, (), {})
    why = f"at most {_FEW} runs by the index of {ranged.path}, then sorted"
    return Plan((main, tail), why)


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
    conditions: Sequence[str],
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


def _few_numbered(
    connection: apsw.Connection, tree: Tree | None
) -> Sequence[Span] | None:
    """Return where among the numbers of runs few may match, None if many do."""
    if number_range(tree) is None:
        return None
    left, found = _FEW, []
    for one in spans(connection, tree):
        text = sql.counted("run INDEXED BY run_number", one.conditions)
        row: Any = connection.execute(
            text, {**one.bindings, "most": left + 1}
        ).fetchone()
        left -= row[0]
        if left < 0:
            return None
        if row[0]:
            found.append(one)
    return found


def _few(connection: apsw.Connection, tree: Tree | None) -> Few | None:
    for field, (source, column) in _COLUMNS.items():
        bounds = bounds_of(tree, field)
        if bounds is None or bounds.low is None or bounds.high is None:
            continue
        asked = (bounds.low, bounds.high, _FEW + 1)
        row: Any = connection.execute(sql.FEW_BY_SCAN_ID, asked).fetchone()
        count, first, last = row
        if count <= _FEW:
            return Few(field, source, column, bounds, first or 0, last or 0)
    return None
