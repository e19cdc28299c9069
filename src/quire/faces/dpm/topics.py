"""DPM's topics as server-sent events: `/daq/status` and `/dpm/storage`."""

from collections.abc import Sequence
from typing import Any

import msgspec

from quire.actions.acquisition_topics import StatusNews
from quire.faces.dpm.wire import status, storage_status
from quire.products.storage_forecast import Space

# No blank line behind it: httpx-sse would make an empty event of one.
_KEEPALIVE = b": \r\n"


def encode_statuses(news: Sequence[StatusNews]) -> bytes:
    """Return news of acquisitions as events, a keepalive comment if there are none."""
    return b"".join(map(_status_event, news)) or _KEEPALIVE


def encode_spaces(looks: Sequence[tuple[Space, float]]) -> bytes:
    """Return looks at the disk as events."""
    return b"".join(
        _event("storage", storage_status(space, at), None) for space, at in looks
    )


def _status_event(news: StatusNews) -> bytes:
    return _event("status", status(news.acquisition), news.number)


def _event(name: str, data: Any, number: int | None) -> bytes:
    head = "" if number is None else f"id: {number}\r\nretry: 2000\r\n"
    body = msgspec.json.encode(data)
    return f"{head}event: {name}\r\ndata: ".encode() + body + b"\r\n\r\n"
