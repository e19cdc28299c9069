import contextlib
import socket
import threading
from collections.abc import Iterator

import msgspec
import pytest

from quire.engines.embedded.link import SocketLink, receive
from quire.engines.embedded.messages import Answer, Request, Tell, frame
from quire.errors import AttemptLost
from quire.jobs.job import Completed, Standing
from quire.progress.event import info
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
            if isinstance(request, Tell) and request.quiet:
                continue
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

    def test_every_other_word_in_passing_waits_for_no_answer(
        self, ends: tuple[SocketLink, Server]
    ) -> None:
        link, server = ends
        link.tell(info("said", 5))  # nobody answers yet
        with server.answer(Answer(), Answer()):
            link.tell(info("said again", 6))
        assert server.asked == ["tell", "tell"]

    def test_how_an_attempt_stands_is_never_said_in_passing(
        self, ends: tuple[SocketLink, Server]
    ) -> None:
        link, server = ends
        with server.answer(Answer(lost=True)), pytest.raises(AttemptLost):
            link.tell(info("said", 5), Standing(step="Merging"))

    def test_a_loss_shows_in_the_call_after_what_was_said_in_passing(
        self, ends: tuple[SocketLink, Server]
    ) -> None:
        link, server = ends
        link.tell(info("said", 5))
        lost = Answer(lost=True)
        with server.answer(lost, lost), pytest.raises(AttemptLost):
            link.finish(Completed())
