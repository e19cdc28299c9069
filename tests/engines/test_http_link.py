import contextlib
import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest

from quire.engines.embedded.messages import Answer
from quire.engines.http_link import HttpLink
from quire.errors import AttemptLost
from quire.ports.launcher import RunnerOrder
from quire.progress.event import info
from quire.testing.link_contract import GIVEN, LinkContract

DROP = Answer(problem="drop")


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        assert isinstance(self.server, Server)
        verb = self.path.rpartition("/")[2]
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        answer = self.server.take(verb, body, self.headers["authorization"])
        if answer is None or answer is DROP:
            self.close_connection = True
            return
        self.give(answer)

    def give(self, answer: Answer) -> None:
        status, body = 204, b""
        if answer.assignment is not None:
            status, body = 200, msgspec.json.encode(answer.assignment)
        elif answer.lost:
            status = 409
        elif answer.unavailable:
            status = 503
        elif answer.problem:
            status, body = 500, answer.problem.encode()
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        del code, size  # nobody reads them


class Server(ThreadingHTTPServer):
    daemon_threads = True
    # Who finds no place in the queue asks again after a second: that is too late here.
    request_queue_size = 128

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []
        self.bodies: list[Any] = []
        self.tokens: set[str] = set()
        self._answers: list[Answer] = []
        self._lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def take(self, verb: str, body: Any, token: str) -> Answer | None:
        with self._lock:
            self.asked.append(verb)
            self.bodies.append(body)
            self.tokens.add(token)
            return self._answers.pop(0) if self._answers else None

    @contextlib.contextmanager
    def answer(self, *answers: Answer) -> Iterator[None]:
        self._answers = list(answers)
        yield
        assert not self._answers

    def go(self) -> None:
        self._answers = []


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@contextlib.contextmanager
def link_to(server: Server, **given: Any) -> Iterator[HttpLink]:
    order = RunnerOrder(
        job="j",
        attempt=2,
        kind="wait",
        url=server.url,
        token="t",  # noqa: S106
        **given,
    )
    link = HttpLink(order, runner="me:1", patience=1.0)
    yield link
    link.close()


class TestHttpLink(LinkContract):
    gone = AttemptLost

    @pytest.fixture
    def ends(self, server: Server) -> Iterator[tuple[HttpLink, Server]]:
        with link_to(server) as link:
            yield link, server


def test_its_token_goes_along(server: Server) -> None:
    with link_to(server) as link, server.answer(Answer()):
        link.beat()
    assert server.tokens == {"Bearer t"}


def test_what_may_have_arrived_is_marked(server: Server) -> None:
    with link_to(server) as link, server.answer(DROP, Answer(), Answer()):
        link.tell(info("once"))
        link.tell(info("next"))
    assert [body.get("again", False) for body in server.bodies] == [False, True, False]


def test_the_data_folder_may_lie_elsewhere(server: Server) -> None:
    with (
        link_to(server, data_folder="/mnt/quire") as link,
        server.answer(Answer(assignment=GIVEN)),
    ):
        given = link.claim()
    assert (given.data_folder, given.folder) == ("/mnt/quire", "/mnt/quire/a")


def test_where_one_server_is_away_others_are_asked_in_turn(server: Server) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        nobody = f"http://127.0.0.1:{taken.getsockname()[1]}"
    order = RunnerOrder(
        job="j",
        attempt=2,
        kind="wait",
        url=nobody,
        token="t",  # noqa: S106
        others=(nobody, server.url),
    )
    link = HttpLink(order, runner="me:1", patience=10.0)
    with server.answer(Answer(), DROP, Answer(), Answer()):
        link.beat()
        link.tell(info("once"))  # dropped, and told again: nobody else is there
        link.beat()
    assert server.asked == ["beat", "tell", "tell", "beat"]
    link.close()
