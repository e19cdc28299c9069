"""New jobs by the short way are answered as by the usual one."""

import http.client
import json
import re
from collections.abc import Mapping
from urllib.parse import urlsplit

import httpx
import pytest

from quire.testing.campaigns.server import ServerProcess
from quire.testing.waiting import PATIENCE

UWS, WOBBLY = "/uws/wait/jobs", "/wobbly/jobs"
FORM = "application/x-www-form-urlencoded"
NEW = {"json_parameters": {"a": 1}, "destruction_time": "2036-11-20T10:00:00Z"}
# A header that has no meaning: the short way knows only those that have one.
USUAL = {"X-Way": "usual"}
NAMES = re.compile(
    r"[0-9a-f]{8}-[0-9a-f-]{27}|(?<=wobbly/jobs/)\d+|\"id\":\"\d+\"|T\d\d:\d\d:\d\d"
)


def said(
    server: ServerProcess, path: str, body: bytes, headers: Mapping[str, str]
) -> tuple[int, dict[str, str], str]:
    """Return status, headers and body of an answer, without what differs each time."""
    place = urlsplit(server.address.url)
    line = http.client.HTTPConnection(
        place.hostname or "", place.port, timeout=PATIENCE
    )
    line.request("POST", path, body, dict(headers))
    answer = line.getresponse()
    text = NAMES.sub("", answer.read().decode())
    own = {
        name.lower(): NAMES.sub("", value)
        for name, value in answer.getheaders()
        if name.lower() not in {"date", "content-length"}
    }
    line.close()
    return answer.status, own, text


def both(
    server: ServerProcess, path: str, body: bytes, headers: Mapping[str, str]
) -> int:
    """Return the status that both ways give, with the same answer."""
    short = said(server, path, body, headers)
    usual = said(server, path, body, {**headers, **USUAL})
    assert short == usual
    return short[0]


@pytest.fixture
def mine(server: ServerProcess) -> dict[str, str]:
    return {"Authorization": f"Bearer {server.address.token}", "Content-Type": FORM}


@pytest.fixture
def services(http: httpx.Client) -> dict[str, str]:
    wanted = {"user": "short", "service": "cutout"}
    token = http.post("/api/v1/tokens", json=wanted).json()["token"]
    return {"Authorization": f"bearer {token}", "Content-Type": "application/json"}


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"SECONDS=0", 303),
        (b"SECONDS=0&PHASE=RUN", 303),
        (b"seconds=x", 422),
        (b"NONE=1", 422),
        (b"PHASE=ABORT", 422),
        (b"\xff\xfe", 422),
        (b"a=1&" * 2000, 413),
    ],
)
def test_uws(
    server: ServerProcess, mine: dict[str, str], body: bytes, status: int
) -> None:
    assert both(server, UWS, body, mine) == status


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (json.dumps(NEW).encode(), 201),
        (b"{}", 422),
        (b"{", 422),
        (b"[1]", 422),
        (b'{"json_parameters": {"a": "\\u0000"}}', 422),
        (b" " * (2**20 + 1), 413),
    ],
)
def test_wobbly(
    server: ServerProcess, services: dict[str, str], body: bytes, status: int
) -> None:
    assert both(server, WOBBLY, body, services) == status


@pytest.mark.parametrize("path", [UWS, WOBBLY])
@pytest.mark.parametrize(
    ("headers", "statuses"),
    [
        ({"Authorization": "Bearer nothing"}, {401}),
        ({"Authorization": ""}, {401}),
        ({"Host": "evil.example"}, {403}),
        ({"Content-Type": "image/png"}, {415}),
        ({"Content-Encoding": "rot13"}, {415}),
    ],
)
def test_refusals(
    server: ServerProcess,
    mine: dict[str, str],
    services: dict[str, str],
    path: str,
    headers: dict[str, str],
    statuses: set[int],
) -> None:
    given = {**(mine if path == UWS else services), **headers}
    body = b"SECONDS=0" if path == UWS else json.dumps(NEW).encode()
    assert both(server, path, body, given) in statuses


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b"--x\r\n\r\n\r\n--x--"),
        ("Multipart/Form-Data; boundary=x", b"--x\r\n\r\n\r\n--x--"),
    ],
)
def test_parts_that_cannot_be_read_are_refused(
    server: ServerProcess, mine: dict[str, str], kind: str, body: bytes
) -> None:
    assert both(server, UWS, body, {**mine, "Content-Type": kind}) == 422


def test_a_token_of_no_service_is_refused(
    server: ServerProcess, mine: dict[str, str]
) -> None:
    given = {**mine, "Content-Type": "application/json"}
    assert both(server, WOBBLY, json.dumps(NEW).encode(), given) == 403


def test_jobs_made_on_both_ways_are_there_and_counted(
    server: ServerProcess, http: httpx.Client, mine: dict[str, str]
) -> None:
    def counted() -> int:
        text = http.get("/metrics").text
        found = re.search(
            r'requests_total\{method="POST",route="/uws/\{kind\}/jobs",status="303"\} '
            r"(\d+)",
            text,
        )
        return int(found[1]) if found else 0

    before = counted()
    listed = http.get(UWS).text.count("jobref id")
    both(server, UWS, b"SECONDS=0", mine)
    assert http.get(UWS).text.count("jobref id") == listed + 2
    assert counted() == before + 2
