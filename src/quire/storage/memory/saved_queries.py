"""Saved queries in memory."""

from quire.runs.saved_query import SavedQuery, Visibility
from quire.storage.memory.journal import Journal


class MemorySavedQueries:
    """`quire.ports.saved_query_records.SavedQueryRecords` in a dictionary."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._queries: dict[tuple[str, str], tuple[SavedQuery, ...]] = {}

    def put(self, query: SavedQuery) -> None:
        """Store a version; those before it stay, the greatest number counts."""
        key = (query.name, query.owner)
        others = (
            one for one in self._queries.get(key, ()) if one.version != query.version
        )
        newest_first = sorted((query, *others), key=lambda one: -one.version)
        self._journal.set(self._queries, key, tuple(newest_first))

    def newest(self, owner: str, name: str) -> SavedQuery | None:
        """Return the newest version, also where it says that it is deleted."""
        return next(iter(self._queries.get((name, owner), ())), None)

    def shared(self, name: str) -> SavedQuery | None:
        """Return the shared query of that name whose owner's name sorts first."""
        found = (one for one in self._standing() if one.name == name)
        return next((one for one in found if _is_shared(one)), None)

    def page(
        self, reader: str | None, behind: tuple[str, str], limit: int
    ) -> tuple[SavedQuery, ...]:
        """Return what a reader may see, by name and then by owner."""
        found = [
            one
            for one in self._standing()
            if (one.name, one.owner) > behind
            and (reader in (None, one.owner) or _is_shared(one))
        ]
        return tuple(found[: max(limit, 0)])

    def versions(self, owner: str, name: str, limit: int) -> tuple[SavedQuery, ...]:
        """Return the versions, newest first."""
        return self._queries.get((name, owner), ())[: max(limit, 0)]

    def _standing(self) -> list[SavedQuery]:
        newest = (self._queries[key][0] for key in sorted(self._queries))
        return [one for one in newest if not one.deleted]


def _is_shared(query: SavedQuery) -> bool:
    return query.visibility is Visibility.SHARED
