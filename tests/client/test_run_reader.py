"""A run read from the server and from its column files: the same."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from tests.client.serving import until
from tests.kinds.test_project import Place, calculated, linked, run_of, static

from quire.client.run_reader import RunOverHttp
from quire.products.projection.executing import BLOCK_ROWS
from quire.runs.columns.layout import DATA
from quire.storage.parquet.files import ParquetFiles

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
