"""Progress logs in the store."""

from typing import Protocol

from quire.progress.log import Entry, Head


class ProgressRecords(Protocol):
    """The logs."""

    def head(self, operation: str) -> Head | None:
        """Return how far an operation's log has come, None if it has none."""
        ...

    def append(self, head: Head, entry: Entry) -> None:
        """Store an entry and the head behind it."""
        ...

    def entries(self, operation: str, after: int, limit: int) -> tuple[Entry, ...]:
        """Return entries with numbers above `after`, in order."""
        ...
