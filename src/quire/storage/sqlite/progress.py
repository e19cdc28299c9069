"""Progress logs in SQLite."""

import apsw

from quire.progress.event import ProgressEvent, ProgressType
from quire.progress.log import Entry, Head
from quire.storage.sqlite import sql
from quire.storage.sqlite.changes import Changes
from quire.storage.sqlite.uids import to_column


class SqliteProgress:
    """`quire.ports.progress_records.ProgressRecords` on one connection."""

    def __init__(self, connection: apsw.Connection, changes: Changes) -> None:
        self._connection = connection
        self._changes = changes

    def head(self, operation: str) -> Head | None:
        """Return how far an operation's log has come, None if it has none."""
        column = to_column(operation)
        known = self._changes.jobs.head(column)
        if known is not None:
            return known
        row = self._connection.execute(sql.HEAD_GET, (column,)).fetchone()
        if row is None:
            return None
        first, last, highest, final = row
        return Head(
            operation=operation,
            first=first,
            last=last,
            highest=highest,
            final=bool(final),
        )

    def append(self, head: Head, entry: Entry) -> None:
        """Store an entry and the head behind it."""
        operation = to_column(entry.operation)
        event = entry.event
        self._connection.execute(
            sql.ENTRY_PUT,
            (
                operation,
                entry.number,
                entry.at,
                str(event.type),
                event.message,
                event.progress,
            ),
        )
        self._connection.execute(
            sql.HEAD_PUT,
            (operation, head.first, head.last, head.highest, head.final),
        )
        self._changes.jobs.put_head(operation, head)
        self._changes.touch(entry.operation)

    def entries(self, operation: str, after: int, limit: int) -> tuple[Entry, ...]:
        """Return entries with numbers above `after`, in order."""
        rows = self._connection.execute(
            sql.ENTRIES_AFTER, (to_column(operation), after, max(limit, 0))
        )
        return tuple(
            Entry(
                operation=operation,
                number=number,
                at=at,
                event=ProgressEvent(
                    type=ProgressType(kind), message=message, progress=progress
                ),
            )
            for number, at, kind, message, progress in rows
        )
