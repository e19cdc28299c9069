"""How a selection is found: which index is walked, and what is asked of each row."""

from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import apsw

from quire.ports.run_finder import Selection
from quire.runs.query.tree import And, Text, Tree
from quire.storage.sqlite import run_sql as sql
from quire.storage.sqlite.conditions import Conditions, match_any
from quire.storage.sqlite.covers import by_values, match_of
from quire.storage.sqlite.few_runs import FEW, FewRuns, few_runs
from quire.storage.sqlite.id_bounds import EVERY_ID, Ids, ids_by_terms, ids_of
from quire.storage.sqlite.number_pages import Span, spans
from quire.storage.sqlite.run_pages import Walk
from quire.storage.sqlite.terms import access_term
from quire.storage.tree_bounds import conjuncts

_FEW_READ = 100
"""So few rows are read sooner than terms are asked which of them fit."""

_FEW_LISTS = 20
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
    ids
        Between which they lie.
    match
        A full-text expression over terms that holds for all of them, None if none
        narrows the search.
    """

    walks: tuple[Walk, ...]
    why: str
    few: bool = True
    ids: Ids = EVERY_ID
    match: str | None = None


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
    few = few_runs(connection, tree)
    if few is not None:
        return _by_few(connection, tree, lists, few)
    return _in_time(connection, tree, lists)


def _in_time(
    connection: apsw.Connection, tree: Tree | None, lists: tuple[int, ...] | None
) -> Plan:
    ids = ids_of(connection, tree)
    if ids[0] > ids[1]:
        return Plan((), "nothing: no run lies within these bounds")
    between = [sql.BETWEEN_IDS]
    bound = {"first": ids[0], "last": ids[1]}
    match = _match(tree, lists)
    if match is None:
        walk = _walk(tree, lists, "run", "run.id", between, bound, indexed=False)
        why = "every run in order of time" + (" within bounds" if tree else "")
        return Plan((walk,), why, few=False, ids=ids)
    main = _walk(
        _beside_terms(tree),
        lists,
        _BY_TERMS,
        "run_term.rowid",
        _TERMS,
        {**bound, "match": match},
        indexed=True,
    )
    tail = _tail(tree, lists, between, bound)
    why = f"in order of time {_by_terms(match)}"
    return Plan((main, tail), why, few=False, ids=ids, match=match)


def meets_few(connection: apsw.Connection, chosen: Plan, most: int) -> bool:
    """Return whether a plan is known to meet at most so many rows; they are counted."""
    if chosen.few:
        return True
    if chosen.match is None and chosen.ids == EVERY_ID:
        return False
    first, last = chosen.ids
    asked = {"match": chosen.match, "first": first, "last": last, "most": most + 1}
    text = sql.MET if chosen.match is None else sql.MET_BY_TERMS
    row: Any = connection.execute(text, asked).fetchone()
    return bool(row[0] <= most)


def in_numbers(
    connection: apsw.Connection,
    chosen: Plan,
    tree: Tree | None,
    *,
    descending: bool = False,
) -> Iterator[Span]:
    """Yield where in the order of numbers all lies that a plan is to find."""
    ids = chosen.ids
    if chosen.match is not None:
        first, last = ids_by_terms(connection, chosen.match)
        ids = max(first, ids[0]), min(last, ids[1])
    return spans(connection, tree, ids, descending=descending)


def _by_few(
    connection: apsw.Connection,
    tree: Tree | None,
    lists: tuple[int, ...] | None,
    few: FewRuns,
) -> Plan:
    why = f"at most {FEW} runs by {few.told}, then sorted"
    bound, inside = dict(few.bindings), [few.condition]
    match = by_values(tree)
    if match is None or not _few_between(connection, few):
        walk = _walk(tree, lists, "run", "run.id", inside, bound, indexed=False)
        return Plan((walk,), why)
    main = _walk(
        _beside_terms(few.left),
        lists,
        "run",
        "run.id",
        [sql.BY_TERMS_BETWEEN, "run.stale = 0", few.check],
        {**bound, "match": match, "few_first": few.first, "few_last": few.last},
        indexed=True,
    )
    tail = _tail(tree, lists, inside, bound)
    return Plan((main, tail), f"{why}; of these {_by_terms(match)}")


def _few_between(connection: apsw.Connection, few: FewRuns) -> bool:
    """Return whether few runs lie between the first and the last of few.

    Then to look through these by terms costs less than to read the rows of them all.
    Where numbers are those of many beamlines, or begin anew, all others may lie there.
    """
    if few.runs < _FEW_READ:
        return False
    asked = (few.first, few.last, FEW + 1)
    row = connection.execute(sql.FEW_INDEXED, asked).fetchone()
    return row is not None and row[0] <= FEW


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


def _match(tree: Tree | None, lists: tuple[int, ...] | None) -> str | None:
    match = match_of(tree)
    if lists is not None and 0 < len(lists) <= _FEW_LISTS:
        seen = match_any(map(access_term, lists))
        return seen if match is None else f"({match}) AND {seen}"
    return match
