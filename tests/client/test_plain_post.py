"""The writer's POST against servers that answer in every way that HTTP has."""

import http.client
import socket
import threading
from collections.abc import Callable, Iterator, Sequence

import pytest

from quire.client.plain_post import Heard, post
from quire.testing.waiting import PATIENCE

HEAD = b"POST /x HTTP/1.1\r\nHost: h\r\n"
OK = b"HTTP/1.1 200 OK\r\n"
Answers = Callable[[Sequence[bytes]], socket.socket]


@pytest.fixture
def answering() -> Iterator[Answers]:
    """Yield what gives a connection to a server that says these pieces, in turn."""
    threads: list[threading.Thread] = []
    wires: list[socket.socket] = []

    def connected(pieces: Sequence[bytes]) -> socket.socket:
        mine, other = socket.socketpair()
        mine.settimeout(PATIENCE)
        wires.extend([mine, other])

        def answer() -> None:
            heard = b""
            while b"\r\n\r\n" not in heard:
                heard += other.recv(65536)
            length = int(heard.partition(b"Content-Length: ")[2].split(b"\r")[0])
            missing = length - len(heard.partition(b"\r\n\r\n")[2])
            while missing:
                missing -= len(other.recv(min(missing, 65536)))
            for piece in pieces:
                other.sendall(piece)
                threading.Event().wait(0.01)  # so that pieces come as pieces
            other.shutdown(socket.SHUT_WR)

        thread = threading.Thread(target=answer)
        thread.start()
        threads.append(thread)
        return mine

    yield connected
    for thread in threads:
        thread.join()
    for wire in wires:
        wire.close()


@pytest.mark.parametrize(
    ("pieces", "heard"),
    [
        ([OK + b"Content-Length: 2\r\n\r\n{}"], Heard(200, b"{}", last=False)),
        ([OK + b"content-length:2\r\n\r\n{}"], Heard(200, b"{}", last=False)),
        ([OK, b"Content-Length: 2\r\n\r\n", b"{", b"}"], Heard(200, b"{}", last=False)),
        (
            [OK + b"Content-Length: 2\r\nConnection: close\r\n\r\n{}"],
            Heard(200, b"{}", last=True),
        ),
        (
            [OK + b"Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"],
            Heard(200, b"{}", last=False),
        ),
        ([OK + b"\r\n{}"], Heard(200, b"{}", last=True)),
        (
            [b"HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\n{}"],
            Heard(200, b"{}", last=True),
        ),
        ([b"HTTP/1.1 204 No Content\r\n\r\n"], Heard(204, b"", last=False)),
        (
            [b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 2\r\n\r\n{}"],
            Heard(200, b"{}", last=False),
        ),
        (
            [b"HTTP/1.1 413 Too Large\r\nContent-Length: 1\r\n\r\n1"],
            Heard(413, b"1", last=False),
        ),
    ],
)
def test_every_answer_is_heard(
    answering: Answers, pieces: list[bytes], heard: Heard
) -> None:
    assert post(answering(pieces), HEAD, b"abc") == heard


@pytest.mark.parametrize("size", [0, 1, 65_536, 65_537, 1_000_000])
def test_bodies_of_every_size_arrive(answering: Answers, size: int) -> None:
    wire = answering([OK + b"Content-Length: 2\r\n\r\n{}"])
    assert post(wire, HEAD, b"x" * size).body == b"{}"


def test_an_answer_before_all_was_sent_is_heard() -> None:
    said = b"HTTP/1.1 413 Too Large\r\nContent-Length: 1\r\nConnection: close\r\n\r\n1"
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def refuse() -> None:
            other, _ = listening.accept()
            with other:
                other.recv(10)
                other.sendall(said)  # and closes, with most of it unread

        thread = threading.Thread(target=refuse)
        thread.start()
        with socket.create_connection(listening.getsockname(), PATIENCE) as wire:
            heard = post(wire, HEAD, b"x" * 64 * 2**20)
        thread.join()
    assert heard == Heard(413, b"1", last=True)


def test_a_long_answer_is_whole(answering: Answers) -> None:
    body = b"y" * 300_000
    wire = answering([OK + b"Content-Length: 300000\r\n\r\n" + body])
    assert post(wire, HEAD, b"abc") == Heard(200, body, last=False)


@pytest.mark.parametrize("pieces", [[], [b"nonsense\r\n\r\n"]])
def test_no_answer_is_an_error(answering: Answers, pieces: list[bytes]) -> None:
    wire = answering(pieces)
    with pytest.raises((OSError, http.client.HTTPException)):
        post(wire, HEAD, b"abc")
