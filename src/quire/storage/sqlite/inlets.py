"""The records of inlets in SQLite."""

from collections.abc import Sequence

import apsw

from quire.ports.inlet_records import InletPosition, SetAside
from quire.storage.codec import Codec

_CODEC = Codec(SetAside)
_POSITIONS = "SELECT key, state FROM inlet_position WHERE inlet = ? ORDER BY key"
_MOVE = "INSERT OR REPLACE INTO inlet_position (inlet, key, state) VALUES (?, ?, ?)"
_SET_ASIDE = (
    "INSERT OR IGNORE INTO inlet_aside (inlet, place, digest, record)"
    " VALUES (?, ?, ?, ?)"
)
_ASIDE = "SELECT record FROM inlet_aside WHERE inlet = ? ORDER BY id LIMIT ? OFFSET ?"
_COUNT = "SELECT count(*) FROM inlet_aside WHERE inlet = ?"


class SqliteInlets:
    """`quire.ports.inlet_records.InletRecords` on one connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def positions(self, inlet: str) -> tuple[InletPosition, ...]:
        """Return how far an inlet has come, by key."""
        rows = self._connection.execute(_POSITIONS, (inlet,))
        return tuple(InletPosition(key=key, state=state) for key, state in rows)

    def move(self, inlet: str, positions: Sequence[InletPosition]) -> None:
        """Note positions, each in place of the former one of its key."""
        for position in positions:
            self._connection.execute(_MOVE, (inlet, position.key, position.state))

    def set_aside(self, item: SetAside) -> None:
        """Keep an item; the same content from the same place is kept once."""
        self._connection.execute(
            _SET_ASIDE, (item.inlet, item.place, item.digest, _CODEC.encode(item))
        )

    def aside(self, inlet: str, after: int, limit: int) -> tuple[SetAside, ...]:
        """Return what was set aside, in order, but for the first `after`."""
        bounds = (inlet, max(limit, 0), max(after, 0))
        rows = self._connection.execute(_ASIDE, bounds)
        return tuple(_CODEC.decode(row[0]) for row in rows)

    def aside_count(self, inlet: str) -> int:
        """Return how many items are set aside."""
        return int(next(self._connection.execute(_COUNT, (inlet,)))[0])
