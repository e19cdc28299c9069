"""Progress logs in PostgreSQL."""

from quire.progress.event import ProgressEvent, ProgressType
from quire.progress.log import Entry, Head
from quire.storage.postgres import sql
from quire.storage.postgres.keys import to_key
from quire.storage.postgres.run_looks import Looks, head_of
from quire.storage.postgres.session import Session


class PostgresProgress:
    """`quire.ports.progress_records.ProgressRecords` in one session."""

    def __init__(self, session: Session, looks: Looks) -> None:
        self._session = session
        self._looks = looks

    def head(self, operation: str) -> Head | None:
        """Return how far an operation's log has come, None if it has none."""
        self._session.lock("operation", operation)
        heads = self._looks.heads
        if operation not in heads:
            row = self._session.row(sql.HEAD_GET, [to_key(operation)])
            heads[operation] = None if row is None else head_of(operation, row)
        return heads[operation]

    def append(self, head: Head, entry: Entry) -> None:
        """Store an entry and the head behind it."""
        self._session.lock("operation", entry.operation)
        operation, event = self._session.key(entry.operation), entry.event
        self._session.run(
            sql.APPEND,
            [
                operation,
                entry.number,
                entry.at,
                event.type.value,
                event.message.encode("utf-8", "surrogatepass"),
                event.progress,
                operation,
                head.first,
                head.last,
                head.highest,
                head.final,
            ],
        )
        self._looks.heads[head.operation] = head
        self._session.changes.touch(entry.operation)

    def entries(self, operation: str, after: int, limit: int) -> tuple[Entry, ...]:
        """Return entries with numbers above `after`, in order."""
        rows = self._session.rows(
            sql.ENTRIES_AFTER, [to_key(operation), after, max(limit, 0)]
        )
        return tuple(
            Entry(
                operation=operation,
                number=number,
                at=at,
                event=ProgressEvent(
                    type=ProgressType(kind),
                    message=message.decode("utf-8", "surrogatepass"),
                    progress=progress,
                ),
            )
            for number, at, kind, message, progress in rows
        )
