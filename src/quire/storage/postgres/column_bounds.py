"""What a tree's bounds say of the columns of runs."""

import math
from collections.abc import Sequence
from typing import Any

from quire.runs.query.tree import Tree
from quire.storage.number_ranges import number_range
from quire.storage.postgres import run_sql as sql
from quire.storage.postgres.asking import ask
from quire.storage.postgres.bindings import Bindings, exact
from quire.storage.postgres.run_ranges import key_range
from quire.storage.postgres.session import Session
from quire.storage.tree_bounds import bounds_of

_MOST_EXPERIMENTS = 100


def by_prefix(prefix: str, bindings: Bindings) -> str:
    """Return the condition of runs whose uid begins so, or begins so for long enough."""
    low, high = key_range(prefix)
    start = bindings.add(low, "bytea")
    if high is None:
        return sql.PREFIX_TO_END.format(low=start)
    return sql.PREFIX.format(low=start, high=bindings.add(high, "bytea"))


def by_scan_id(tree: Tree | None, bindings: Bindings) -> Sequence[str]:
    """Return the conditions on the scan_id."""
    scans = bounds_of(tree, "scan_id")
    if scans is None:
        return ()
    return _between("v.scan_id", scans.low, scans.high, bindings, "numeric")


def by_time(tree: Tree | None, bindings: Bindings) -> Sequence[str]:
    """Return the conditions on the start time."""
    bounds = bounds_of(tree, "time")
    if bounds is None:
        return ()
    # One step outwards: an integer need not be a float.
    low = None if bounds.low is None else math.nextafter(float(bounds.low), -math.inf)
    high = None if bounds.high is None else math.nextafter(float(bounds.high), math.inf)
    return _between("v.newest", low, high, bindings, "double precision")


def by_number(session: Session, tree: Tree | None, bindings: Bindings) -> Sequence[str]:
    """Return the conditions on experiment and run.

    A range of run numbers, in whatever experiment, is sought in each of them: else
    all that lies between the first and the last would be met.
    """
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
    numbers = _between("v.number", found.least, found.most, bindings, "bigint")
    experiments = _experiments(session, found.low[0], found.high[0])
    if experiments is None:
        return (*places, *numbers)
    among = bindings.add(experiments, "bigint[]")
    return (f"v.experiment = ANY({among})", *places, *numbers)


def _experiments(session: Session, low: int, high: int) -> list[int] | None:
    """Return the experiments there are, None for very many."""
    asked = {"low": low, "high": high, "most": _MOST_EXPERIMENTS + 1}
    rows = [number for (number,) in ask(session, sql.EXPERIMENTS, asked)]
    return None if len(rows) > _MOST_EXPERIMENTS else rows


def _between(
    column: str, low: Any, high: Any, bindings: Bindings, kind: str
) -> Sequence[str]:
    parts = []
    for operator, end in ((">=", low), ("<=", high)):
        if end is not None:
            value = exact(end) if kind == "numeric" else end
            parts.append(f"{column} {operator} {bindings.add(value, kind)}")
    return tuple(parts)
