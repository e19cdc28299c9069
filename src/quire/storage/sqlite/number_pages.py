"""Pages of runs in the order of (experiment, run, uid)."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import apsw

from quire.ports.run_finder import RunPlace
from quire.storage.sqlite import run_sql as sql
from quire.storage.sqlite.uids import to_text

ABSENT = 2**63 - 1
"""What stands for a missing experiment or run number, so that it sorts last."""


def by_number(
    connection: apsw.Connection,
    conditions: Sequence[str],
    bindings: Mapping[str, Any],
    *,
    behind: RunPlace | None,
    limit: int,
    descending: bool,
) -> Sequence[int]:
    """Return the row ids of matching runs from behind a place on."""
    found: list[tuple[tuple[int, int, str], int]] = []
    place = None if behind is None else _place(behind)
    more = [] if place is None else [sql.FROM_NUMBER[descending]]
    bound: dict[str, Any] = {**bindings, "limit": limit}
    if place is not None:
        bound |= {"experiment": place[0], "number": place[1]}
        # Runs of the very same numbers stand on both sides of the place.
        bound["limit"] = limit + _twins(connection, place)
    text = sql.numbered([*more, *conditions], descending=descending)
    rows: Iterable[Any] = connection.execute(text, bound)
    for number, experiment, run, uid in rows:
        key = (_integer(experiment), _integer(run), to_text(uid))
        if place is None or (key < place if descending else key > place):
            found.append((key, _integer(number)))
    return [number for _, number in found[:limit]]


def _place(behind: RunPlace) -> tuple[int, int, str]:
    return (
        ABSENT if behind.experiment is None else behind.experiment,
        ABSENT if behind.run is None else behind.run,
        behind.uid,
    )


def _twins(connection: apsw.Connection, place: tuple[int, int, str]) -> int:
    row = connection.execute(sql.TWINS, place[:2]).fetchone()
    return 0 if row is None else _integer(row[0])


def _integer(value: Any) -> int:
    return int(value)
