"""Events of `bulk_events` documents, which may come before a descriptor of theirs.

Such a document is in its run as soon as the descriptor of its first event is. Its other
events are judged when theirs comes; until then a uid tells where they stand.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from typing import Any

from quire.documents.document import Document
from quire.documents.identity import bulk_rows

Bulks = Callable[[Collection[str]], Iterable[Document]]
"""The `bulk_events` of the run that hold events of these uids."""
Events = list[dict[str, Any]]
Waiting = Mapping[str, tuple[str, ...]]
"""A uid of each document's events, by the uid of the descriptor that they wait for."""

# Of one descriptor; what waits beyond so many is not judged, the greatest uids first.
_MOST_WAITING = 1000


def no_bulks(_: Collection[str]) -> Iterable[Document]:
    """Tell that the run has none of them."""
    return ()


def by_descriptor(events: Iterable[dict[str, Any]]) -> dict[str, Events]:
    """Return events by the uid of their descriptor."""
    found: dict[str, Events] = {}
    for event in events:
        found.setdefault(event["descriptor"], []).append(event)
    return found


def still_waiting(
    waiting: Waiting, came: Collection[str], more: Mapping[str, Iterable[Events]]
) -> dict[str, tuple[str, ...]]:
    """Return what waits for its descriptor, with more documents' events.

    Parameters
    ----------
    came
        uids of the run's descriptors.
    more
        The events of each new document, by the uid of their descriptor.
    """
    found = {uid: firsts for uid, firsts in waiting.items() if uid not in came}
    for uid, each in more.items():
        if uid not in came:
            firsts = {events[0]["uid"] for events in each}.union(found.get(uid, ()))
            found[uid] = tuple(sorted(firsts)[:_MOST_WAITING])
    return found


def no_longer_waiting(
    waiting: Waiting, came: Collection[str], bulks: Bulks
) -> Iterator[tuple[str, Events]]:
    """Yield events whose descriptor has come, behind its uid."""
    late = waiting.keys() & came
    firsts = {first for uid in late for first in waiting[uid]}
    for document in bulks(firsts) if firsts else ():
        for uid, events in by_descriptor(bulk_rows(document.body)).items():
            if uid in late:
                yield uid, events
