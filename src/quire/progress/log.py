"""The log of an operation: numbered entries in a row of acts.

Numbers never restart within an operation. Progress never runs backwards within an
act, and nothing follows a final event within it.
"""

import msgspec

from quire.progress.event import ProgressEvent


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One numbered entry.

    Attributes
    ----------
    number
        From 1, without gaps.
    at
        Unix seconds.
    """

    operation: str
    number: int
    at: float
    event: ProgressEvent


class Head(msgspec.Struct, frozen=True, kw_only=True):
    """How far an operation's log has come.

    Attributes
    ----------
    first
        Number of the first entry of the current act.
    last
        Number of the newest entry.
    highest
        Greatest progress sent in the current act, 0 if none.
    final
        Whether the current act has ended.
    """

    operation: str
    first: int = 1
    last: int = 0
    highest: int = 0
    final: bool = False


def append(head: Head, event: ProgressEvent, *, at: float) -> tuple[Head, Entry | None]:
    """Return the log's new head and the entry to store.

    Progress that would fall behind what was sent is left out of the event; an event
    behind a final one is dropped (None).
    """
    if head.final:
        return head, None
    if event.progress is not None and event.progress < head.highest:
        event = msgspec.structs.replace(event, progress=None)
    entry = Entry(operation=head.operation, number=head.last + 1, at=at, event=event)
    return (
        msgspec.structs.replace(
            head,
            last=entry.number,
            highest=max(head.highest, event.progress or 0),
            final=event.type.final,
        ),
        entry,
    )


def next_act(head: Head) -> Head:
    """Return the head at the start of a new act, behind a final event."""
    return Head(operation=head.operation, first=head.last + 1, last=head.last)


def resume_after(head: Head, last_seen: int | None) -> int | None:
    """Return the number after which a listener is to be sent entries.

    Parameters
    ----------
    last_seen
        The listener's ``Last-Event-ID``, None if it has none or a garbled one.

    Returns
    -------
    int or None
        None where the act is over and the listener has seen all of it (the
        answer is then 204).
    """
    act = head.first - 1
    if last_seen is None or last_seen < act or last_seen > head.last:
        return act
    if head.final and last_seen == head.last:
        return None
    return last_seen
