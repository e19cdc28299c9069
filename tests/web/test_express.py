"""The short way: taken by what is plain, and answered as on the usual one."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack

import pytest
from tests.web.serving import LIMIT, LONG, SHORT, Raw, TakeExpress, serving

from quire.web.connections import Bounds

LINE = b"POST /take HTTP/1.1"
HEAD = LINE + b"\r\nHost: x\r\n"


@pytest.fixture(params=[True, False], ids=["waits", "at once"])
def express(request: pytest.FixtureRequest) -> TakeExpress:
    return TakeExpress(waits=request.param)


@pytest.fixture
def wire(express: TakeExpress) -> Iterator[Raw]:
    with serving(Bounds(deadlines=LONG), {LINE: express}) as port:
        wire = Raw(port)
        with wire:
            yield wire


@pytest.fixture
def hurried(express: TakeExpress) -> Iterator[Raw]:
    """A connection to a server that gives up who is slow."""
    with serving(Bounds(deadlines=SHORT), {LINE: express}) as port:
        wire = Raw(port)
        with wire:
            yield wire


def request(body: bytes, more: bytes = b"") -> bytes:
    return HEAD + more + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)


def hear(wire: Raw, count: int = 1) -> bytes:
    """Return what comes until so many bodies are there."""
    heard = b""
    while heard.count(b"}") < count:
        piece = wire.hear_some()
        assert piece, heard
        heard += piece
    return heard


def test_what_is_plain_is_taken_again_and_again(
    wire: Raw, express: TakeExpress
) -> None:
    for size in (1, 12, 1000, 3):
        wire.say(request(b"x" * size))
        assert b'{"size":%d}' % size in hear(wire)
    wire.say(request(b"xx", b"User-Agent: y\r\nConnection: Keep-Alive\r\n"))
    assert b'{"size":2}' in hear(wire)
    assert [len(body) for body in express.bodies] == [1, 12, 1000, 3, 2]


@pytest.mark.parametrize("cut", [1, 21, len(HEAD) + 5, len(HEAD) + 20, 3000, 70_000])
def test_a_request_in_pieces_is_whole(
    wire: Raw, express: TakeExpress, cut: int
) -> None:
    body = bytes(range(256)) * 400
    wire.say(request(b"first"))
    hear(wire)
    whole = request(body)
    wire.say(whole[:cut])
    threading.Event().wait(0.02)  # so that it comes in two pieces
    wire.say(whole[cut:])
    assert b'{"size":%d}' % len(body) in hear(wire)
    wire.say(request(b"last"))
    hear(wire)
    assert express.bodies[0] == b"first"
    assert express.bodies[-1] == b"last"
    assert all(each == body for each in express.bodies[1:-1])


@pytest.mark.parametrize(
    "text",
    [
        request(b"abc", b"X-Other: 1\r\n"),
        request(b"abc", b"Accept: */*\r\n"),
        request(b"abc", b"Host: y\r\n"),
        request(b"abc", b"Cookie: a=b\r\n"),
        request(b"abc", b"Connection: keep-alive, x\r\n"),
        HEAD + b"Content-Length: 3 \r\n\r\nabc",
        HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
        b"POST /take?x=1 HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc",
        HEAD + b"Expect: 100-continue\r\nContent-Length: 3\r\n\r\nabc",
    ],
)
def test_what_is_not_plain_goes_the_usual_way(
    wire: Raw, express: TakeExpress, text: bytes
) -> None:
    wire.say(text)
    assert b'{"size":3}' in hear(wire)
    assert express.bodies == []
    wire.say(request(b"plain"))
    assert b'{"size":5}' in hear(wire)
    assert express.bodies == [b"plain"]


def test_a_connection_in_use_has_no_deadline_for_headers(hurried: Raw) -> None:
    for _ in range(3):
        hurried.say(request(b"abc"))
        assert b'{"size":3}' in hear(hurried)
        threading.Event().wait(0.8 * SHORT.header_seconds)
    hurried.say(b"GET /take HTTP/1.1\r\nHost: x\r\n\r\n")
    assert b'{"size":0}' in hear(hurried)


def test_headers_behind_a_short_way_have_their_deadline(hurried: Raw) -> None:
    hurried.say(request(b"abc"))
    hear(hurried)
    hurried.say(HEAD)
    assert hurried.hear().startswith(b"HTTP/1.1 408")


def test_both_ways_answer_in_turn(wire: Raw, express: TakeExpress) -> None:
    for _ in range(3):
        wire.say(b"GET /take HTTP/1.1\r\nHost: x\r\n\r\n")
        assert b'{"size":0}' in hear(wire)
        wire.say(request(b"abc"))
        assert b'{"size":3}' in hear(wire)
    assert express.bodies == [b"abc"] * 3


def test_what_follows_before_an_answer_waits_its_turn(
    wire: Raw, express: TakeExpress
) -> None:
    wire.say(request(b"a"))
    hear(wire)
    wire.say(request(b"bb"))
    wire.say(request(b"ccc") + request(b"dddd"))
    heard = hear(wire, 3)
    sizes = [heard.index(b'{"size":%d}' % size) for size in (2, 3, 4)]
    assert sizes == sorted(sizes)
    # The second may be read together with what follows; then it goes the usual way.
    assert express.bodies[0] == b"a"


@pytest.mark.parametrize(
    "text",
    [
        HEAD + b"Content-Length: +3\r\n\r\nabc",
        HEAD + b"Content-Length: 3\r\nContent-Length: 4\r\n\r\nabcd",
        HEAD + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\nabc",
        HEAD + b"Content-Length : 3\r\n\r\nabc",
        HEAD + b"Accept: a\x00b\r\nContent-Length: 3\r\n\r\nabc",
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(
    wire: Raw, express: TakeExpress, text: bytes
) -> None:
    wire.say(request(b"first"))
    hear(wire)
    wire.say(text)
    assert wire.hear().startswith(b"HTTP/1.1 400")
    assert express.bodies == [b"first"]


def test_a_body_beyond_its_bound_goes_the_usual_way(
    wire: Raw, express: TakeExpress
) -> None:
    wire.say(HEAD + b"Content-Length: %d\r\n\r\n" % (LIMIT + 1))
    assert b" 413 " in hear(wire)
    assert express.bodies == []


def test_a_defect_is_answered_and_costs_no_other(wire: Raw) -> None:
    wire.say(request(b"defect"))
    answer = hear(wire)
    assert answer.startswith(b"HTTP/1.1 500 ")
    assert b'"internal_error"' in answer
    wire.say(request(b"abc"))
    assert b'{"size":3}' in hear(wire)


def test_what_is_under_way_at_the_end_is_answered(express: TakeExpress) -> None:
    with ExitStack() as stack:
        with serving(Bounds(deadlines=LONG), {LINE: express}) as port:
            wire, idle = Raw(port), Raw(port)
            stack.enter_context(wire)
            stack.enter_context(idle)
            wire.say(request(b"abc"))
            hear(wire)
            idle.say(request(b"abc"))
            hear(idle)
            wire.say(request(b"abcd"))
            heard = hear(wire)
        assert b'{"size":4}' in heard
        assert wire.hear() == b""
        assert idle.hear() == b""
