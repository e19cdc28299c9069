"""How a selection is found: what indexes narrow, and what is asked of each row."""

import math
from collections.abc import Sequence
from typing import Any, NamedTuple

from quire.ports.run_finder import Selection
from quire.runs.query.tree import And, Text, Tree
from quire.storage.number_ranges import number_range
from quire.storage.postgres import run_sql as sql
from quire.storage.postgres.asking import ask
from quire.storage.postgres.bindings import Bindings, exact
from quire.storage.postgres.conditions import Conditions
from quire.storage.postgres.covers import Covers, said_by_terms
from quire.storage.postgres.field_values import ranges
from quire.storage.postgres.run_ranges import key_range
from quire.storage.postgres.session import Session
from quire.storage.tree_bounds import bounds_of, conjuncts, uid_of

_FEW = 5_000
"""So many rows are sorted sooner than an index in order is walked."""


class Plan(NamedTuple):
    """What a search asks.

    Attributes
    ----------
    narrow
        Conditions that indexes answer.
    within
        Conditions on the start time and the run numbers, by which runs stand in order.
    conditions
        What each row that is met is asked besides.
    check
        What the terms among `narrow` have said already but for hashes that two terms
        share: it is enough to ask the few rows that are wanted.
    why
        In words, for people.
    """

    narrow: tuple[str, ...]
    within: tuple[str, ...]
    conditions: tuple[str, ...]
    check: tuple[str, ...]
    bindings: Bindings
    why: str

    @property
    def all(self) -> tuple[str, ...]:
        """Every condition."""
        return (*self.narrow, *self.within, *self.conditions, *self.check)


def plan(session: Session, selection: Selection, lists: tuple[int, ...] | None) -> Plan:
    """Choose how to find a selection.

    Parameters
    ----------
    lists
        Access lists that let the asker in; None for all.
    """
    tree, bindings = selection.where, Bindings()
    narrow, told = _by_columns(session, tree, bindings)
    match = None if narrow else Covers(bindings).match(tree)
    if match is not None:
        narrow.append(f"({match})")
        told.append("terms")
    parts = list(conjuncts(tree))
    said = [part for part in parts if match is not None and said_by_terms(part)]
    compiled = Conditions(bindings)
    conditions = tuple(compiled.compile(part) for part in parts if part not in said)
    # A word is known by nothing but its term: to ask again would say nothing new.
    check = tuple(compiled.compile(part) for part in said if not isinstance(part, Text))
    if lists is not None:
        narrow.append(f"v.access = ANY({bindings.add(list(lists), 'integer[]')})")
        told.append(f"{len(lists)} access lists")
    within = _within(tree, bindings)
    if within:
        told.append("bounds of time")
    numbers = _by_number(tree, bindings)
    if numbers:
        # However many there are: in the order of numbers the walk begins and ends there.
        told.append("bounds of run numbers")
    within = (*within, *numbers)
    why = ", ".join(told) or "every run in order"
    return Plan(tuple(narrow), within, conditions, check, bindings, why)


def unknown(selection: Selection, lists: tuple[int, ...] | None) -> Plan:
    """Return how to find the runs of which a selection's tree is neither true nor false."""
    bindings, narrow = Bindings(), []
    if lists is not None:
        narrow.append(f"v.access = ANY({bindings.add(list(lists), 'integer[]')})")
    where = selection.where or And(parts=())
    lacking = f"{Conditions(bindings).compile(where)} IS NULL"
    return Plan(tuple(narrow), (), (lacking,), (), bindings, "for lack of a value")


def by_prefix(prefix: str, bindings: Bindings) -> str:
    """Return the condition of runs whose uid begins so, or begins so for long enough."""
    low, high = key_range(prefix)
    start = bindings.add(low, "bytea")
    if high is None:
        return sql.PREFIX_TO_END.format(low=start)
    return sql.PREFIX.format(low=start, high=bindings.add(high, "bytea"))


class Expected(NamedTuple):
    """How many rows the planner expects, which knows how common the commonest are.

    Attributes
    ----------
    rows
        That indexes leave over.
    runs
        There are.
    """

    rows: float
    runs: float


def expected(session: Session, chosen: Plan) -> Expected:
    """Return how many rows are to be expected."""
    rows = _rows(session, [*chosen.narrow, *chosen.within], chosen.bindings)
    return Expected(rows, max(_rows(session, [], chosen.bindings), 1.0))


def _rows(session: Session, conditions: Sequence[str], bindings: Bindings) -> float:
    ((told,),) = ask(session, sql.estimate(conditions), bindings.values)
    return float(told[0]["Plan"]["Plan Rows"])


def _by_columns(
    session: Session, tree: Tree | None, bindings: Bindings
) -> tuple[list[str], list[str]]:
    """Return what narrows a search to few rows without asking for terms.

    With both the planner would join two sets of rows, of which one may be large.
    """
    narrow: list[str] = []
    told: list[str] = []
    start = uid_of(tree)
    if start:
        narrow.append(by_prefix(start, bindings))
        told.append("uid")
    scans = bounds_of(tree, "scan_id")
    if scans is not None:
        narrow += _between("v.scan_id", scans.low, scans.high, bindings, "numeric")
        told.append("scan_id")
    if narrow and _rows(session, narrow, bindings) > _FEW:
        narrow, told = [], []
    ready: list[Any] = session.rows(sql.FIELD_READY)
    for one in ranges(ready, tree, bindings):
        if _finds_few(session, one.condition, bindings):
            narrow.append(sql.BY_FIELD.format(where=one.condition))
            told.append(f"the index of {one.path}")
    return narrow, told


def _finds_few(session: Session, condition: str, bindings: Bindings) -> bool:
    text = (
        "SELECT count(*) FROM (SELECT 1 FROM field_value AS f"  # noqa: S608
        f" WHERE {condition} LIMIT {_FEW + 1}) AS found"
    )
    ((found,),) = ask(session, text, bindings.values)
    return int(found) <= _FEW


def _within(tree: Tree | None, bindings: Bindings) -> tuple[str, ...]:
    bounds = bounds_of(tree, "time")
    if bounds is None:
        return ()
    # One step outwards: an integer need not be a float.
    low = None if bounds.low is None else math.nextafter(float(bounds.low), -math.inf)
    high = None if bounds.high is None else math.nextafter(float(bounds.high), math.inf)
    return tuple(_between("v.newest", low, high, bindings, "double precision"))


def _by_number(tree: Tree | None, bindings: Bindings) -> tuple[str, ...]:
    found = number_range(tree)
    if found is None:
        return ()
    ends = [
        ", ".join(bindings.add(number, "bigint") for number in place)
        for place in (found.low, found.high)
    ]
    places = (
        f"(v.experiment, v.number) >= ({ends[0]})",
        f"(v.experiment, v.number) <= ({ends[1]})",
    )
    if found.any_run:
        return places
    return (
        *places,
        *_between("v.number", found.least, found.most, bindings, "bigint"),
    )


def _between(
    column: str, low: Any, high: Any, bindings: Bindings, kind: str
) -> list[str]:
    parts = []
    for operator, end in ((">=", low), ("<=", high)):
        if end is not None:
            value = exact(end) if kind == "numeric" else end
            parts.append(f"{column} {operator} {bindings.add(value, kind)}")
    return parts
