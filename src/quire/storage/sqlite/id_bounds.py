"""Between what row ids, which stand in order of time, all lies that a tree is true of."""

import math
from collections.abc import Iterator
from typing import Any

import apsw

from quire.runs.query.tree import Tree
from quire.storage.number_ranges import ABSENT, LEAST, number_range
from quire.storage.sqlite import run_sql as sql
from quire.storage.sqlite.order_keys import span
from quire.storage.tree_bounds import bounds_of

Ids = tuple[int, int]
"""The first and the last id; nothing lies between them if the last is smaller."""

EVERY_ID: Ids = (-(2**63), 2**63 - 1)
_Asked = tuple[str, tuple[int, ...]]
_NOTHING: Ids = (0, -1)
_ZONE_BITS = 40
"""As the migration counts ids in zones."""

STRETCH_BITS = 10
"""As it counts numbers."""


def ids_of(connection: apsw.Connection, tree: Tree | None) -> Ids:
    """Return between what ids the bounds of a tree lie: of time, and of numbers."""
    found = ids_by_time(tree) or EVERY_ID
    for text, bindings in (*_by_scan_id(tree), *_by_number(tree)):
        row: Any = connection.execute(text, bindings).fetchone()
        found = _both(found, _NOTHING if row[0] is None else _ids_in(*row))
    return found


def ids_by_time(tree: Tree | None) -> Ids | None:
    """Return between what ids a tree's bounds of time lie, None where it has none."""
    bounds = bounds_of(tree, "time")
    if bounds is None:
        return None
    low, high = EVERY_ID
    if bounds.low is not None:
        low = span(float(bounds.low))[0]
    if bounds.high is not None:
        high = span(float(bounds.high))[1]
    return low, high


def ids_by_terms(connection: apsw.Connection, match: str) -> Ids:
    """Return between what ids all lies that terms find, or that is not indexed yet."""
    ends: list[int] = []
    for text in (sql.FIRST_BY_TERMS, sql.LAST_BY_TERMS):
        ends += [row[0] for row in connection.execute(text, (match,))]
    row: Any = connection.execute(sql.STALE_ENDS).fetchone()
    ends += [each for each in row if each is not None]
    return (min(ends), max(ends)) if ends else _NOTHING


def zones_of(ids: Ids) -> tuple[int, int]:
    """Return the first and the last zone of ids."""
    return ids[0] >> _ZONE_BITS, ids[1] >> _ZONE_BITS


def _ids_in(earliest: int, latest: int) -> Ids:
    return earliest << _ZONE_BITS, ((latest + 1) << _ZONE_BITS) - 1


def _both(one: Ids, other: Ids) -> Ids:
    return max(one[0], other[0]), min(one[1], other[1])


def _by_scan_id(tree: Tree | None) -> Iterator[_Asked]:
    bounds = bounds_of(tree, "scan_id")
    if bounds is not None:
        low = LEAST if bounds.low is None else bounds.low
        high = ABSENT if bounds.high is None else bounds.high
        yield sql.ZONE_OF_SCAN_IDS, (_stretch(low), _stretch(high))


def _by_number(tree: Tree | None) -> Iterator[_Asked]:
    found = number_range(tree)
    if found is not None:
        places = [number for end in (found.low, found.high) for number in end]
        stretches = (places[0], _stretch(places[1]), places[2], _stretch(places[3]))
        yield (
            sql.ZONE_OF_NUMBERS,
            (*stretches, _stretch(found.least), _stretch(found.most)),
        )


def _stretch(number: Any) -> int:
    clamped: float = max(LEAST, min(number, ABSENT))
    return math.floor(clamped) >> STRETCH_BITS
