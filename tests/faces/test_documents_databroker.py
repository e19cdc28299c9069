"""databroker's wire: `POST` and `GET /documents/{path}`."""

import json
import uuid
from typing import Any

import httpx
import msgspec
import pytest
from tests.documents.samples import FOLDER

from quire.documents.identity import canonical
from quire.documents.msgpack import read_extension

Pair = tuple[str, dict[str, Any]]


def documents(uid: str) -> list[Pair]:
    text = (FOLDER / "scan.jsonl").read_text()
    own = json.loads(text.splitlines()[0])[1]["uid"]
    pairs = [json.loads(line) for line in text.replace(own, uid).splitlines()]
    fresh = {doc["uid"]: str(uuid.uuid4()) for name, doc in pairs if name != "start"}
    text = json.dumps(pairs)
    for old, new in fresh.items():
        text = text.replace(old, new)
    return [(name, doc) for name, doc in json.loads(text)]


@pytest.fixture
def sent(http: httpx.Client) -> tuple[str, list[Pair]]:
    uid = str(uuid.uuid4())
    pairs = documents(uid)
    for name, doc in pairs:
        answer = http.post("/documents/catalog", json={"name": name, "doc": doc})
        assert answer.status_code == 200
    return uid, pairs


@pytest.mark.parametrize("path", ["/documents", "/documents/", "/documents/a/b"])
def test_any_path_takes_documents(path: str, http: httpx.Client) -> None:
    start = {"uid": str(uuid.uuid4()), "time": 1.0}
    answer = http.post(path, json={"name": "start", "doc": start})
    assert answer.status_code == 200
    assert http.get(f"/api/v1/runs/{start['uid']}").json()["uid"] == start["uid"]


def test_a_sequence_of_lines_comes_back(
    sent: tuple[str, list[Pair]], http: httpx.Client
) -> None:
    uid, pairs = sent
    answer = http.get(f"/documents/catalog/{uid}")
    assert answer.headers["content-type"] == "application/json-seq"
    back = [json.loads(line) for line in answer.text.splitlines()]
    assert canonical(back) == canonical([{"name": n, "doc": d} for n, d in pairs])


def test_a_sequence_of_maps_comes_back(
    sent: tuple[str, list[Pair]], http: httpx.Client
) -> None:
    uid, pairs = sent
    accept = {"accept": "application/x-msgpack"}
    answer = http.get(f"/documents/catalog/{uid}", headers=accept)
    assert answer.headers["content-type"] == "application/x-msgpack"
    import msgpack  # type: ignore[import-untyped]

    reader = msgpack.Unpacker(ext_hook=read_extension, raw=False)
    reader.feed(answer.content)
    back = list(reader)
    assert canonical(back) == canonical([{"name": n, "doc": d} for n, d in pairs])


def test_the_same_again_is_fine_and_other_content_is_not(
    sent: tuple[str, list[Pair]], http: httpx.Client
) -> None:
    uid, ((name, start), *_) = sent
    again = http.post("/documents/x", json={"name": name, "doc": start})
    assert again.status_code == 200
    start["plan_name"] = "another"
    other = http.post("/documents/x", json={"name": name, "doc": start})
    assert other.status_code == 409
    assert other.json()["detail"]
    kept = http.get(f"/documents/{uid}").text.splitlines()[0]
    assert json.loads(kept)["doc"]["plan_name"] == "scan"


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"name":"start","doc":{"uid":"u"}}', 400),
        (b'{"name":"begin","doc":{}}', 400),
        (b'{"name":"start"}', 400),
        (b'[["start",{"uid":"u","time":1}]]', 422),
        (b"", 422),
        (b"{", 400),
    ],
)
def test_what_is_no_document_is_refused(
    body: bytes, status: int, http: httpx.Client
) -> None:
    answer = http.post("/documents/x", content=body)
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["detail"]


def test_assets_are_not_filled(
    sent: tuple[str, list[Pair]], http: httpx.Client
) -> None:
    uid, _ = sent
    assert http.get(f"/documents/{uid}?fill=true").json()["field"] == "fill"
    assert http.get(f"/documents/{uid}?fill=false").status_code == 200
    assert http.get("/documents/no-such-run").status_code == 404


def test_msgpack_maps_hold_their_names_first(
    sent: tuple[str, list[Pair]], http: httpx.Client
) -> None:
    uid, _ = sent
    accept = {"accept": "application/msgpack"}
    content = http.get(f"/documents/{uid}", headers=accept).content
    first = msgspec.msgpack.encode({"name": "start"})[1:]
    assert content[1:].startswith(first)
