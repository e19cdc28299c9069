"""How a selection is found: what indexes narrow, and what is asked of each row."""

from typing import Any, NamedTuple

from quire.ports.run_finder import Selection
from quire.runs.query.tree import And, Text, Tree
from quire.runs.searchable import GROWING
from quire.storage.postgres import run_sql as sql
from quire.storage.postgres.asking import ask
from quire.storage.postgres.bindings import Bindings
from quire.storage.postgres.column_bounds import (
    by_number,
    by_prefix,
    by_scan_id,
    by_time,
)
from quire.storage.postgres.conditions import Conditions
from quire.storage.postgres.covers import Covers, said_by_terms
from quire.storage.postgres.few_runs import FEW, by_sides, rows_of
from quire.storage.postgres.field_values import ranges
from quire.storage.postgres.session import Session
from quire.storage.tree_bounds import conjuncts, uid_of


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
    conditions = (
        *by_scan_id(tree, bindings),  # read sooner than what the view says of it
        *(compiled.compile(part) for part in parts if part not in said),
    )
    # A word is known by nothing but its term: to ask again would say nothing new.
    check = tuple(compiled.compile(part) for part in said if not isinstance(part, Text))
    if lists is not None:
        narrow.append(f"v.access = ANY({bindings.add(list(lists), 'integer[]')})")
        told.append(f"{len(lists)} access lists")
    within = by_time(tree, bindings)
    if within:
        told.append("bounds of time")
    numbers = by_number(session, tree, bindings)
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
    rows = rows_of(session, [*chosen.narrow, *chosen.within], chosen.bindings)
    return Expected(rows, max(rows_of(session, [], chosen.bindings), 1.0))


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
    scans = by_scan_id(tree, bindings)
    if scans:
        narrow += scans
        told.append("scan_id")
    if narrow and rows_of(session, narrow, bindings) > FEW:
        narrow, told = [], []
    if not narrow and (sides := by_sides(session, tree, bindings)) is not None:
        narrow.append(sides)
        told.append("the sides of an or")
    rows: list[Any] = session.rows(sql.FIELD_READY)
    ready = [(number, path) for number, path in rows if path not in GROWING]
    for one in ranges(ready, tree, bindings):
        if _finds_few(session, one.condition, bindings):
            narrow.append(sql.BY_FIELD.format(where=one.condition))
            told.append(f"the index of {one.path}")
    return narrow, told


def _finds_few(session: Session, condition: str, bindings: Bindings) -> bool:
    text = (
        "SELECT count(*) FROM (SELECT 1 FROM field_value AS f"  # noqa: S608
        f" WHERE {condition} LIMIT {FEW + 1}) AS found"
    )
    ((found,),) = ask(session, text, bindings.values)
    return int(found) <= FEW
