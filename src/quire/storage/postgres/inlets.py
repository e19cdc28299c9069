"""The records of inlets in PostgreSQL."""

from collections.abc import Sequence

from quire.ports.inlet_records import InletPosition, SetAside
from quire.storage.codec import Codec
from quire.storage.postgres.keys import to_key
from quire.storage.postgres.session import Session
from quire.storage.postgres.uids import to_column, to_text

_CODEC = Codec(SetAside)
_POSITIONS = "SELECT key, state FROM inlet_position WHERE inlet = %s ORDER BY key"
_MOVE = (
    "INSERT INTO inlet_position (inlet, key, state) VALUES (%s, %s, %s)"
    " ON CONFLICT (inlet, place) DO UPDATE SET state = excluded.state"
)
_SET_ASIDE = (
    "INSERT INTO inlet_aside (inlet, place, digest, record) VALUES (%s, %s, %s, %s)"
    " ON CONFLICT DO NOTHING"
)
_ASIDE = (
    "SELECT record FROM inlet_aside WHERE inlet = %s ORDER BY id LIMIT %s OFFSET %s"
)
_COUNT = "SELECT count(*) FROM inlet_aside WHERE inlet = %s"


class PostgresInlets:
    """`quire.ports.inlet_records.InletRecords` in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def positions(self, inlet: str) -> tuple[InletPosition, ...]:
        """Return how far an inlet has come, by key."""
        self._session.lock("inlet", inlet)
        rows = self._session.rows(_POSITIONS, [to_key(inlet)])
        return tuple(
            InletPosition(key=to_text(key), state=state) for key, state in rows
        )

    def move(self, inlet: str, positions: Sequence[InletPosition]) -> None:
        """Note positions, each in place of the former one of its key."""
        self._session.lock("inlet", inlet)
        key = self._session.key(inlet)
        for one in positions:
            row = (key, to_column(one.key), one.state)
            self._session.run(_MOVE, row)

    def set_aside(self, item: SetAside) -> None:
        """Keep an item; the same content from the same place is kept once."""
        self._session.lock("inlet", item.inlet)
        place, digest = to_column(item.place), to_column(item.digest)
        row = (self._session.key(item.inlet), place, digest, _CODEC.encode(item))
        self._session.run(_SET_ASIDE, row)

    def aside(self, inlet: str, after: int, limit: int) -> tuple[SetAside, ...]:
        """Return what was set aside, in order, but for the first `after`."""
        bounds = (to_key(inlet), max(limit, 0), max(after, 0))
        rows = self._session.rows(_ASIDE, bounds)
        return tuple(_CODEC.decode(row[0]) for row in rows)

    def aside_count(self, inlet: str) -> int:
        """Return how many items are set aside."""
        row = self._session.row(_COUNT, [to_key(inlet)])
        return 0 if row is None else int(row[0])
