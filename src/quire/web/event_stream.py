"""Progress as server-sent events (``reference/progress.md`` section 3)."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable
from typing import Any, Protocol, cast

from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from quire.progress.event import ProgressEvent
from quire.progress.log import Entry
from quire.web.connections import LINE, Line

KEEPALIVE_SECONDS = 12.0
# A listener is dropped within 30 seconds of its full socket: what was sent before counts.
SEND_SECONDS = 28.0
RETRY = b"retry: 2000\r\n"
_OPENING = b": ok\r\n"
# No blank line behind it: httpx-sse would make an empty event of one.
KEEPALIVE = b": \r\n"


def encode_entry(entry: Entry) -> bytes:
    """Return an entry as the bytes of one event."""
    data = json.dumps(event_data(entry.event))
    return b"id: %d\r\n%bevent: %b\r\ndata: %b\r\n\r\n" % (
        entry.number,
        RETRY,
        entry.event.type.value.encode(),
        data.encode(),
    )


def event_data(event: ProgressEvent) -> dict[str, str | int]:
    """Return what the data of an event says: a message, and progress if any."""
    data: dict[str, str | int] = {"message": event.message}
    if event.progress is not None:
        data["progress"] = event.progress
    return data


def as_sent(piece: bytes) -> bytes:
    """Return bytes as they are, a keepalive comment for none."""
    return piece or KEEPALIVE


class Held(Protocol):
    """Where a stream is known as open."""

    def enter(self, break_off: Callable[[], None]) -> None:
        """Note that it begins, and how to break it off."""
        ...

    def leave(self, break_off: Callable[[], None]) -> None:
        """Note that it has ended."""
        ...


class EventStream(Response):
    """Sends pieces as they come, until they end.

    A stream that the server's shutdown cuts short, or whose client does not read, is
    left unfinished, so that the connection breaks: a clean end would look like the
    end of the operation.

    It costs its listener's task and nothing beside it: no other task, no timer.
    """

    def __init__(
        self,
        pieces: AsyncIterator[Any],
        held: Held,
        *,
        encode: Callable[[Any], bytes] = as_sent,
        patience: float = SEND_SECONDS,
    ) -> None:
        super().__init__(
            media_type="text/event-stream",
            headers={
                "cache-control": "no-store",
                "x-accel-buffering": "no",
                # What the line is prepared for is no good for other answers.
                "connection": "close",
            },
        )
        del self.headers["content-length"]
        self._pieces = pieces
        self._encode = encode
        self._held = held
        self._patience = patience
        self._broken = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the end, the client's leaving, or the server's."""
        del receive  # the line tells when the client has left
        line: Line = scope["extensions"][LINE]["line"]
        if line.lost:  # while the answer was made: nothing more would tell of it
            line.abort()
            await _close(self._pieces)
            return
        task = cast("asyncio.Task[None]", asyncio.current_task())

        def break_off() -> None:
            if not self._broken:
                self._broken = True
                task.cancel()

        self._held.enter(break_off)
        line.when_lost(break_off)
        try:
            await self._send_all(scope["method"], line, send)
        except TimeoutError:
            line.reset()
        except asyncio.CancelledError:
            if not self._broken:
                raise
            task.uncancel()
            line.abort()
        finally:
            line.when_lost(None)
            self._held.leave(break_off)

    async def _send_all(self, method: str, line: Line, send: Send) -> None:
        line.prepare()
        await send(
            {
                "type": "http.response.start",
                "status": self.status_code,
                "headers": self.raw_headers,
            }
        )
        if method != "HEAD":
            await self._send(line, send, _OPENING)
            try:
                async for piece in self._pieces:
                    await self._send(line, send, self._encode(piece))
            finally:
                await _close(self._pieces)
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _send(self, line: Line, send: Send, body: bytes) -> None:
        message = {"type": "http.response.body", "body": body, "more_body": True}
        if not line.full:
            await send(message)
            return
        async with asyncio.timeout(self._patience):
            await send(message)


async def _close(pieces: AsyncIterator[Any]) -> None:
    # A generator that is left in the middle would close itself some time later.
    close = getattr(pieces, "aclose", None)
    if close is not None:
        await close()
