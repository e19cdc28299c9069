"""Labs in PostgreSQL."""

from quire.labs.lab import Lab
from quire.storage.codec import Codec
from quire.storage.postgres.keys import to_key
from quire.storage.postgres.session import Session

_CODEC = Codec(Lab)
_GET = "SELECT record FROM lab WHERE name = %s"
_OF_OPERATION = "SELECT record FROM lab WHERE operation = %s"
_PUT = (
    "INSERT INTO lab (name, operation, record) VALUES (%s, %s, %s)"
    " ON CONFLICT (name) DO UPDATE"
    " SET operation = excluded.operation, record = excluded.record"
)
_ALL = "SELECT record FROM lab ORDER BY name"


class PostgresLabs:
    """`quire.ports.lab_records.LabRecords` in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def get(self, user: str) -> Lab | None:
        """Return a user's lab, also where it was deleted."""
        self._session.lock("lab", user)
        row = self._session.row(_GET, (to_key(user),))
        return None if row is None else _CODEC.decode(row[0])

    def of_operation(self, operation: str) -> Lab | None:
        """Return the lab with this id."""
        row = self._session.row(_OF_OPERATION, (to_key(operation),))
        if row is None or not self._session.deciding:
            return None if row is None else _CODEC.decode(row[0])
        # As it is once nobody else can change it.
        found = self.get(_CODEC.decode(row[0]).user)
        return found if found is not None and found.id == operation else None

    def put(self, lab: Lab) -> None:
        """Store a lab in place of what was there of its user."""
        self._session.lock("lab", lab.user)
        key = (self._session.key(lab.user), self._session.key(lab.id))
        self._session.run(_PUT, (*key, _CODEC.encode(lab)))

    def all(self) -> tuple[Lab, ...]:
        """Return everybody's labs by their users' names."""
        return tuple(_CODEC.decode(record) for (record,) in self._session.rows(_ALL))
