"""Saved queries in SQLite."""

import apsw

from quire.runs.saved_query import SavedQuery, Visibility
from quire.storage.codec import Codec

_CODEC = Codec(SavedQuery)
_NONE, _PRIVATE, _SHARED = range(3)
_PUT = (
    "INSERT OR REPLACE INTO saved_query (name, owner, version, standing, record)"
    " VALUES (?, ?, ?, ?, ?)"
)
_RETIRE = (
    "UPDATE saved_query SET standing = 0 WHERE name = ? AND owner = ? AND standing > 0"
)
_VERSIONS = (
    "SELECT record FROM saved_query WHERE name = ? AND owner = ?"
    " ORDER BY version DESC LIMIT ?"
)
_OF_NAME = (
    "SELECT record FROM saved_query WHERE name = ? AND standing > 0 AND standing = 2"
    " ORDER BY owner LIMIT 1"
)
_PAGE = (
    "SELECT record FROM saved_query WHERE standing > 0 AND (name, owner) > (?, ?)"
    " AND (standing = 2 OR ?3 IS NULL OR owner = ?3) ORDER BY name, owner LIMIT ?4"
)


class SqliteSavedQueries:
    """`quire.ports.saved_query_records.SavedQueryRecords` on one connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def put(self, query: SavedQuery) -> None:
        """Store a version; those before it stay, the greatest number counts."""
        former = self.newest(query.owner, query.name)
        standing = _NONE
        if former is None or former.version <= query.version:
            self._connection.execute(_RETIRE, (query.name, query.owner))
            standing = _standing(query)
        key = (query.name, query.owner, query.version)
        self._connection.execute(_PUT, (*key, standing, _CODEC.encode(query)))

    def newest(self, owner: str, name: str) -> SavedQuery | None:
        """Return the newest version, also where it says that it is deleted."""
        return next(iter(self.versions(owner, name, 1)), None)

    def shared(self, name: str) -> SavedQuery | None:
        """Return the shared query of that name whose owner's name sorts first."""
        row = self._connection.execute(_OF_NAME, (name,)).fetchone()
        return None if row is None else _CODEC.decode(row[0])

    def page(
        self, reader: str | None, behind: tuple[str, str], limit: int
    ) -> tuple[SavedQuery, ...]:
        """Return what a reader may see, by name and then by owner."""
        rows = self._connection.execute(_PAGE, (*behind, reader, max(limit, 0)))
        return tuple(_CODEC.decode(row[0]) for row in rows)

    def versions(self, owner: str, name: str, limit: int) -> tuple[SavedQuery, ...]:
        """Return the versions, newest first."""
        rows = self._connection.execute(_VERSIONS, (name, owner, max(limit, 0)))
        return tuple(_CODEC.decode(row[0]) for row in rows)


def _standing(query: SavedQuery) -> int:
    if query.deleted:
        return _NONE
    return _SHARED if query.visibility is Visibility.SHARED else _PRIVATE
