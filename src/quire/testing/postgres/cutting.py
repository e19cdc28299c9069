"""A proxy before PostgreSQL that cuts connections where it hurts most."""

import contextlib
import socket
import threading
from collections.abc import Callable
from enum import Enum
from typing import Self
from urllib.parse import urlsplit, urlunsplit


class Cut(Enum):
    """Where a connection is cut, with respect to a word that a client sends."""

    BEFORE = "the server never gets it"
    BEHIND = "the server does it, and the client never hears of it"


class CuttingProxy:
    """Forwards connections to a server until it is told to cut one.

    Parameters
    ----------
    url
        The database.
    """

    def __init__(self, url: str) -> None:
        self._parts = urlsplit(url)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._cuts: list[tuple[bytes, Cut, Callable[[], None]]] = []
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self.cuts = 0

    @property
    def url(self) -> str:
        """The same database through this proxy."""
        port = self._listener.getsockname()[1]
        place = f"{self._parts.username}@127.0.0.1:{port}"
        return urlunsplit(self._parts._replace(netloc=place))

    def __enter__(self) -> Self:
        """Begin to forward."""
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """End all connections."""
        self._listener.close()
        with self._lock:
            connections = list(self._open)
        for one in connections:
            _end(one)

    def cut(
        self, word: bytes, where: Cut, meanwhile: Callable[[], None] = lambda: None
    ) -> None:
        """Cut the next connection on which a client sends this.

        Parameters
        ----------
        meanwhile
            Called right before, while the client waits for its answer.
        """
        with self._lock:
            self._cuts.append((word, where, meanwhile))

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                there = (self._parts.hostname or "127.0.0.1", self._parts.port or 5432)
                try:
                    server = socket.create_connection(there)
                except OSError:
                    client.close()
                    continue
                with self._lock:
                    self._open |= {client, server}
                line = _Line(client, server)
                for work in (self._to_server, self._to_client):
                    threading.Thread(target=work, args=(line,), daemon=True).start()

    def _to_server(self, line: "_Line") -> None:
        with contextlib.suppress(OSError):
            while data := line.client.recv(65536):
                line.cut, meanwhile = self._due(data)
                meanwhile()
                if line.cut is Cut.BEFORE:
                    break
                line.server.sendall(data)
                if line.cut is Cut.BEHIND:
                    return  # its answer ends the line
        line.end()

    def _to_client(self, line: "_Line") -> None:
        with contextlib.suppress(OSError):
            while data := line.server.recv(65536):
                if line.cut is not None:
                    break
                line.client.sendall(data)
        if line.cut is not Cut.BEFORE:
            line.end()

    def _due(self, data: bytes) -> tuple[Cut | None, Callable[[], None]]:
        with self._lock:
            for one in self._cuts:
                if one[0] in data:
                    self._cuts.remove(one)
                    self.cuts += 1
                    return one[1:]
        return None, lambda: None


class _Line:
    """One connection, on both sides of the proxy."""

    def __init__(self, client: socket.socket, server: socket.socket) -> None:
        self.client, self.server = client, server
        self.cut: Cut | None = None

    def end(self) -> None:
        _end(self.client)
        _end(self.server)


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
