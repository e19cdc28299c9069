"""The runs that outlets keep a record of, in PostgreSQL."""

from collections.abc import Collection

from quire.ports.outlet_run_records import OutletRun, OutletRunQuery, RunState
from quire.storage.codec import Codec
from quire.storage.postgres.keys import to_key
from quire.storage.postgres.session import Session

_CODEC = Codec(OutletRun)
_GET = "SELECT record FROM outlet_run WHERE outlet = %s AND run = %s"
_PUT = (
    "INSERT INTO outlet_run (outlet, run, state, not_before, record)"
    " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (outlet, run) DO UPDATE SET"
    " state = excluded.state, not_before = excluded.not_before,"
    " record = excluded.record"
)
_REMOVE = "DELETE FROM outlet_run WHERE outlet = %s AND run = %s"
# One state after the other: each is a range of the index.
_PAGE = (
    "SELECT record FROM outlet_run WHERE outlet = %s AND state = %s"
    " AND not_before <= %s ORDER BY not_before, run LIMIT %s"
)
_COUNT = "SELECT count(*) FROM outlet_run WHERE outlet = %s AND state = ANY(%s)"


class PostgresOutletRuns:
    """`quire.ports.outlet_run_records.OutletRunRecords` in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, outlet: str, run: str) -> OutletRun | None:
        """Return how a run stands with an outlet."""
        self._session.lock("outlet run", f"{outlet}\0{run}")
        row = self._session.row(_GET, (to_key(outlet), to_key(run)))
        return None if row is None else _CODEC.decode(row[0])

    def put(self, record: OutletRun) -> None:
        """Store a record in place of the former one."""
        key = (self._session.key(record.outlet), self._session.key(record.run))
        standing = (record.state.value, record.not_before)
        self._session.run(_PUT, (*key, *standing, _CODEC.encode(record)))

    def remove(self, outlet: str, run: str) -> None:
        """Forget a record; nothing happens if there is none."""
        self._session.run(_REMOVE, (to_key(outlet), to_key(run)))

    def page(self, query: OutletRunQuery) -> tuple[OutletRun, ...]:
        """Return matching records, soonest `not_before` first."""
        limit = max(query.limit, 0)
        ready = float("inf") if query.ready_at is None else query.ready_at
        outlet = to_key(query.outlet)
        found = [
            _CODEC.decode(row[0])
            for state in sorted(query.states)
            for row in self._session.rows(_PAGE, (outlet, state.value, ready, limit))
        ]
        found.sort(key=lambda record: (record.not_before, record.run))
        return tuple(found[:limit])

    def count(self, outlet: str, states: Collection[RunState]) -> int:
        """Return how many of an outlet's runs are in any of these states."""
        wanted = sorted({state.value for state in states})
        row = self._session.row(_COUNT, (to_key(outlet), wanted))
        return 0 if row is None else int(row[0])
