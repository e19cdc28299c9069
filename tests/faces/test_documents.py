import json

import httpx
import pytest
from tests.documents.samples import FOLDER, GOOD, INVALID

NDJSON = {"content-type": "application/x-ndjson"}
JSON = {"content-type": "application/json"}


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_every_run_goes_in_and_comes_out(path, http: httpx.Client) -> None:  # type: ignore[no-untyped-def]  # noqa: ANN001
    body = path.read_bytes()
    answer = http.post("/api/v1/documents", content=body, headers=NDJSON)
    assert answer.status_code == 200
    assert answer.json()["refused"] == []
    sent = [json.loads(line) for line in body.splitlines()]
    uid = sent[0][1]["uid"]
    back = http.get(f"/api/v1/runs/{uid}/documents").text.splitlines()
    mine = [json.dumps(pair) for pair in sent if uid in json.dumps(pair)]
    assert {json.dumps(json.loads(line)) for line in back} >= set(mine)
    assert json.loads(back[0])[0] == "start"


@pytest.mark.parametrize("case", INVALID, ids=lambda case: case[2].replace(" ", "-"))
def test_what_the_schema_refuses_is_refused_with_its_field(
    case: tuple[str, dict[str, object], str, str], http: httpx.Client
) -> None:
    name, document, _, _ = case
    body = json.dumps([[name, document]])
    answer = http.post("/api/v1/documents", content=body, headers=JSON)
    assert answer.status_code == 422
    (refused,) = answer.json()["refused"]
    assert refused["field"].startswith("/")
    assert refused["index"] == 0
    assert refused["name"] == name


def test_a_conflict_is_409_with_both_hashes(http: httpx.Client) -> None:
    lines = (FOLDER / "grid_scan.jsonl").read_bytes()
    http.post("/api/v1/documents", content=lines, headers=NDJSON)
    name, start = json.loads(lines.splitlines()[0])
    start["plan_name"] = "other"
    body = json.dumps({"name": name, "doc": start})
    answer = http.post("/api/v1/documents", content=body, headers=JSON)
    assert answer.status_code == 409
    (refused,) = answer.json()["refused"]
    assert refused["stored_hash"] != refused["received_hash"]
    stored = http.get(f"/api/v1/runs/{start['uid']}").json()
    assert stored["plan_name"] == "grid_scan"


def test_too_much_at_once_is_413(http: httpx.Client) -> None:
    body = b"x" * (16 * 1024**2 + 1)
    answer = http.post("/api/v1/documents", content=body, headers=NDJSON)
    assert answer.status_code == 413
    assert answer.json()["mend"]


def test_chunks_are_counted_too(http: httpx.Client) -> None:
    chunks = (b"x" * 1024**2 for _ in range(17))
    answer = http.post("/api/v1/documents", content=chunks, headers=NDJSON)
    assert answer.status_code == 413


@pytest.mark.parametrize("body", [b"", b"\n", b"[]"])
def test_nothing_is_fine(http: httpx.Client, body: bytes) -> None:
    headers = JSON if body == b"[]" else NDJSON
    answer = http.post("/api/v1/documents", content=body, headers=headers)
    assert answer.json() == {"accepted": 0, "repeated": 0, "refused": []}
