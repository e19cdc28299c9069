"""The short way of documents answers as the usual one does."""

import http.client
import json
import socket
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from quire.client.discovery import Address
from quire.testing.campaigns.server import ServerProcess
from quire.testing.raw_client import request
from quire.testing.waiting import PATIENCE

USUAL = {"X-Way": "usual"}
OF_THEIR_TIME = frozenset({"date"})


def start(**more: Any) -> bytes:
    return json.dumps(
        ["start", {"uid": str(uuid.uuid4()), "time": 1.0, **more}]
    ).encode()


def _place(url: str) -> tuple[str, int]:
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 80


def said(
    server: ServerProcess, body: bytes, headers: Mapping[str, str]
) -> tuple[int, dict[str, str], bytes]:
    """Return status, headers and body of an answer."""
    line = http.client.HTTPConnection(*_place(server.address.url), timeout=PATIENCE)
    given = {
        "Authorization": f"Bearer {server.address.token}",
        "Content-Type": "application/x-ndjson",
        **headers,
    }
    line.request("POST", "/api/v1/documents", body, given)
    answer = line.getresponse()
    own = {
        name.lower(): value
        for name, value in answer.getheaders()
        if name.lower() not in OF_THEIR_TIME
    }
    text = answer.read()
    line.close()
    return answer.status, own, text


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b"\n".join([start(), start()]), 200),
        (b"", 200),
        (b"nothing", 422),
        (b'["start",{"uid":1}]', 422),
        (start() + b"\n" + b'["stop",{}]', 200),
        (b"\n" * 3, 200),
        (b'["x",{}]\n' * 100_001, 413),
        (b"\xff\xfe", 422),
    ],
    ids=["taken", "empty", "no json", "refused", "some", "blank", "many", "no text"],
)
def test_both_ways_answer_alike(
    server: ServerProcess, body: bytes, status: int
) -> None:
    short = said(server, body, {})
    usual = said(server, body, USUAL)
    assert short[0] == usual[0] == status
    assert short[1].keys() == usual[1].keys()
    counted = b'"accepted":2,"repeated":0', b'"accepted":0,"repeated":2'
    assert short[2].replace(*counted) == usual[2] or b'"accepted":1' in short[2]


def test_a_conflict_is_told_alike(server: ServerProcess) -> None:
    uid = str(uuid.uuid4())
    said(server, json.dumps(["start", {"uid": uid, "time": 1.0}]).encode(), {})
    other = json.dumps(["start", {"uid": uid, "time": 2.0}]).encode()
    short, usual = said(server, other, {}), said(server, other, USUAL)
    assert short == usual
    assert short[0] == 409


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({"Authorization": "Bearer qt_wrong"}, 401),
        ({"Authorization": "Bearer"}, 401),
        ({"Authorization": "Nothing x"}, 401),
        ({"Host": "elsewhere.example"}, 403),
        ({"Content-Type": "text/plain"}, 415),
    ],
)
def test_who_may_not_is_refused_alike(
    server: ServerProcess, headers: dict[str, str], status: int
) -> None:
    body = start()
    short, usual = said(server, body, headers), said(server, body, {**headers, **USUAL})
    assert short == usual
    assert short[0] == status


def test_a_token_that_was_taken_back_is_good_no_longer(
    server: ServerProcess, http: httpx.Client
) -> None:
    made = http.post("/api/v1/tokens", json={"scopes": ["runs:ingest"]}).json()
    address = server.address
    with socket.create_connection(_place(address.url), timeout=PATIENCE) as wire:
        ours = request(Address(url=address.url, token=made["token"]), start())
        wire.sendall(ours)
        assert wire.recv(65_536).startswith(b"HTTP/1.1 200 ")
        http.delete(f"/api/v1/tokens/{made['id']}").raise_for_status()
        wire.sendall(ours)
        assert wire.recv(65_536).startswith(b"HTTP/1.1 401 ")


def test_the_short_way_is_counted(server: ServerProcess, http: httpx.Client) -> None:
    def counted() -> float:
        route = 'method="POST",route="/api/v1/documents",status="200"'
        lines = http.get("/metrics").text.splitlines()
        return sum(float(one.split()[-1]) for one in lines if route in one)

    before = counted()
    said(server, start(), {})
    assert counted() == before + 1
