"""Conditions that leave few runs, found by indexes on what they are said to be."""

from collections.abc import Iterator, Sequence

from quire.runs.query.tree import Tree
from quire.storage.postgres import run_sql as sql
from quire.storage.postgres.asking import ask
from quire.storage.postgres.bindings import Bindings
from quire.storage.postgres.column_bounds import (
    by_number,
    by_prefix,
    by_scan_id,
    by_time,
)
from quire.storage.postgres.covers import Covers
from quire.storage.postgres.session import Session
from quire.storage.tree_bounds import conjuncts, sides_of, uid_of

FEW = 5_000
"""So many rows are sorted sooner than an index in order is walked."""

_MOST_SIDES = 200


def rows_of(session: Session, conditions: Sequence[str], bindings: Bindings) -> float:
    """Return how many runs the planner expects to fulfil conditions."""
    ((told,),) = ask(session, sql.estimate(conditions), bindings.values)
    return float(told[0]["Plan"]["Plan Rows"])


def by_sides(session: Session, tree: Tree | None, bindings: Bindings) -> str | None:
    """Return a condition that leaves few runs because all sides of an ``or`` do.

    The planner has no index for what differs from side to side, and would walk all.
    """
    for part in conjuncts(tree):
        sides = sides_of(part)
        if sides is None or len(sides) > _MOST_SIDES:
            continue
        covers = Covers(Bindings())
        if sides and all(covers.match_values(side) for side in sides):
            continue  # one condition on terms says it all
        found = _Sides(session, bindings).few(sides)
        if found is not None:
            return sql.any_of(found)
    return None


class _Sides:
    def __init__(self, session: Session, bindings: Bindings) -> None:
        self._session = session
        self._bindings = bindings
        self._left = float(FEW)

    def few(self, sides: Sequence[Tree]) -> list[Sequence[str]] | None:
        """Return what leaves few of each side, None where one leaves many."""
        found: list[Sequence[str]] = []
        for side in sides:
            conditions = self._few(side)
            if conditions is None:
                return None
            found.append(conditions)
        return found

    def _few(self, side: Tree) -> Sequence[str] | None:
        for conditions in self._candidates(side):
            rows = rows_of(self._session, conditions, self._bindings)
            if conditions and rows <= self._left:
                self._left -= rows
                return conditions
        within = by_sides(self._session, side, self._bindings)
        return None if within is None else (within,)

    def _candidates(self, side: Tree) -> Iterator[Sequence[str]]:
        start = uid_of(side)
        if start:
            yield (by_prefix(start, self._bindings),)
        yield by_scan_id(side, self._bindings)
        yield by_number(self._session, side, self._bindings)
        yield by_time(side, self._bindings)
        match = Covers(self._bindings).match_values(side)
        if match is not None:
            yield (match,)
