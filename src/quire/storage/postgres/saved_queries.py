"""Saved queries in PostgreSQL."""

from quire.runs.saved_query import SavedQuery, Visibility
from quire.storage.codec import Codec
from quire.storage.postgres.keys import to_key
from quire.storage.postgres.session import Session

_CODEC = Codec(SavedQuery)
_NONE, _PRIVATE, _SHARED = range(3)
_PUT = (
    "INSERT INTO saved_query (name, owner, version, standing, record)"
    " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (name, owner, version) DO UPDATE SET"
    " standing = excluded.standing, record = excluded.record"
)
_RETIRE = (
    "UPDATE saved_query SET standing = 0"
    " WHERE name = %s AND owner = %s AND standing > 0"
)
_VERSIONS = (
    "SELECT record FROM saved_query WHERE name = %s AND owner = %s"
    " ORDER BY version DESC LIMIT %s"
)
_OF_NAME = (
    "SELECT record FROM saved_query WHERE name = %s AND standing > 0 AND standing = 2"
    " ORDER BY owner LIMIT 1"
)
_PAGE = (
    "SELECT record FROM saved_query WHERE standing > 0 AND (name, owner) > (%s, %s)"
    " AND (standing = 2 OR %s::bytea IS NULL OR owner = %s)"
    " ORDER BY name, owner LIMIT %s"
)


class PostgresSavedQueries:
    """`quire.ports.saved_query_records.SavedQueryRecords` in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, query: SavedQuery) -> None:
        """Store a version; those before it stay, the greatest number counts."""
        former = self.newest(query.owner, query.name)
        name = (self._session.key(query.name), self._session.key(query.owner))
        standing = _NONE
        if former is None or former.version <= query.version:
            self._session.run(_RETIRE, name)
            standing = _standing(query)
        self._session.run(_PUT, (*name, query.version, standing, _CODEC.encode(query)))

    def newest(self, owner: str, name: str) -> SavedQuery | None:
        """Return the newest version, also where it says that it is deleted."""
        return next(iter(self.versions(owner, name, 1)), None)

    def shared(self, name: str) -> SavedQuery | None:
        """Return the shared query of that name whose owner's name sorts first."""
        row = self._session.row(_OF_NAME, [to_key(name)])
        return None if row is None else _CODEC.decode(row[0])

    def page(
        self, reader: str | None, behind: tuple[str, str], limit: int
    ) -> tuple[SavedQuery, ...]:
        """Return what a reader may see, by name and then by owner."""
        who = None if reader is None else to_key(reader)
        place = map(to_key, behind)
        rows = self._session.rows(_PAGE, (*place, who, who, max(limit, 0)))
        return tuple(_CODEC.decode(row[0]) for row in rows)

    def versions(self, owner: str, name: str, limit: int) -> tuple[SavedQuery, ...]:
        """Return the versions, newest first."""
        self._session.lock("query", f"{name}\0{owner}")
        key = (to_key(name), to_key(owner))
        rows = self._session.rows(_VERSIONS, (*key, max(limit, 0)))
        return tuple(_CODEC.decode(row[0]) for row in rows)


def _standing(query: SavedQuery) -> int:
    if query.deleted:
        return _NONE
    return _SHARED if query.visibility is Visibility.SHARED else _PRIVATE
