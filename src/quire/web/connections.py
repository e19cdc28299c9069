"""Connections that cannot be held for nothing.

uvicorn has no deadline for headers, no bound for them, and goes on reading the body of
a request that was answered. Some 240 idle sockets take a server with 256 file
descriptors off the net (``reference/security.md``, HTTP server).
"""

import asyncio
import json
import math
import socket
import struct
from collections.abc import Callable, Sequence
from http import HTTPStatus
from typing import Any, cast

import msgspec
from uvicorn.protocols.http.httptools_impl import (
    HttpToolsProtocol,
    RequestResponseCycle,
)

from quire.web.deadlines import Deadlines

LINE = "quire.line"
_INTERNET = frozenset({socket.AF_INET, socket.AF_INET6})
# Linux gives twice that and counts its own bookkeeping: some 64 KiB of bytes.
_SEND_BUFFER = 64 * 1024
_NO_LINGER = struct.pack("ii", 1, 0)
_LIVENESS = {
    "TCP_USER_TIMEOUT": 45_000,  # milliseconds; streams have their own deadline
    "TCP_KEEPIDLE": 15,
    "TCP_KEEPINTVL": 5,
    "TCP_KEEPCNT": 3,
}
_LINGER_SECONDS = 1.0
# The application answers a body that is late; this ends what it does not look at.
_AFTER_THE_APPLICATION = 1.0


