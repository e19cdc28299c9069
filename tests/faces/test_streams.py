"""Streams as tables and arrays over HTTP."""

import csv
import io
import json
import re
from collections.abc import Iterator
from typing import Any

import httpx
import numpy as np
import pyarrow as pa
import pytest
from tests.documents.samples import FOLDER

from quire.faces.catalog.arrays import part
from quire.testing.campaigns.server import ServerProcess


# Others send the same runs, with the paths of their assets as they stand.
@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ServerProcess]:
    process = ServerProcess(tmp_path_factory.mktemp("streams") / "data")
    process.start()
    yield process
    process.stop()


ASSETS = FOLDER / "assets"
NDJSON = {"content-type": "application/x-ndjson"}


def send(http: httpx.Client, name: str) -> str:
    """Send a run whose files lie where they do; return where its streams are."""
    text = (FOLDER / f"{name}.jsonl").read_text()
    body = text.replace("/example/assets", str(ASSETS))
    http.post("/api/v1/documents", content=body, headers=NDJSON).raise_for_status()
    uid = json.loads(body.splitlines()[0])[1]["uid"]
    return f"/api/v1/runs/{uid}/streams/primary"


def read_arrow(answer: httpx.Response) -> Any:
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-type"] == "application/vnd.apache.arrow.stream"
    with pa.ipc.open_stream(answer.content) as reader:
        return reader.read_all()


def test_a_stranger_s_run_cannot_name_files_of_the_server_s_user(
    http: httpx.Client,
) -> None:
    wanted = {"user": "guest", "scopes": ["runs:ingest", "runs:read"]}
    made = http.post("/api/v1/tokens", json=wanted).json()
    guest = {"authorization": f"Bearer {made['token']}"}
    text = (FOLDER / "external_resource_datum.jsonl").read_text()
    text = text.replace("/example/assets", str(ASSETS))
    # The same run under uids of its own.
    uuid = r"[0-9a-f]{7}([0-9a-f]-[0-9a-f]{4}-[0-9a-f]{4}-)"
    body = re.sub(uuid, r"fffffff\1", text)
    sent = http.post("/api/v1/documents", content=body, headers={**NDJSON, **guest})
    assert sent.json()["refused"] == []
    uid = json.loads(body.splitlines()[0])[1]["uid"]
    keys = [key for key, told in declared(body).items() if "external" in told]
    path = f"/api/v1/runs/{uid}/streams/primary"
    for headers in (guest, {}):
        refused = http.get(f"{path}/arrays/{keys[0]}", headers=headers)
        assert refused.status_code == 422
        assert "asset_roots" in refused.json()["mend"]
    assert http.get(path, headers=guest).status_code == 200
    # Asked for with all that lies in files, the others are given, and this one says why.
    asked = {"format": "arrow", "assets": "true"}
    table = read_arrow(http.get(path, params=asked, headers=guest))
    data = table.schema.field("data").type
    assert b"no roots are declared" in data.field(keys[0]).metadata[b"unreadable"]
    assert len(data) > 1
    named = {"columns": keys[0], "format": "arrow"}
    assert http.get(path, params=named, headers=guest).status_code == 422
    http.delete(f"/api/v1/tokens/{made['id']}").raise_for_status()


def declared(body: str) -> dict[str, Any]:
    every = (json.loads(line) for line in body.splitlines())
    keys: dict[str, Any] = next(
        one["data_keys"] for name, one in every if name == "descriptor"
    )
    return keys


@pytest.fixture
def images(http: httpx.Client) -> str:
    return send(http, "external_resource_datum")


@pytest.fixture
def streamed(http: httpx.Client) -> str:
    return send(http, "external_stream_assets")


def test_a_stream_in_each_format(http: httpx.Client) -> None:
    path = send(http, "scan")
    table = read_arrow(http.get(path, params={"format": "arrow"}))
    shown = http.get(path, params={"format": "json"}).json()
    assert shown["seq_num"] == table["seq_num"].to_pylist()
    rows = table["data"].to_pylist()
    for key, column in shown["data"].items():
        assert column == [row[key] for row in rows]
    text = http.get(path, params={"format": "csv"}).text
    read = list(csv.DictReader(io.StringIO(text)))
    assert [int(row["seq_num"]) for row in read] == shown["seq_num"]
    assert [float(row["motor1"]) for row in read] == shown["data"]["motor1"]
    accepted = http.get(path, headers={"accept": "text/csv"})
    assert accepted.text == text


