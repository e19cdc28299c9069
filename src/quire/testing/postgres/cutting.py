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
                gone = threading.Event()
                for work in (self._to_server, self._to_client):
                    threading.Thread(
                        target=work, args=(client, server, gone), daemon=True
                    ).start()

    def _to_server(
        self, client: socket.socket, server: socket.socket, gone: threading.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while data := client.recv(65536):
                where, meanwhile = self._due(data)
                if where is not None:
                    gone.set()
                meanwhile()
                if where is Cut.BEHIND:
                    server.sendall(data)
                    # It answers once it is done.
                    server.recv(1)
                if where is not None:
                    break
                server.sendall(data)
        _end(client)
        _end(server)

    def _to_client(
        self, client: socket.socket, server: socket.socket, gone: threading.Event
    ) -> None:
        with contextlib.suppress(OSError):
            while data := server.recv(65536):
                if gone.is_set():
                    break
                client.sendall(data)
        if not gone.is_set():  # else whoever cuts it ends both
            _end(client)
            _end(server)

    def _due(self, data: bytes) -> tuple[Cut | None, Callable[[], None]]:
        with self._lock:
            for one in self._cuts:
                if one[0] in data:
                    self._cuts.remove(one)
                    self.cuts += 1
                    return one[1:]
        return None, lambda: None


def _end(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()
