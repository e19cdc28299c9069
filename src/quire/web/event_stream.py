"""Progress as server-sent events (``reference/progress.md`` section 3)."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from quire.progress.log import Entry

KEEPALIVE_SECONDS = 12.0
SEND_SECONDS = 30.0
_OPENING = b": ok\r\n"
# No blank line behind it: httpx-sse would make an empty event of one.
_KEEPALIVE = b": \r\n"


def encode_entry(entry: Entry) -> bytes:
    """Return an entry as the bytes of one event."""
    event = entry.event
    data: dict[str, str | int] = {"message": event.message}
    if event.progress is not None:
        data["progress"] = event.progress
    return (
        f"id: {entry.number}\r\nretry: 2000\r\nevent: {event.type.value}\r\n"
        f"data: {json.dumps(data)}\r\n\r\n"
    ).encode()


def encode_entries(entries: Iterable[Entry]) -> bytes:
    """Return entries as bytes, a keepalive comment if there are none."""
    return b"".join(map(encode_entry, entries)) or _KEEPALIVE


class EventStream(Response):
    """Sends batches of entries, or of what `encode` knows, until they end.

    A stream that the server's shutdown cuts short is left unfinished, so that the
    connection breaks: a clean end would look like the end of the operation.
    """

    def __init__(
        self,
        batches: AsyncIterator[Any],
        stopping: asyncio.Event,
        *,
        encode: Callable[[Any], bytes] = encode_entries,
    ) -> None:
        super().__init__(
            media_type="text/event-stream",
            headers={"cache-control": "no-store", "x-accel-buffering": "no"},
        )
        del self.headers["content-length"]
        self._batches = batches
        self._encode = encode
        self._stopping = stopping

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the end, the client's leaving, or the server's."""
        del scope
        sending = asyncio.create_task(self._send_all(send))
        leaving = asyncio.create_task(_disconnected(receive))
        stopping = asyncio.create_task(self._stopping.wait())
        others = (leaving, stopping)
        try:
            await asyncio.wait((sending, *others), return_when=asyncio.FIRST_COMPLETED)
            if sending.done():
                sending.result()
        finally:
            for task in (sending, *others):
                task.cancel()
            await asyncio.gather(sending, *others, return_exceptions=True)

    async def _send_all(self, send: Send) -> None:
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        await _send_body(send, _OPENING, more=True)
        async for batch in self._batches:
            await _send_body(send, self._encode(batch), more=True)
        await _send_body(send, b"", more=False)


async def _send_body(send: Send, body: bytes, *, more: bool) -> None:
    async with asyncio.timeout(SEND_SECONDS):
        await send({"type": "http.response.body", "body": body, "more_body": more})


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