def test_what_is_asked_for_of_each_event_is_in_each_format(http: httpx.Client) -> None:
    path = send(http, "scan")
    asked = {"uids": "true", "superseded": "true", "columns": "motor1"}
    shown = http.get(path, params={**asked, "format": "json"}).json()
    text = http.get(path, params={**asked, "format": "csv"}).text
    read = list(csv.DictReader(io.StringIO(text)))
    assert [row["uid"] for row in read] == shown["uid"]
    assert [int(row["descriptor"]) for row in read] == shown["descriptor"]
    assert [row["superseded"] for row in read] == [
        str(each) for each in shown["superseded"]
    ]


def test_parts_are_asked_for(http: httpx.Client) -> None:
    path = send(http, "scan")
    asked: dict[str, Any] = {"columns": "motor1,det1", "after": 1, "limit": 2}
    asked["timestamps"] = "false"
    table = read_arrow(http.get(path, params={"format": "arrow", **asked}))
    assert table.column_names == ["seq_num", "time", "data"]
    assert table["seq_num"].to_pylist() == [2, 3]
    assert {field.name for field in table["data"].type} == {"motor1", "det1"}
    for columns in (["det1", "motor1"], '["det1", "motor1"]'):
        again = http.get(path, params={"format": "arrow", **asked, "columns": columns})
        assert read_arrow(again).equals(table)
    asked = {"uids": "true", "format": "arrow"}
    table = read_arrow(http.get(path, params=asked))
    assert table.column_names[:4] == ["seq_num", "time", "uid", "descriptor"]


@pytest.mark.parametrize(
    ("asked", "field"),
    [
        ({"columns": "none"}, "columns"),
        ({"columns": "[1]"}, "columns"),
        ({"limit": "0"}, "limit"),
        ({"after": "x"}, "after"),
        ({"uids": "maybe"}, "uids"),
        ({"assets": "maybe"}, "assets"),
        ({"format": "xls"}, "format"),
    ],
)
def test_what_cannot_be_asked_for(
    http: httpx.Client, asked: dict[str, str], field: str
) -> None:
    answer = http.get(send(http, "scan"), params=asked)
    assert answer.status_code == 422
    assert answer.json()["field"] == field


def test_an_unknown_stream_names_those_that_are(http: httpx.Client) -> None:
    path = send(http, "scan").removesuffix("primary")
    for rest in ("none", "none/configuration", "none/arrays/x"):
        answer = http.get(path + rest)
        assert answer.status_code == 404
        assert "primary" in answer.json()["detail"]


def test_configuration(http: httpx.Client) -> None:
    path = send(http, "multi_stream_configure")
    found = http.get(f"{path}/configuration").json()["descriptors"]
    assert len(found) == 2
    assert all(
        {"uid", "time", "configuration", "data_keys"} <= set(one) for one in found
    )


def test_rewound_rows_on_request(http: httpx.Client) -> None:
    path = send(http, "paused_rewound")
    plain = http.get(path, params={"format": "json"}).json()
    full = http.get(path, params={"format": "json", "superseded": "true"}).json()
    marked = [
        n for n, old in zip(full["seq_num"], full["superseded"], strict=True) if old
    ]
    assert marked == [5, 6]
    assert sorted(plain["seq_num"] + marked) == full["seq_num"]


