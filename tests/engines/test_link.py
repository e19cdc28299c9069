import socket
import threading
from collections.abc import Iterator

import msgspec
import pytest

from quire.engines.embedded.link import SocketLink, receive
from quire.engines.embedded.messages import Answer, Request, frame
from quire.errors import AttemptLost
from quire.jobs.job import Assignment, Completed
from quire.progress.event import info

GIVEN = Assignment(
    job="j",
    attempt=2,
    kind="wait",
    parameters={"N": 2**90, "X": [1.5, None, {"é": True}]},
    runs=("r",),
    owner="me",
    folder="/a",
    data_folder="/b",
)


class Server:
    """Gives prepared answers and remembers what it was asked."""

    def __init__(self, connection: socket.socket) -> None:
        self.connection = connection
        self.asked: list[str] = []

    def answer(self, *answers: Answer) -> threading.Thread:
        thread = threading.Thread(target=self._answer, args=(answers,))
        thread.start()
        return thread

    def _answer(self, answers: tuple[Answer, ...]) -> None:
        for answer in answers:
            request = msgspec.json.decode(receive(self.connection), type=Request)
            self.asked.append(type(request).__name__)
            # Byte by byte: a frame may come in any pieces.
            for byte in frame(answer):
                self.connection.send(bytes([byte]))


@pytest.fixture
def ends() -> Iterator[tuple[SocketLink, Server]]:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        yield SocketLink(ours, job="j", attempt=2), Server(theirs)


def test_an_assignment_comes_through_whole(ends: tuple[SocketLink, Server]) -> None:
    link, server = ends
    thread = server.answer(Answer(assignment=GIVEN))
    assert link.claim() == GIVEN
    thread.join()


def test_what_is_lost_is_told(ends: tuple[SocketLink, Server]) -> None:
    link, server = ends
    thread = server.answer(Answer(lost=True))
    with pytest.raises(AttemptLost) as caught:
        link.tell(info("late", 5))
    assert (caught.value.job, caught.value.attempt) == ("j", 2)
    thread.join()


def test_it_asks_again_while_the_store_is_away(ends: tuple[SocketLink, Server]) -> None:
    link, server = ends
    thread = server.answer(Answer(unavailable=True), Answer())
    link.finish(Completed())
    thread.join()
    assert server.asked == ["Finish", "Finish"]


def test_a_problem_of_the_server_is_raised(ends: tuple[SocketLink, Server]) -> None:
    link, server = ends
    thread = server.answer(Answer(problem="ValueError: x"))
    with pytest.raises(RuntimeError, match="ValueError: x"):
        link.beat()
    thread.join()


def test_a_server_that_has_gone_is_noticed(ends: tuple[SocketLink, Server]) -> None:
    link, server = ends
    server.connection.sendall(b"\0\0\0\x09half")
    server.connection.shutdown(socket.SHUT_WR)
    with pytest.raises(EOFError):
        link.beat()


def test_requests_of_two_threads_do_not_mix(ends: tuple[SocketLink, Server]) -> None:
    link, server = ends
    thread = server.answer(*[Answer()] * 40)
    beating = [threading.Thread(target=link.beat) for _ in range(20)]
    telling = [threading.Thread(target=link.tell, args=(info("x"),)) for _ in range(20)]
    for caller in (*beating, *telling):
        caller.start()
    for caller in (*beating, *telling):
        caller.join()
    thread.join()
    assert sorted(server.asked) == ["Beat"] * 20 + ["Tell"] * 20
