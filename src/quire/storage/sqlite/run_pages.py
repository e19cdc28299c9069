"""Pages of runs in the order of (start time, uid), walked by row id.

Row ids order runs to a tick of their start time (`order_keys`). Within a tick the
exact order is made here: whatever shares the last tick of a block is read with it.
"""

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple

import apsw

from quire.storage.sqlite.order_keys import span, tick_of
from quire.storage.sqlite.uids import to_text

_FIRST, _LAST = -(2**63), 2**63 - 1
_NEWEST, _PLACE = attrgetter("newest"), attrgetter("place")

Place = tuple[float | None, str]
"""Start time in Unix seconds (None without one) and uid of a run."""


class Row(NamedTuple):
    """What is read of a run: what it is ordered by, and its record."""

    id: int
    newest: float
    uid: Any
    record: bytes

    @property
    def place(self) -> tuple[float, str]:
        """What it is ordered by."""
        return self.newest, to_text(self.uid)


class Walk(NamedTuple):
    """Which rows are walked, and which way.

    Attributes
    ----------
    source
        What stands behind FROM; it must have the row id as ``run.id``.
    key
        The column that the source walks in order.
    """

    source: str
    key: str
    conditions: Sequence[str]
    bindings: Mapping[str, Any]
    descending: bool = True


def newest_first(
    connection: apsw.Connection,
    conditions: Sequence[str],
    bindings: Mapping[str, Any],
    *,
    behind: Place | None,
    limit: int,
) -> list[Row]:
    """Return matching runs, newest first, from behind a place on."""
    walk = Walk("run", "run.id", conditions, bindings)
    return page(connection, walk, behind=behind, limit=limit)


def page(
    connection: apsw.Connection, walk: Walk, *, behind: Place | None, limit: int
) -> list[Row]:
    """Return so many rows of a walk, from behind a place on, in exact order."""
    found: list[Row] = []
    low, high = _bounds(walk, behind)
    while len(found) < limit and low <= high:
        wanted = limit - len(found)
        block = _read(connection, walk, low, high, wanted)
        full = len(block) == wanted
        if full:
            first, last = tick_of(block[-1].id)
            rest = (
                (first, block[-1].id - 1)
                if walk.descending
                else (block[-1].id + 1, last)
            )
            block += _read(connection, walk, *rest, -1)
            low, high = (low, first - 1) if walk.descending else (last + 1, high)
        block = in_order(block, descending=walk.descending)
        found += _behind(block, behind, descending=walk.descending)
        if not full:
            break
    return found[: max(limit, 0)]


def in_order(rows: Sequence[Row], *, descending: bool) -> list[Row]:
    """Return rows by start time and uid."""
    # Texts of uids cost more than all else, and hardly two runs start together.
    alone = len({row.newest for row in rows}) == len(rows)
    key: Callable[[Row], Any] = _NEWEST if alone else _PLACE
    return sorted(rows, key=key, reverse=descending)


def place_of(place: Place) -> tuple[float, str]:
    """Return what a place is ordered by."""
    time, uid = place
    return (-math.inf if time is None or math.isnan(time) else time), uid


def _bounds(walk: Walk, behind: Place | None) -> tuple[int, int]:
    if behind is None:
        return _FIRST, _LAST
    first, last = span(behind[0])
    return (_FIRST, last) if walk.descending else (first, _LAST)


def _behind(
    block: list[Row], place: Place | None, *, descending: bool
) -> Iterator[Row]:
    if place is None:
        return iter(block)
    key = place_of(place)
    if descending:
        return (row for row in block if row.place < key)
    return (row for row in block if row.place > key)


def _read(
    connection: apsw.Connection, walk: Walk, low: int, high: int, limit: int
) -> list[Row]:
    if low > high:
        return []
    where = " AND ".join([f"{walk.key} BETWEEN :low AND :high", *walk.conditions])
    text = (
        # The parts are texts of ours; values are bound.
        f"SELECT run.id, run.newest, run.uid, run.record FROM {walk.source}"  # noqa: S608
        f" WHERE {where} ORDER BY {walk.key} {'DESC' if walk.descending else 'ASC'}"
        " LIMIT :limit"
    )
    bindings = {**walk.bindings, "low": low, "high": high, "limit": limit}
    if "first" in bindings:
        # SQLite seeks by one of two ranges of a column, and scans by the other.
        low, high = max(low, bindings["first"]), min(high, bindings["last"])
        bindings |= {"low": low, "high": high, "first": low, "last": high}
    return [Row(*row) for row in connection.execute(text, bindings)]
