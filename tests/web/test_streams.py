"""A log over real connections: to EventSources, to raw sockets, to nobody."""

import json
import select
import shutil
import socket
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
from httpx_sse import connect_sse
from playwright.sync_api import Page
from tests.browsing import chromium, context, needs_chromium
from tests.web.streaming import CANNED, Served, streaming
from tests.web.strict import strictly

from quire.testing.not_proved import not_proved
from quire.testing.waiting import PATIENCE, until

HERE = Path(__file__).parent
_OPENING = b"HTTP/1.1 200 OK\r\n"


@pytest.fixture
def served() -> Iterator[Served]:
    with streaming() as one:
        yield one


def listening(served: Served, *, buffer: int = 0, more: str = "") -> socket.socket:
    """Return a socket whose request is sent."""
    made = socket.socket()
    if buffer:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
    made.settimeout(PATIENCE)
    url = httpx.URL(served.url)
    made.connect((url.host, url.port))
    made.sendall(f"GET /events HTTP/1.1\r\nHost: here\r\n{more}\r\n".encode())
    return made


def heard(one: socket.socket, end: bytes) -> bytes:
    """Return what comes until an end of it."""
    found = b""
    while not found.endswith(end):
        piece = one.recv(65536)
        if not piece:
            raise ConnectionResetError(found)
        found += piece
    return found


def test_the_whole_answer_to_the_letter(served: Served) -> None:
    with listening(served) as one:
        opening = heard(one, b": ok\r\n\r\n")
        head, _, begun = opening.partition(b"\r\n\r\n")
        assert head.startswith(_OPENING)
        fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:])
        assert fields[b"content-type"] == b"text/event-stream; charset=utf-8"
        assert fields[b"cache-control"] == b"no-store"
        assert fields[b"x-accel-buffering"] == b"no"
        assert begun == b"6\r\n: ok\r\n\r\n"
        served.tell(("info", "Mounting", 48), ("complete", "Done", None))
        rest = heard(one, b"0\r\n\r\n")
        assert one.recv(1) == b""  # a clean close
    events = b"".join(rest.split(b"\r\n", 1)[1:])
    assert (
        b'id: 1\r\nretry: 2000\r\nevent: info\r\ndata: {"message": "Mounting", "progress": 48}\r\n\r\n'
        in events
    )
    assert (
        b'id: 2\r\nretry: 2000\r\nevent: complete\r\ndata: {"message": "Done"}\r\n\r\n'
        in events
    )


def test_late_early_and_resumed_listeners_hear_the_same(served: Served) -> None:
    served.tell(("info", "one", 1), ("error", "two", None))
    with (
        connect_sse(served.http, "GET", "/events") as early,
        connect_sse(
            served.http, "GET", "/events", headers={"Last-Event-ID": "1"}
        ) as resumed,
    ):
        served.tell(("info", "three", 3), ("complete", "four", None))
        whole = [(one.id, one.event, one.data) for one in early.iter_sse()]
        rest = [(one.id, one.event, one.data) for one in resumed.iter_sse()]
    assert [number for number, _, _ in whole] == ["1", "2", "3", "4"]
    assert rest == whole[1:]
    with connect_sse(served.http, "GET", "/events") as late:
        assert [(one.id, one.event, one.data) for one in late.iter_sse()] == whole
    again = served.http.get("/events", headers={"Last-Event-ID": "4"})
    assert again.status_code == 204
    garbled = served.http.get("/events", headers={"Last-Event-ID": "four"})
    assert garbled.text.count("event: ") == 4


def test_an_act_ends_cleanly_though_another_follows_at_once(served: Served) -> None:
    served.tell(("info", "one", 1), ("complete", "two", None))
    with connect_sse(served.http, "GET", "/events") as listening:
        served.http.post("/act").raise_for_status()
        assert [one.data for one in listening.iter_sse()] == [
            '{"message": "one", "progress": 1}',
            '{"message": "two"}',
        ]
    with connect_sse(served.http, "GET", "/events") as anew:
        assert next(anew.iter_sse()).id == "3"


def test_an_unfinished_stream_is_broken_and_not_ended(served: Served) -> None:
    served.tell(("info", "one", 1))
    with connect_sse(served.http, "GET", "/events") as listening:
        events = listening.iter_sse()
        assert next(events).id == "1"
        served.cut()
        with pytest.raises(httpx.RemoteProtocolError):
            next(events)


def test_a_stalled_listener_is_dropped_and_the_others_hear_all() -> None:
    with streaming(patience=0.5) as served, listening(served, buffer=4096) as stalled:
        heard(stalled, b": ok\r\n\r\n")
        with connect_sse(served.http, "GET", "/events") as healthy:
            numbers = (int(one.id) for one in healthy.iter_sse())
            watch = select.poll()
            watch.register(stalled, select.POLLHUP | select.POLLERR)
            read: list[int] = []

            def dropped() -> bool:
                served.tell(*[("info", "x" * 1000, None)] * 100)
                read.extend(next(numbers) for _ in range(100))
                return bool(watch.poll(0))

            until(dropped)
            assert read == list(range(1, len(read) + 1))


def test_a_principal_has_so_many_streams_and_no_more() -> None:
    with streaming(a_principal=2) as served:
        first, second = listening(served), listening(served)
        for one in (first, second):
            heard(one, b": ok\r\n\r\n")
        refused = served.http.get("/events")
        assert refused.status_code == 429
        assert "close some" in refused.json()["detail"]
        first.close()

        def admitted() -> bool:
            with served.http.stream("GET", "/events") as answer:
                return answer.status_code == 200

        until(admitted)
        second.close()


