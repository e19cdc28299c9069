"""Clients on raw sockets, which cost a measurement next to nothing."""

import asyncio
import socket
import time
from collections.abc import Iterator, Sequence
from typing import cast
from urllib.parse import urlsplit

from quire.client.discovery import Address


class Client(asyncio.Protocol):
    """Posts prepared requests, each once the one before is acknowledged.

    Attributes
    ----------
    done
        How many were acknowledged.
    """

    def __init__(self, requests: Iterator[bytes], until: float) -> None:
        self._requests = requests
        self._until = until
        self._heard = b""
        self.done = 0
        self.over = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin."""
        # uvloop's transports are none of asyncio's by class.
        self._transport = cast("asyncio.WriteTransport", transport)
        self._next()

    def connection_lost(self, exc: Exception | None) -> None:
        """End, with an error if that was too soon."""
        if not self.over.done():
            self.over.set_exception(exc or ConnectionResetError("closed too soon"))

    def data_received(self, data: bytes) -> None:
        """Take an answer; go on once it is whole."""
        self._heard += data
        head, found, body = self._heard.partition(b"\r\n\r\n")
        if not found:
            return
        if len(body) < _length(head):
            return
        if not _is_taken(head, body):
            self.over.set_exception(RuntimeError(self._heard.decode()))
            return
        self._heard = b""
        self.done += 1
        self._next()

    def _next(self) -> None:
        request = next(self._requests, None)
        if request is None or time.perf_counter() > self._until:
            if not self.over.done():
                self.over.set_result(None)
            self._transport.close()
        else:
            self._transport.write(request)


async def post_all(
    address: Address, feeds: Sequence[Iterator[bytes]], until: float
) -> int:
    """Post requests over one connection a feed; return how many were acknowledged.

    Parameters
    ----------
    until
        When to end at the latest, by `time.perf_counter`.

    Raises
    ------
    RuntimeError
        An answer is no success.
    """
    parts = urlsplit(address.url)
    loop = asyncio.get_running_loop()

    async def post(feed: Iterator[bytes]) -> int:
        _, client = await loop.create_connection(
            lambda: Client(feed, until), parts.hostname or "", parts.port or 80
        )
        await client.over
        return client.done

    return sum(await asyncio.gather(*map(post, feeds)))


def post_in_turn(address: Address, requests: Iterator[bytes], until: float) -> int:
    """Post requests over one connection that blocks; return how many were acknowledged.

    It does as little as it can: a lone client is no part of what is measured.

    Parameters
    ----------
    until
        When to end at the latest, by `time.perf_counter`.

    Raises
    ------
    RuntimeError
        An answer is no success.
    """
    parts = urlsplit(address.url)
    done = 0
    with socket.create_connection((parts.hostname or "", parts.port or 80)) as wire:
        wire.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for one in requests:
            if time.perf_counter() > until:
                break
            wire.sendall(one)
            _expect_success(wire)
            done += 1
    return done


def _expect_success(wire: socket.socket) -> None:
    heard = b""
    head, found, body = b"", b"", b""
    while not found or len(body) < _length(head):
        part = wire.recv(65_536)
        if not part:
            raise RuntimeError("closed too soon")
        heard += part
        head, found, body = heard.partition(b"\r\n\r\n")
    if not _is_taken(head, body):
        raise RuntimeError(heard.decode())


def _length(head: bytes) -> int:
    return int(head.lower().partition(b"content-length: ")[2].split(b"\r", 1)[0])


def _is_taken(head: bytes, body: bytes) -> bool:
    return head.startswith(b"HTTP/1.1 200") and b'"refused":[]' in body


def request(address: Address, body: bytes) -> bytes:
    """Return a whole HTTP request that posts documents, a line each."""
    head = (
        "POST /api/v1/documents HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {address.token}\r\n"
        "Content-Type: application/x-ndjson\r\nContent-Length: "
    ).encode()
    return b"%b%d\r\n\r\n%b" % (head, len(body), body)
