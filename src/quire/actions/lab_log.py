"""Telling listeners of a lab: its log is a row of acts."""

from quire.ports.store import Transaction
from quire.progress.event import ProgressEvent
from quire.progress.log import Head, append, next_act


def begin_act(
    tx: Transaction, operation: str, event: ProgressEvent, *, now: float
) -> None:
    """Append the first event of a new act; of the same one if it is not over yet."""
    head = tx.progress.head(operation) or Head(operation=operation)
    head, entry = append(next_act(head) if head.final else head, event, at=now)
    if entry is not None:
        tx.progress.append(head, entry)
