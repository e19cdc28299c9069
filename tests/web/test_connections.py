import threading
from collections.abc import Iterator
from contextlib import ExitStack, suppress

import httpx
import pytest
from tests.web.serving import LONG, SHORT, Raw, TakeExpress, serving

from quire.testing.waiting import PATIENCE
from quire.web.connections import Bounds
from quire.web.deadlines import Deadlines

HEAD = b"POST /take HTTP/1.1\r\nHost: x\r\n"


WAYS = {
    "usual way": {},
    "short way": {b"POST /take HTTP/1.1": TakeExpress()},
}


@pytest.fixture(scope="module", params=WAYS)
def port(request: pytest.FixtureRequest) -> Iterator[int]:
    """Of a server that gives up who is slow."""
    bounds = Bounds(deadlines=SHORT, connections=40, unread_bytes=300_000)
    with serving(bounds, WAYS[request.param]) as port:
        yield port


@pytest.fixture(scope="module", params=WAYS)
def patient(request: pytest.FixtureRequest) -> Iterator[int]:
    """Of a server that waits for everybody."""
    bounds = Bounds(deadlines=LONG, unread_bytes=300_000)
    with serving(bounds, WAYS[request.param]) as port:
        yield port


def raw(stack: ExitStack, port: int) -> Raw:
    made = Raw(port)
    stack.enter_context(made)
    return made


def status(answer: bytes) -> int:
    return int(answer.split(b" ", 2)[1])


