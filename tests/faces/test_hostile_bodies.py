"""One corpus of hostile input for every route that takes a body."""

import gzip
import re
import zlib
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
import zstandard

from quire.testing.campaigns.server import ServerProcess

JSON = "application/json"
OWN_ERRORS = (
    "/runs/",  # pages for people
    "/projections/",
    "/uws/",
    "/rest/",
    "/wobbly/",
    "/dpm/",
    "/daq/",
    "/nublado/",
    "/operations/",
)
"""Where another protocol, or a page, says how errors look."""
ENDS_THE_SERVER = ("/dpm/Exit", "/daq/Exit")


def bomb(levels: int) -> bytes:
    data = b" " * 2**24
    for _ in range(levels):
        data = gzip.compress(data)
    return data


BODIES: dict[str, tuple[bytes, dict[str, str]]] = {
    "nothing": (b"", {}),
    "null": (b"null", {}),
    "number": (b"1e999", {}),
    "text": (b'"x"', {}),
    "list": (b"[]", {}),
    "list-of-anything": (b'[null, 1, [], {}, "x", [[]]]', {}),
    "strange-object": (b'{"":null,"__proto__":{},"kind":[],"uid":{}}', {}),
    "wrong-types": (b'{"kind":1,"parameters":[],"name":{},"doc":[],"run":"x"}', {}),
    "broken": (b'{"kind":', {}),
    "no-json": (b"<xml/>", {}),
    "invalid-utf-8": (b'{"kind":"\xff\xfe"}', {}),
    "lone-surrogate": (b'{"kind":"\\ud800","name":"\\udfff"}', {}),
    "nul": (b'{"kind":"a\\u0000b","name":"\\u0000","run":"\\u0000"}', {}),
    "duplicate-key": (b'{"kind":"wait","kind":"merge"}', {}),
    "not-a-number": (b'{"kind":NaN,"parameters":{"SECONDS":Infinity}}', {}),
    "big-integer": (b'{"kind":"wait","parameters":{"SECONDS":%d}}' % 10**400, {}),
    "huge-integer": (b'{"kind":' + b"9" * 5000 + b"}", {}),
    "deep-lists": (b"[" * 100_000, {}),
    "deep-objects": (b'{"kind":' * 50_000 + b"1" + b"}" * 50_000, {}),
    "many-values": (b'{"kind":[' + b"0," * 1_100_000 + b"0]}", {}),
    "long-text": (b'{"kind":"' + b"x" * 100_000 + b'"}', {}),
    "gzip": (gzip.compress(b"{}"), {"content-encoding": "gzip"}),
    "gzip-bomb": (bomb(1) * 64, {"content-encoding": "gzip"}),
    "gzip-twice": (bomb(2), {"content-encoding": "gzip"}),
    "gzip-cut": (gzip.compress(b"{}" * 99)[:-9], {"content-encoding": "gzip"}),
    "no-gzip": (b"{}", {"content-encoding": "gzip"}),
    "zstd-bomb": (zstandard.compress(b" " * 2**26), {"content-encoding": "zstd"}),
    "no-zstd": (b"{}", {"content-encoding": "zstd"}),
    "deflate": (zlib.compress(b"{}"), {"content-encoding": "deflate"}),
    "brotli": (b"{}", {"content-encoding": "br"}),
    "two-encodings": (b"{}", {"content-encoding": "gzip, gzip"}),
    "pickle": (b"\x80\x04N.", {"content-type": "application/python-pickle"}),
    "form": (b"a=b", {"content-type": "multipart/form-data"}),
    "latin-1": (b"{}", {"content-type": "application/json; charset=latin-1"}),
    "strange-type": (
        b"{}",
        {"content-type": ";;;=\xe9".encode("latin-1").decode("latin-1")},
    ),
}
PLACES = (
    "x",
    "%00",
    "..%2f..%2fetc%2fpasswd",
    "%ff%fe",
    "x" * 2000,
    "%F0%9F%94%AC",
    "' OR 1=1",
)


@pytest.fixture(scope="module")
def target(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    process = ServerProcess(tmp_path_factory.mktemp("hostile") / "data")
    process.start()
    with process.http() as client:
        yield client
        assert client.get("/readyz").status_code == 200
        # Some of the bodies ask for a lab and get one, which would outlive the server.
        assert client.delete("/api/v1/labs/-", timeout=60).status_code in {204, 404}
    process.stop()


def writing_routes(target: httpx.Client) -> list[tuple[str, str]]:
    paths = target.get("/openapi.json").json()["paths"]
    found = [
        (method.upper(), path)
        for path, methods in paths.items()
        for method in methods
        if method in {"post", "put", "patch"} and path not in ENDS_THE_SERVER
    ]
    assert ("POST", "/api/v1/documents") in found
    assert ("POST", "/api/v1/jobs") in found
    return found


def check(answer: httpx.Response, path: str) -> None:
    if path.startswith(OWN_ERRORS):
        assert answer.status_code < 500, answer.text
        return
    if answer.status_code < 400:
        return
    assert answer.status_code < 500, (answer.request.method, path, answer.text)
    if answer.headers["content-type"] == JSON:
        # A receipt: the request was read, each of its items refused.
        assert answer.json()["refused"], answer.text
        return
    assert answer.headers["content-type"] == "application/problem+json", path
    problem = answer.json()
    assert problem["status"] == answer.status_code
    assert problem["title"]
    assert problem["detail"]


@pytest.mark.parametrize("name", BODIES)
def test_no_body_breaks_a_route(name: str, target: httpx.Client) -> None:
    body, headers = BODIES[name]
    raw = {"content-type": JSON, **headers}
    encoded = [(key.encode(), value.encode("latin-1")) for key, value in raw.items()]
    for method, path in writing_routes(target):
        url = re.sub(r"\{\w+\}", "x", path)
        check(target.request(method, url, content=body, headers=encoded), path)


@pytest.mark.parametrize("place", PLACES, ids=lambda place: place[:12])
def test_no_path_breaks_a_route(place: str, target: httpx.Client) -> None:
    for method, path in writing_routes(target):
        url = re.sub(r"\{\w+\}", place, path)
        check(target.request(method, url, content=b"{}"), path)


@pytest.mark.parametrize(
    ("name", "status"),
    [
        ("gzip-bomb", 413),
        ("zstd-bomb", 413),
        ("many-values", 413),
        ("deflate", 415),
        ("brotli", 415),
        ("two-encodings", 415),
        ("pickle", 415),
        ("latin-1", 415),
        ("deep-objects", 422),
        ("duplicate-key", 422),
        ("invalid-utf-8", 422),
        ("gzip-cut", 422),
    ],
)
def test_a_record_is_refused_for_what_is_wrong(
    name: str, status: int, target: httpx.Client
) -> None:
    body, headers = BODIES[name]
    answer = target.post(
        "/api/v1/jobs", content=body, headers={"content-type": JSON, **headers}
    )
    assert answer.status_code == status
    assert answer.json()["mend"] or answer.json()["detail"]


def test_nothing_was_written_beside_the_folder(
    target: httpx.Client,
) -> None:
    check(target.post("/api/v1/jobs", content=b"{}"), "/api/v1/jobs")
    folder = Path(target.get("/api/v1/server").json()["data_folder"]).parent
    assert {path.name for path in folder.iterdir()} == {"data", "data.log"}
    assert "Traceback" not in (folder / "data.log").read_text()
