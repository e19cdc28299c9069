"""A run read from the server and from its column files: the same."""

import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.documents.samples import FOLDER
from tests.kinds.test_project import Place, calculated, linked, run_of, static

from quire.client.run_reader import RunOverHttp, UidDigest
from quire.products.projection.executing import BLOCK_ROWS
from quire.runs.columns.layout import DATA
from quire.storage.parquet.files import ParquetFiles
from quire.testing.documents import as_ndjson, document, make_uid
from quire.testing.waiting import until

ROWS = 1200


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("read"))
    yield made
    made.server.stop()


def test_both_ways_give_the_same_rows_and_digest(place: Place) -> None:
    uid = place.send(run_of("both", {}, rows=ROWS))
    files = ParquetFiles(place.server.folder)
    by_http = RunOverHttp(place.connection, uid)
    by_file = RunOverHttp(place.connection, uid, files)
    by_http.run()
    record = place.connection.get(f"/api/v1/runs/{uid}")
    until(lambda: files.find(uid, "primary", record["documents"]))
    by_file.run()
    one, two = by_http.stream("primary"), by_file.stream("primary")
    assert by_file._file("primary") is not None
    assert (one.rows, one.digest) == (two.rows, two.digest) == (ROWS, one.digest)
    assert one.descriptors == two.descriptors
    assert {key: field.type for key, field in one.columns.items()} == {
        key: field.type for key, field in two.columns.items()
    }
    for reader in (by_http, by_file):
        tables = list(reader.rows("primary", ("b",), 1000))
        values = np.concatenate([each.column(DATA + "b").to_numpy() for each in tables])
        assert values.tolist() == list(range(1000))
    assert ROWS < BLOCK_ROWS


SAMPLES = sorted(
    one.name for one in FOLDER.glob("*.jsonl") if "invalid" not in one.name
)


@pytest.mark.parametrize("name", SAMPLES)
def test_a_small_run_read_whole_is_as_the_server_tells_it(
    place: Place, name: str
) -> None:
    with place.server.http() as http:
        answer = http.post(
            "/api/v1/documents",
            content=(FOLDER / name).read_bytes(),
            headers={"content-type": "application/x-ndjson"},
        )
    assert answer.json()["accepted"] + answer.json()["repeated"]
    lines = map(json.loads, (FOLDER / name).read_text().splitlines())
    uids = {body["uid"] for kind, body in lines if kind == "start"}
    for uid in uids:
        whole = RunOverHttp(place.connection, uid)
        told = RunOverHttp(place.connection, uid, whole=False)
        assert whole.run() == told.run()
        for stream in whole.run()[1]:
            one, two = whole.stream(stream), told.stream(stream)
            assert one == two
            fields = tuple(one.columns)
            tables = [
                pa.concat_tables(reader.rows(stream, fields, one.rows))
                for reader in (whole, told)
                if one.rows
            ]
            assert all(each.equals(tables[0]) for each in tables)


@given(
    st.lists(st.text(max_size=5), max_size=30), st.lists(st.integers(0, 30), max_size=5)
)
def test_a_digest_does_not_tell_how_texts_were_cut(
    texts: list[str], cuts: list[int]
) -> None:
    whole, parts = UidDigest(), UidDigest()
    array = pa.array(texts, pa.string())
    whole.update(array)
    places = sorted({0, len(texts), *(one for one in cuts if one < len(texts))})
    for begin, end in pairwise(places):
        parts.update(array.slice(begin, end - begin).cast(pa.large_string()))
    assert whole.hexdigest() == parts.hexdigest()
    other = UidDigest()
    other.update(pa.array(["x", *texts], pa.string()))
    assert other.hexdigest() != whole.hexdigest()


def test_events_that_were_sent_twice_count_once(place: Place) -> None:
    """A page with a new row is stored whole, its repeated rows with it."""
    body = run_of("again", {}, rows=4)
    uid = place.send(body)
    lines = [json.loads(one) for one in body.splitlines()]
    rows = [one for kind, one in lines if kind == "event"][:2]
    new = {**rows[0], "uid": make_uid("again", "new"), "seq_num": 5, "time": 1.8e9}
    page = {
        "descriptor": rows[0]["descriptor"],
        **{
            key: [one[key] for one in (*rows, new)]
            for key in ("uid", "seq_num", "time")
        },
        **{
            key: {name: [one[key][name] for one in (*rows, new)] for name in "abw"}
            for key in ("data", "timestamps")
        },
    }
    with place.server.http() as http:
        http.post(
            "/api/v1/documents",
            content=as_ndjson([document("event_page", page)]),
            headers={"content-type": "application/x-ndjson"},
        ).raise_for_status()
    whole = RunOverHttp(place.connection, uid)
    told = RunOverHttp(place.connection, uid, whole=False)
    assert whole.run() == told.run()
    assert whole.stream("primary") == told.stream("primary")
    assert whole.stream("primary").rows == 5


def test_a_product_has_the_same_bytes_from_either(place: Place) -> None:
    entries = {
        "/entry/a": linked("a"),
        "/entry/w": linked("w"),
        "/entry/s": calculated("numpy:add", "a", "b"),
        "/entry/mean": calculated("stats:mean"),
        "/entry/t": static("t"),
    }
    uid = place.send(run_of("bytes", entries, rows=ROWS))
    made = place.product(place.project(uid))
    whole = made.read_bytes()
    files = ParquetFiles(place.server.folder)
    documents = place.connection.get(f"/api/v1/runs/{uid}")["documents"]
    until(lambda: files.find(uid, "primary", documents))
    # An operator takes the product away; made again, it is the same.
    for one in (made, Path(f"{made}.manifest.json")):
        one.unlink()
    again = place.product(place.project(uid))
    assert again == made
    assert again.read_bytes() == whole
