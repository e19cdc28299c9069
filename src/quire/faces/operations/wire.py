"""Many operations as server-sent events: their entries, and events of our own."""

import json
from typing import Any

from quire.actions.many_operations import News
from quire.progress.log import Entry
from quire.progress.places import to_text
from quire.web.event_stream import KEEPALIVE, RETRY, event_data


def encode_among_many(entry: Entry) -> bytes:
    """Return an entry as one event that says of which operation it is.

    It has no id of its own: what many listeners share cannot tell how far each of them
    is in other logs.
    """
    data = {"operation": entry.operation, "number": entry.number}
    return _event(entry.event.type.value, data | event_data(entry.event))


def encode_news(news: News) -> bytes:
    """Return news as events; the last entry carries the places as its id.

    A connection that breaks before it is resumed from the id before, and its listener
    knows by their numbers the entries that come again.
    """
    parts = [_event("gone", {"operation": name}) for name in news.gone]
    parts += [_event("reset", {"operation": name}) for name in news.reset]
    parts += [_event("changed", {"topic": name}) for name in news.changed]
    parts += [piece.whole for piece in news.pieces[:-1]]
    if news.pieces:
        last = news.pieces[-1]
        identifier = b"id: %b\r\n" % to_text(news.places).encode()
        parts += [last.rest, identifier, RETRY, last.last]
    return b"".join(parts) or KEEPALIVE


def _event(name: str, data: dict[str, Any]) -> bytes:
    return f"event: {name}\r\ndata: {json.dumps(data)}\r\n\r\n".encode()
