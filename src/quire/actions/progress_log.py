"""Telling listeners of an operation, in the transaction of the change itself."""

from quire.ports.store import Transaction
from quire.progress.event import ProgressEvent
from quire.progress.log import Head, append


def tell(tx: Transaction, operation: str, event: ProgressEvent, *, now: float) -> None:
    """Append an event to an operation's log; dropped where its act has ended."""
    head = tx.progress.head(operation) or Head(operation=operation)
    head, entry = append(head, event, at=now)
    if entry is not None:
        tx.progress.append(head, entry)


def is_newest(tx: Transaction, operation: str, event: ProgressEvent) -> bool:
    """Return whether the newest entry of an operation's log says the same."""
    head = tx.progress.head(operation)
    if head is None:
        return False
    newest = tx.progress.entries(operation, head.last - 1, 1)
    return bool(newest) and newest[0].event.message == event.message
