"""Saved queries in the store."""

from typing import Protocol

from quire.runs.saved_query import SavedQuery


class SavedQueryRecords(Protocol):
    """The saved queries by owner and name, all their versions kept."""

    def put(self, query: SavedQuery) -> None:
        """Store a version; those before it stay, the greatest number counts."""
        ...

    def newest(self, owner: str, name: str) -> SavedQuery | None:
        """Return the newest version, also where it says that it is deleted."""
        ...

    def shared(self, name: str) -> SavedQuery | None:
        """Return the shared query of that name whose owner's name sorts first."""
        ...

    def page(
        self, reader: str | None, behind: tuple[str, str], limit: int
    ) -> tuple[SavedQuery, ...]:
        """Return what a reader may see, by name and then by owner.

        Newest versions, without deleted ones.

        Parameters
        ----------
        reader
            None for everybody's.
        behind
            Name and owner of the one before the page.
        """
        ...

    def versions(self, owner: str, name: str, limit: int) -> tuple[SavedQuery, ...]:
        """Return the versions, newest first."""
        ...
