"""Listeners on raw sockets in processes of their own, which only note what comes when.

A listener costs some microseconds a batch, so that the server is what is measured.
"""

import multiprocessing
import re
import select
import socket
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from typing import NamedTuple
from urllib.parse import urlsplit

from quire.client.discovery import Address

_ID = re.compile(rb"id: (\d+)\r\n")
_READ = 1 << 20


class Heard(NamedTuple):
    """One read of one listener.

    Attributes
    ----------
    first, last
        Numbers of the events in it.
    at
        Unix seconds.
    """

    first: int
    last: int
    at: float


class Listeners:
    """Many listeners of one operation.

    Parameters
    ----------
    processes
        Among how many processes they are divided.
    """

    def __init__(
        self, address: Address, operation: str, count: int, *, processes: int = 3
    ) -> None:
        context = multiprocessing.get_context("spawn")
        self._lines: list[Connection] = []
        self._processes = []
        for part in range(processes):
            ours, theirs = context.Pipe()
            share = count // processes + (part < count % processes)
            process = context.Process(
                target=_listen, args=(address, operation, share, theirs), daemon=True
            )
            process.start()
            self._processes.append(process)
            self._lines.append(ours)

    def wait(self) -> None:
        """Return once all listen."""
        for line in self._lines:
            line.recv()

    def stop(self) -> list[Heard]:
        """Return what all heard, and let them go."""
        for line in self._lines:
            line.send("stop")
        heard = [one for line in self._lines for one in line.recv()]
        for process in self._processes:
            process.join()
        return heard


def opened(address: Address, operation: str, *, buffer: int = 0) -> socket.socket:
    """Return a socket on which an operation's events come.

    Parameters
    ----------
    buffer
        Bytes that the kernel keeps for it, 0 for the usual.
    """
    parts = urlsplit(address.url)
    made = socket.socket()
    if buffer:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    made.connect((parts.hostname, parts.port))
    made.sendall(
        f"GET /api/v1/operations/{operation}/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
        f"Authorization: Bearer {address.token}\r\n\r\n".encode()
    )
    return made


def _listen(address: Address, operation: str, count: int, line: Connection) -> None:
    every = [opened(address, operation) for _ in range(count)]
    for one in every:
        _hear_opening(one)
    poll = select.epoll()
    poll.register(line.fileno(), select.EPOLLIN)
    sockets = {one.fileno(): one for one in every}
    for number, one in sockets.items():
        one.setblocking(False)  # noqa: FBT003 - as socket has it
        poll.register(number, select.EPOLLIN)
    line.send("ready")
    heard: list[Heard] = []
    while not line.poll():
        for number, _ in poll.poll(1.0):
            if number in sockets and not _take(sockets[number], heard):
                poll.unregister(number)
    line.recv()
    line.send(heard)


def _hear_opening(one: socket.socket) -> None:
    begun = b""
    while b": ok" not in begun:
        piece = one.recv(4096)
        if not piece:
            raise ConnectionResetError(begun.decode())
        begun += piece
    if not begun.startswith(b"HTTP/1.1 200"):
        raise RuntimeError(begun.decode())


def _take(one: socket.socket, heard: list[Heard]) -> bool:
    data = one.recv(_READ)
    at = time.time()
    first = _ID.search(data)
    if first is not None:
        last = _ID.match(data, data.rfind(b"id: "))
        heard.append(Heard(int(first[1]), int((last or first)[1]), at))
    return bool(data)


def latencies(heard: Sequence[Heard], told: dict[int, float]) -> list[float]:
    """Return the seconds from telling to hearing, of each delivery."""
    return [
        one.at - told[number]
        for one in heard
        for number in range(one.first, one.last + 1)
        if number in told
    ]
