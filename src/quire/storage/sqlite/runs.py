"""The runs in SQLite."""

import math
from typing import Any

import apsw

from quire.ports.run_records import RunQuery
from quire.runs.run import Run, Status
from quire.storage.sqlite import sql
from quire.storage.sqlite.changes import RUNS, Changes
from quire.storage.sqlite.codec import Codec
from quire.storage.sqlite.uids import blob_range, text_range, to_column

_CODEC = Codec(Run)


class SqliteRuns:
    """`quire.ports.run_records.RunRecords` on one connection."""

    def __init__(self, connection: apsw.Connection, changes: Changes) -> None:
        self._connection = connection
        self._changes = changes

    def get(self, uid: str) -> Run | None:
        """Return a run by its full uid."""
        row = self._connection.execute(sql.RUN_GET, (to_column(uid),)).fetchone()
        return None if row is None else _CODEC.decode(row[0])

    def put(self, run: Run) -> None:
        """Store a run in place of what was there under its uid."""
        bindings = (
            to_column(run.uid),
            _newest(run.time),
            _integer(run.scan_id),
            run.owner,
            run.lease_until if run.status is Status.OPEN else None,
            _CODEC.encode(run),
        )
        self._connection.execute(sql.RUN_PUT, bindings)
        self._changes.touch(RUNS)

    def page(self, query: RunQuery) -> tuple[Run, ...]:
        """Return matching runs, newest first."""
        conditions, bindings = _conditions(query)
        bindings["limit"] = max(query.limit, 0)
        text = sql.page(sql.RUN_PAGE, conditions, sql.RUN_ORDER)
        rows = self._connection.execute(text, bindings)
        return tuple(_CODEC.decode(row[0]) for row in rows)


def _conditions(query: RunQuery) -> tuple[list[str], dict[str, Any]]:
    conditions: list[str] = []
    bindings: dict[str, Any] = {}
    if query.owner is not None:
        conditions.append(sql.RUN_OWNER)
        bindings["owner"] = query.owner
    if query.before is not None:
        conditions.append(sql.RUN_BEFORE)
        bindings |= {"newest": _newest(query.before[0]), "uid": query.before[1]}
    if query.scan_id is not None:
        conditions.append(sql.RUN_SCAN_ID)
        bindings["scan_id"] = _integer(query.scan_id)
    if query.prefix:
        conditions.append(sql.RUN_PREFIX)
        bindings |= _prefix(query.prefix)
    if query.lapsed_at is not None:
        conditions.append(sql.RUN_LAPSED)
        bindings["lapsed_at"] = query.lapsed_at
    return conditions, bindings


def _prefix(prefix: str) -> dict[str, Any]:
    text_low, text_high = text_range(prefix)
    blob_low, blob_high = blob_range(prefix) or (None, None)
    return {
        "text_low": text_low,
        "text_high": text_high,
        "blob_low": blob_low,
        "blob_high": blob_high,
    }


def _newest(time: float | None) -> float:
    return -math.inf if time is None or math.isnan(time) else float(time)


def _integer(value: int | None) -> int | str | None:
    if value is None or -(2**63) <= value < 2**63:
        return value
    return str(value)
