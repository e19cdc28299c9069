"""Labs in SQLite."""

import apsw

from quire.labs.lab import Lab
from quire.storage.codec import Codec
from quire.storage.sqlite.uids import to_column

_CODEC = Codec(Lab)
_GET = "SELECT record FROM lab WHERE user = ?"
_OF_OPERATION = "SELECT record FROM lab WHERE operation = ?"
_PUT = (
    "INSERT INTO lab (user, operation, record) VALUES (?, ?, ?)"
    " ON CONFLICT (user) DO UPDATE"
    " SET operation = excluded.operation, record = excluded.record"
)
_ALL = "SELECT record FROM lab ORDER BY user"


class SqliteLabs:
    """`quire.ports.lab_records.LabRecords` on one connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def get(self, user: str) -> Lab | None:
        """Return a user's lab, also where it was deleted."""
        row = self._connection.execute(_GET, (user,)).fetchone()
        return None if row is None else _CODEC.decode(row[0])

    def of_operation(self, operation: str) -> Lab | None:
        """Return the lab with this id."""
        key = (to_column(operation),)
        row = self._connection.execute(_OF_OPERATION, key).fetchone()
        return None if row is None else _CODEC.decode(row[0])

    def put(self, lab: Lab) -> None:
        """Store a lab in place of what was there of its user."""
        values = (lab.user, to_column(lab.id), _CODEC.encode(lab))
        self._connection.execute(_PUT, values)

    def all(self) -> tuple[Lab, ...]:
        """Return everybody's labs by their users' names."""
        rows = self._connection.execute(_ALL)
        return tuple(_CODEC.decode(row[0]) for row in rows)