def test_who_leaves_before_a_stream_begins_leaves_nothing_behind(
    served: Served, caplog: pytest.LogCaptureFixture
) -> None:
    """As a page does that is reloaded at once."""
    host, port = served.http.base_url.host, served.http.base_url.port
    with socket.create_connection((host, port)) as wire:
        wire.sendall(b"GET /left HTTP/1.1\r\nHost: x\r\n\r\n")
        wire.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    until(lambda: bool(served.http.get("/closed").json()))
    assert [one for one in caplog.records if one.levelname == "ERROR"] == []


def test_a_head_request_is_answered_and_over(served: Served) -> None:
    url = httpx.URL(served.url)
    with socket.create_connection((url.host, url.port or 0), timeout=PATIENCE) as one:
        one.sendall(b"HEAD /events HTTP/1.1\r\nHost: here\r\nConnection: close\r\n\r\n")
        found = b""
        while piece := one.recv(4096):
            found += piece
    assert found.startswith(_OPENING)
    assert found.endswith(b"\r\n\r\n")
    assert b": ok" not in found


def node() -> str | None:
    """Return the Node that has an EventSource behind its flag."""
    found = shutil.which("node")
    if found is None:
        return None
    asked = [found, "--experimental-eventsource", "-e", "process.exit(+!EventSource)"]
    answer = subprocess.run(asked, capture_output=True, check=False)
    return found if answer.returncode == 0 else None


NODE = node()


needs_node = pytest.mark.skipif(
    NODE is None,
    reason=not_proved(
        "streams as Node reads them",
        why="there is no Node with an EventSource",
        mend="install a Node that has it",
    ),
)


@contextmanager
def followed_by_node(url: str) -> Iterator[Iterator[list[str]]]:
    """Give what Node's own EventSource says of a stream."""
    command = [str(NODE), "--experimental-eventsource", "--no-warnings"]
    with subprocess.Popen(
        [*command, str(HERE / "follow.mjs"), url], stdout=subprocess.PIPE, text=True
    ) as child:
        assert child.stdout is not None
        yield (json.loads(line) for line in child.stdout)


@needs_node
def test_nodes_event_source_reads_what_the_strict_parser_does(served: Served) -> None:
    with followed_by_node(f"{served.url}/canned") as said:
        heard = [one for one in said if one[0] != "lost"]
    assert heard == [[one.event, one.id, one.data] for one in strictly(CANNED)]
    assert len(heard) == 36


@needs_node
def test_nodes_event_source_resumes_and_stops(served: Served) -> None:
    served.tell(("info", "one", 1), ("error", "a source is missing", None))
    with followed_by_node(f"{served.url}/events") as said:
        assert next(said) == ["info", "1", '{"message": "one", "progress": 1}']
        assert next(said) == ["error", "2", '{"message": "a source is missing"}']
        served.cut()
        assert next(said) == ["lost", 0]
        served.tell(("info", "three", 3))
        assert next(said)[:2] == ["info", "3"]
        served.tell(("complete", "four", None))
        assert next(said)[:2] == ["complete", "4"]
        # It comes again behind the end, as the standard has it, and 204 stops it.
        assert [one[0] for one in said] == ["lost", "lost"]
    assert served.connected == [None, "2", "4"]


_FOLLOW = """(path) => {
  window.said = [];
  const source = new EventSource(path);
  for (const name of ["info", "complete", "failed", "error"]) {
    source.addEventListener(name, (event) => window.said.push(
      event.data === undefined
        ? ["lost", source.readyState] : [name, event.lastEventId, event.data]));
  }
}"""


@pytest.fixture
def page(served: Served) -> Iterator[Page]:
    with chromium() as browser, context(browser) as own:
        made = own.new_page()
        made.goto(served.url)
        yield made


def said_by(page: Page, count: int) -> list[list[Any]]:
    """Return what an EventSource in a page has said, once it is so much."""
    page.wait_for_function(f"() => window.said.length >= {count}")
    found: list[list[Any]] = page.evaluate("() => window.said")
    return found


@pytest.mark.browser
@needs_chromium
def test_chromiums_event_source_reads_what_the_strict_parser_does(page: Page) -> None:
    page.evaluate(_FOLLOW, "/canned")
    heard = [one for one in said_by(page, 38) if one[0] != "lost"]
    assert heard == [[one.event, one.id, one.data] for one in strictly(CANNED)]


@pytest.mark.browser
@needs_chromium
def test_chromiums_event_source_resumes_and_stops(page: Page, served: Served) -> None:
    served.tell(("info", "one", 1), ("error", "a source is missing", None))
    page.evaluate(_FOLLOW, "/events")
    missing = ["error", "2", '{"message": "a source is missing"}']
    assert said_by(page, 2)[1] == missing
    served.cut()
    assert said_by(page, 3)[2] == ["lost", 0]
    served.tell(("info", "three", 3), ("complete", "four", None))
    # It comes again behind the end, as the standard has it, and 204 stops it.
    assert [one[:2] for one in said_by(page, 7)[3:]] == [
        ["info", "3"],
        ["complete", "4"],
        ["lost", 0],
        ["lost", 2],
    ]
    assert served.connected == [None, "2", "4"]