def test_slow_headers_are_given_up(port: int) -> None:
    with ExitStack() as stack:
        slow = raw(stack, port)
        slow.say(b"GET /take HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        answer = slow.hear()
        assert status(answer) == 408
        assert b"application/problem+json" in answer


def test_headers_a_byte_at_a_time_do_not_gain_time(port: int) -> None:
    with ExitStack() as stack:
        slow = raw(stack, port)
        stop = threading.Event()

        def trickle() -> None:
            with suppress(OSError):
                slow.say(HEAD)
                while not stop.wait(0.05):
                    slow.say(b"X")

        thread = threading.Thread(target=trickle)
        thread.start()
        answer = slow.hear()
        stop.set()
        thread.join()
        assert status(answer) == 408


def test_an_idle_connection_is_closed(port: int) -> None:
    with ExitStack() as stack:
        assert raw(stack, port).hear() == b""


def test_a_second_request_has_the_same_deadline(port: int) -> None:
    with ExitStack() as stack:
        kept = raw(stack, port)
        kept.say(b"GET /take HTTP/1.1\r\nHost: x\r\n\r\n")
        assert status(kept.hear_some()) == 200
        kept.say(b"GET /take HT")
        assert status(kept.hear()) == 408


@pytest.mark.parametrize(
    "body",
    [
        b"Content-Length: 50000\r\n\r\nx",
        b"Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n",
    ],
)
def test_a_body_that_stops_is_answered_408_and_closed(port: int, body: bytes) -> None:
    with ExitStack() as stack:
        slow = raw(stack, port)
        slow.say(HEAD + body)
        answer = slow.hear()
        assert status(answer) == 408
        assert b'"too_slow"' in answer
        assert b"connection: close" in answer.lower()


def test_a_body_that_stops_after_the_answer_is_closed(port: int) -> None:
    with ExitStack() as stack:
        slow = raw(stack, port)
        slow.say(b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 9999\r\n\r\nx")
        answer = slow.hear()
        assert status(answer) == 401
        assert answer.count(b"HTTP/1.1") == 1


def test_a_body_without_end_after_the_answer_is_closed(port: int) -> None:
    with ExitStack() as stack:
        endless = raw(stack, port)
        endless.say(
            b"POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n"
        )
        with pytest.raises(OSError):  # noqa: PT011 - reset or broken pipe
            endless.say(b"x" * 9_999_999)


@pytest.mark.parametrize("way", WAYS)
def test_a_fast_enough_body_is_taken(way: str) -> None:
    def pieces() -> Iterator[bytes]:
        clock = threading.Event()
        for _ in range(14):
            yield b"x" * 50_000
            clock.wait(0.1)  # 1.4 s in all, longer than the least deadline

    # Each piece gains more than this process is ever late.
    deadlines = Deadlines(header_seconds=PATIENCE, body_seconds=1.0, body_rate=1000)
    with serving(Bounds(deadlines=deadlines), WAYS[way]) as port:
        answer = httpx.post(
            f"http://127.0.0.1:{port}/take", content=pieces(), timeout=PATIENCE
        )
    assert answer.json() == {"size": 700_000}


@pytest.mark.parametrize(
    "headers",
    [
        b"X: " + b"y" * 70_000 + b"\r\n",
        b"X: y\r\n" * 200,
        b"X: " + b"y" * 2_000_000,
    ],
    ids=["long", "many", "endless"],
)
def test_headers_are_bounded(patient: int, headers: bytes) -> None:
    with ExitStack() as stack:
        large = raw(stack, patient)
        with suppress(OSError):
            large.say(b"GET /take HTTP/1.1\r\nHost: x\r\n" + headers + b"\r\n")
        assert status(large.hear()) == 431


def test_a_long_target_is_bounded(patient: int) -> None:
    with ExitStack() as stack:
        large = raw(stack, patient)
        large.say(b"GET /take?" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n")
        assert status(large.hear()) == 431


HOSTILE = {
    "both lengths": HEAD
    + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "two lengths": HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nx",
    "negative": HEAD + b"Content-Length: -1\r\n\r\n",
    "plus": HEAD + b"Content-Length: +1\r\n\r\nx",
    "chunk size": HEAD + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    "bare LF": b"GET /take HTTP/1.1\nHost: x\n\n",
    "fold": b"GET /take HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n",
    "NUL": b"GET /take HTTP/1.1\r\nHost: x\r\nA: \0\r\n\r\n",
    "space": b"GET /take HTTP/1.1\r\nHost : x\r\n\r\n",
    "version": b"GET /take HTTP/9.9\r\nHost: x\r\n\r\n",
    "TLS": bytes.fromhex("16030100c8010000c40303") + b"\0" * 200,
    "no method": b"FETCH /take HTTP/1.1\r\nHost: x\r\n\r\n",
    "CONNECT": b"CONNECT example.org:443 HTTP/1.1\r\nHost: x\r\n\r\n",
    "long chunk extension": HEAD
    + b"Transfer-Encoding: chunked\r\n\r\n1;"
    + b"a" * 99_999,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_what_is_no_http_is_refused_and_closed(port: int, text: bytes) -> None:
    with ExitStack() as stack:
        hostile = raw(stack, port)
        hostile.say(text)
        answer = hostile.hear()
        assert status(answer) in {400, 404, 405, 408}
        assert answer.count(b"HTTP/1.1 ") == 1
        assert b"Internal Server Error" not in answer


def test_an_upgrade_is_answered_without_one(patient: int) -> None:
    with ExitStack() as stack:
        upgrading = raw(stack, patient)
        upgrading.say(
            b"GET /take HTTP/1.1\r\nHost: x\r\nConnection: Upgrade\r\n"
            b"Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
            b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
        )
        assert status(upgrading.hear_some()) == 200


def test_pipelined_requests_are_all_answered(patient: int) -> None:
    with ExitStack() as stack:
        pipelined = raw(stack, patient)
        pipelined.say(
            (HEAD + b"Content-Length: 3\r\n\r\nabc") * 5
            + HEAD
            + b"Connection: close\r\nContent-Length: 3\r\n\r\nabc"
        )
        assert pipelined.hear().count(b'{"size":3}') == 6


def test_too_many_connections_are_refused_and_the_others_served() -> None:
    with serving(Bounds(connections=20, deadlines=LONG)) as port, ExitStack() as stack:
        kept = [raw(stack, port) for _ in range(20)]
        for one in kept:
            one.say(b"GET /take HTTP/1.1\r\nHost: x\r\n\r\n")
            assert status(one.hear_some()) == 200
        for _ in range(10):
            answer = raw(stack, port).hear()
            assert status(answer) == 503
            assert b"retry-after: 1" in answer
        for one in kept:
            one.say(b"GET /take HTTP/1.1\r\nHost: x\r\n\r\n")
            assert status(one.hear_some()) == 200


def test_an_attack_by_idle_sockets_ends(port: int) -> None:
    with ExitStack() as stack:
        idle = [raw(stack, port) for _ in range(60)]
        for one in idle:
            with suppress(OSError):
                one.say(b"GET /take HTTP/1.1\r\nX-")
        assert all(status(one.hear()) in {408, 503} for one in idle)
        assert (
            httpx.get(f"http://127.0.0.1:{port}/take", timeout=PATIENCE).status_code
            == 200
        )