def test_an_array_as_bytes_as_npy_and_in_words(http: httpx.Client, images: str) -> None:
    expected = np.stack([np.load(ASSETS / f"1a3fad_{n}.npy") for n in range(4)])
    answer = http.get(f"{images}/arrays/img")
    assert answer.headers["quire-dtype"] == "<f8"
    assert answer.headers["quire-shape"] == "4,10,10"
    assert answer.content == expected.tobytes()
    npy = http.get(f"{images}/arrays/img", params={"format": "npy", "slice": "1:3"})
    assert np.array_equal(np.load(io.BytesIO(npy.content)), expected[1:3])
    told = http.get(f"{images}/arrays/img", params={"format": "json"}).json()
    assert told == {"dtype": "<f8", "shape": [4, 10, 10], "seq_nums": [[1, 4]]}
    told = http.get(
        f"{images}/arrays/img", params={"format": "json", "slice": "::2"}
    ).json()
    assert told["seq_nums"] == [[1, 1], [3, 3]]


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        ("0", [0]),
        ("-1", [4]),
        ("1:3", [1, 2]),
        (":2", [0, 1]),
        ("::-1", [4, 3, 2, 1, 0]),
        ("-2:", [3, 4]),
        ("7:9", []),
    ],
)
def test_slices(http: httpx.Client, streamed: str, text: str, rows: list[int]) -> None:
    whole = http.get(f"{streamed}/arrays/cam_image", params={"format": "npy"})
    expected = np.load(io.BytesIO(whole.content))
    assert expected.shape == (5, 1, 4, 5)
    asked = {"format": "npy", "slice": text}
    found = http.get(f"{streamed}/arrays/cam_image", params=asked)
    assert np.array_equal(np.load(io.BytesIO(found.content)), expected[rows])


@pytest.mark.parametrize("text", ["", "a", "1:2:0", "1,2", ":::", "1 2", "9" * 30])
def test_what_is_no_slice(http: httpx.Client, streamed: str, text: str) -> None:
    answer = http.get(f"{streamed}/arrays/cam_image", params={"slice": text})
    assert answer.status_code == 422
    assert answer.json()["field"] == "slice"


def test_slices_are_read_as_python_reads_them() -> None:
    assert part(None) is None
    assert part("1:5:2") == slice(1, 5, 2)
    assert part("-1") == slice(-1, None)


def test_a_key_without_files_says_so(http: httpx.Client, streamed: str) -> None:
    for key in ("det1", "none"):
        answer = http.get(f"{streamed}/arrays/{key}")
        assert answer.status_code == 422
        assert "cam_image" in answer.json()["detail"]


def test_files_in_tables(http: httpx.Client, images: str, streamed: str) -> None:
    expected = np.stack([np.load(ASSETS / f"1a3fad_{n}.npy") for n in range(4)])
    asked = {"format": "json", "assets": "true"}
    shown = http.get(images, params=asked).json()
    assert np.array_equal(shown["data"]["img"], expected)
    plain = http.get(images, params={"format": "json"}).json()
    assert plain["data"]["img"][0].endswith("/0")
    cells = http.get(streamed, params={"format": "csv", "columns": "cam_sum"}).text
    assert len(cells.splitlines()) == 6
    table = read_arrow(http.get(streamed, params={**asked, "format": "arrow"}))
    kind = table.schema.field("data").type.field("cam_image").type
    assert kind == pa.list_(pa.list_(pa.list_(pa.uint16(), 5), 4), 1)


def test_what_cannot_be_read_is_a_problem(http: httpx.Client) -> None:
    text = (FOLDER / "external_stream_assets.jsonl").read_text()
    lines = [json.loads(line) for line in text.splitlines()]
    uid = "00000000-0000-4000-8000-0000000000aa"
    text = text.replace(lines[0][1]["uid"], uid).replace("cam_stream.h5", "none.h5")
    for name, body in lines[1:]:
        if name != "event":
            text = text.replace(body["uid"], body["uid"][:-2] + "zz")
    for body in (body for name, body in lines if name == "event"):
        text = text.replace(body["uid"], body["uid"][:-2] + "zz")
    http.post("/api/v1/documents", content=text, headers=NDJSON).raise_for_status()
    path = f"/api/v1/runs/{uid}/streams/primary"
    for rest in ("/arrays/cam_image", "?columns=cam_image"):
        answer = http.get(path + rest)
        assert answer.status_code == 422, answer.text
        problem = answer.json()
        assert problem["field"] == "/uri"
        assert "none.h5" in problem["detail"]
        assert "stream_resource" in problem["detail"]
    shown = http.get(path, params={"format": "json", "assets": "true"}).json()
    assert shown["data"]["cam_image"] == [None] * 5
    assert shown["data"]["det1"][0] == 5.0
