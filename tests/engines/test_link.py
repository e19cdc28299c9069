import contextlib
import socket
import threading
from collections.abc import Iterator

import msgspec
import pytest

from quire.engines.embedded.link import SocketLink, receive
from quire.engines.embedded.messages import Answer, Request, frame
from quire.testing.link_contract import LinkContract


class Server:
    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.asked: list[str] = []

    @contextlib.contextmanager
    def answer(self, *answers: Answer) -> Iterator[None]:
        thread = threading.Thread(target=self._answer, args=(answers,))
        thread.start()
        yield
        thread.join()

    def _answer(self, answers: tuple[Answer, ...]) -> None:
        for answer in answers:
            request = msgspec.json.decode(receive(self.connection), type=Request)
            self.asked.append(type(request).__name__.lower())
            # Byte by byte: a frame may come in any pieces.
            for byte in frame(answer):
                self.connection.send(bytes([byte]))

    def go(self) -> None:
        self.connection.sendall(b"\0\0\0\x09half")
        self.connection.shutdown(socket.SHUT_WR)


class TestSocketLink(LinkContract):
    gone = EOFError

    @pytest.fixture
    def ends(self) -> Iterator[tuple[SocketLink, Server]]:
        ours, theirs = socket.socketpair()
        with ours, theirs:
            yield SocketLink(ours, job="j", attempt=2), Server(theirs)