class Bounds(msgspec.Struct, frozen=True, kw_only=True):
    """What one client, and all of them, may have.

    Attributes
    ----------
    connections
        At once; more are refused with 503, and those that are there stay.
    header_bytes
        Target and header lines of one request.
    header_lines
        Header lines of one request.
    unread_bytes
        Of a body that follows after its request has been answered.
    """

    deadlines: Deadlines = Deadlines()
    connections: int = 4096
    header_bytes: int = 64 * 1024
    header_lines: int = 100
    unread_bytes: int = 64 * 2**20


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's HTTP/1.1, with receive deadlines and bounds.

    One timer a connection looks when the next deadline is due; a request in time only
    moves the deadline.
    """

    def __init__(self, *args: Any, bounds: Bounds, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._bounds = bounds
        self._deadlines = bounds.deadlines
        self._due = math.inf
        self._timer: asyncio.TimerHandle | None = None
        self._in_headers = self._in_body = False
        self._begun = 0.0
        self._received = 0
        self._unread = 0
        self._refused = False
        self.on_lost: Callable[[], None] | None = None

    def connection_made(  # type: ignore[override]
        self, transport: asyncio.Transport
    ) -> None:
        """Take a connection, or refuse it when there are too many."""
        super().connection_made(transport)
        if len(self.connections) > self._bounds.connections:
            self._refuse(503, "too many connections; try again", retry=True)
            return
        self._expect_headers()

    def connection_lost(self, exc: Exception | None) -> None:
        """Forget the connection."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)
        if self.on_lost is not None:
            self.on_lost()

    def data_received(self, data: bytes) -> None:
        """Take bytes."""
        if self._refused:
            return
        if not self._in_headers and not self._in_body:
            self._expect_headers()
        if self._in_headers:
            self._received += len(data)
        super().data_received(data)
        if self._in_headers and self._received > self._bounds.header_bytes:
            self._refuse(431, "the headers are too long")

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self._in_headers, self._in_body = True, False

    def on_headers_complete(self) -> None:
        """Hand a request on, if its headers are within their bounds."""
        self._in_headers, self._in_body = False, True
        self._begun, self._received, self._unread = self.loop.time(), 0, 0
        self._due = self._begun + self._deadlines.body_due(0)
        size = len(self.url) + sum(len(one) + len(two) for one, two in self.headers)
        long = size > self._bounds.header_bytes
        if long or len(self.headers) > self._bounds.header_lines:
            self._refuse(431, "the headers are too long, or too many")
            return
        self.scope["extensions"] = {LINE: {"line": Line(self)}}
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a part of a body; one that nobody reads any more is thrown away."""
        if self._refused:
            return
        self._received += len(body)
        self._due = self._begun + self._deadlines.body_due(self._received)
        if self.cycle.response_complete:
            self._unread += len(body)
            if self._unread > self._bounds.unread_bytes:
                self.transport.abort()
        super().on_body(body)

    def on_message_complete(self) -> None:
        """End a request: the next may take its time (uvicorn's keep-alive)."""
        self._due = math.inf
        self._in_body = False
        if not self._refused:
            super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP."""
        if not self._refused:
            self._refuse(400, msg)

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: who asks for an upgrade is answered without one."""

    def _expect_headers(self) -> None:
        self._in_headers = True
        self._received = 0
        self._due = self.loop.time() + self._deadlines.header_seconds
        if self._timer is None:
            self._arm(self._due)

    def _arm(self, due: float) -> None:
        # Looked at soon enough for a deadline that is set in the meantime.
        soon = self.loop.time() + self._deadlines.header_seconds
        self._timer = self.loop.call_at(min(due, soon), self._look)

    def _look(self) -> None:
        self._timer = None
        if self.transport.is_closing() or self._refused or self._due == math.inf:
            return  # armed again by the next request
        if self.flow.read_paused:
            # We do not read, so it cannot send: not its fault.
            self._due = self.loop.time() + self._deadlines.header_seconds
        due = self._due + (0.0 if self._in_headers else self._grace())
        if self.loop.time() < due:
            self._arm(due)
        elif self._in_headers and self._received:
            self._refuse(408, "the headers did not come in time")
        else:
            self._body_is_late()

    def _grace(self) -> float:
        return _AFTER_THE_APPLICATION

    def _body_is_late(self) -> None:
        self.transport.abort()

    def _refuse(
        self,
        status: int,
        detail: str,
        *,
        retry: bool = False,
        code: str = "http_error",
    ) -> None:
        """Answer, and close once the client has had a moment to read it."""
        self._refused = True
        self._due = math.inf
        self.connections.discard(self)
        cycle = cast("RequestResponseCycle | None", self.cycle)
        if cycle is not None and not cycle.response_complete:
            if cycle.response_started:
                self.transport.abort()
                return
            cycle.disconnected = True
            cycle.message_event.set()
        self.transport.write(_problem(status, detail, retry=retry, code=code))
        if self.transport.can_write_eof():
            # Closing now, with bytes unread, would reset the connection and may take
            # the answer with it.
            self.transport.write_eof()
        self.loop.call_later(_LINGER_SECONDS, self.transport.abort)


class Line:
    """What an answer may do with the connection that it goes out on.

    Stands in the extensions of a request's scope, under `LINE`.
    """

    __slots__ = ("_protocol",)

    def __init__(self, protocol: BoundedProtocol) -> None:
        self._protocol = protocol

    @property
    def full(self) -> bool:
        """Whether what is sent now has to wait."""
        return self._protocol.flow.write_paused

    @property
    def lost(self) -> bool:
        """Whether nothing can be sent any more."""
        return bool(self._protocol.transport.is_closing())

    def prepare(self) -> None:
        """Bound what the kernel keeps, and let it notice a client that is gone."""
        transport = self._protocol.transport
        transport.set_write_buffer_limits(high=0)
        wire = transport.get_extra_info("socket")
        if wire is None or wire.family not in _INTERNET:
            return
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SEND_BUFFER)
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _LIVENESS.items():
            if hasattr(socket, option):  # Linux has them all
                wire.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)

    async def write(self, pieces: Sequence[memoryview]) -> bool:
        """Send one chunk of pieces, each from where it lies; return whether it can be.

        The application has begun an answer without a length, and ends it as ever.
        RFC 9112, section 7.1: an empty chunk would be the end.
        """
        if self.full:
            await self._protocol.flow.drain()
        if self.lost:
            return False
        if size := sum(map(len, pieces)):
            transport = self._protocol.transport
            transport.writelines([b"%x\r\n" % size, *pieces, b"\r\n"])
        return True

    def when_lost(self, call: Callable[[], None] | None) -> None:
        """Have something called when the connection is lost."""
        self._protocol.on_lost = call

    def reset(self) -> None:
        """Break the connection, and have the kernel forget what it has not sent.

        Else it would go on trying, with a client that does not read, for minutes.
        """
        wire = self._protocol.transport.get_extra_info("socket")
        if wire is not None and wire.family in _INTERNET:
            wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGER)
        self.abort()

    def abort(self) -> None:
        """Break the connection; what the kernel has is still sent."""
        cycle = cast("RequestResponseCycle | None", self._protocol.cycle)
        if cycle is not None:
            cycle.disconnected = True  # else uvicorn would report an unfinished answer
        self._protocol.transport.abort()


def _problem(status: int, detail: str, *, retry: bool, code: str) -> bytes:
    phrase = HTTPStatus(status).phrase
    body = json.dumps(
        {
            "type": "about:blank",
            "title": phrase,
            "status": status,
            "detail": detail,
            "code": code,
        }
    )
    later = "retry-after: 1\r\n" if retry else ""
    return (
        f"HTTP/1.1 {status} {phrase}\r\ncontent-type: application/problem+json\r\n"
        f"content-length: {len(body)}\r\n{later}connection: close\r\n\r\n{body}"
    ).encode()
