"""The runs that outlets keep a record of, in SQLite."""

from collections.abc import Collection

import apsw

from quire.ports.outlet_run_records import OutletRun, OutletRunQuery, RunState
from quire.storage.codec import Codec
from quire.storage.sqlite.uids import to_column

_CODEC = Codec(OutletRun)
_GET = "SELECT record FROM outlet_run WHERE outlet = ? AND run = ?"
_PUT = (
    "INSERT OR REPLACE INTO outlet_run (outlet, run, state, not_before, record)"
    " VALUES (?, ?, ?, ?, ?)"
)
_REMOVE = "DELETE FROM outlet_run WHERE outlet = ? AND run = ?"
# One state after the other: each is a range of the index.
_PAGE = (
    "SELECT record FROM outlet_run WHERE outlet = ? AND state = ? AND not_before <= ?"
    " ORDER BY not_before LIMIT ?"
)
_COUNT = "SELECT count(*) FROM outlet_run WHERE outlet = ? AND state = ?"


class SqliteOutletRuns:
    """`quire.ports.outlet_run_records.OutletRunRecords` on one connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def get(self, outlet: str, run: str) -> OutletRun | None:
        """Return how a run stands with an outlet."""
        row = self._connection.execute(_GET, (outlet, to_column(run))).fetchone()
        return None if row is None else _CODEC.decode(row[0])

    def put(self, record: OutletRun) -> None:
        """Store a record in place of the former one."""
        self._connection.execute(
            _PUT,
            (
                record.outlet,
                to_column(record.run),
                record.state.value,
                record.not_before,
                _CODEC.encode(record),
            ),
        )

    def remove(self, outlet: str, run: str) -> None:
        """Forget a record; nothing happens if there is none."""
        self._connection.execute(_REMOVE, (outlet, to_column(run)))

    def page(self, query: OutletRunQuery) -> tuple[OutletRun, ...]:
        """Return matching records, soonest `not_before` first."""
        limit = max(query.limit, 0)
        ready = float("inf") if query.ready_at is None else query.ready_at
        found = [
            _CODEC.decode(row[0])
            for state in sorted(query.states)
            for row in self._connection.execute(
                _PAGE, (query.outlet, state.value, ready, limit)
            )
        ]
        found.sort(key=lambda record: (record.not_before, record.run))
        return tuple(found[:limit])

    def count(self, outlet: str, states: Collection[RunState]) -> int:
        """Return how many of an outlet's runs are in any of these states."""
        return sum(
            next(self._connection.execute(_COUNT, (outlet, state.value)))[0]
            for state in set(states)
        )
