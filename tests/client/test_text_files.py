"""Text in files, of one length and of any: columns and arrays, alone and several a row."""

from collections.abc import Iterator
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest
from tests.client.test_streams import Place, streamed

from quire.client.connection import Connection
from quire.client.run_reader import RunOverHttp
from quire.runs.columns.layout import DATA

WORDS = np.array([["on", "µ"], ["", "=1"], ["off", "c"]])


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("texts"))
    with h5py.File(made.files / "texts.h5", "w") as file:
        for name, words in (("one", WORDS[:, 0]), ("two", WORDS)):
            file[f"fixed_{name}"] = np.char.encode(words, "utf-8")
            any_length = h5py.string_dtype()
            file[f"any_{name}"] = words.astype(any_length)
        file["alone"] = "on"
        odd = np.dtype([("a", "i1"), ("b", "f8")], align=True)
        file["odd"] = np.array([(1, 2.5), (3, 4.5)], odd)
    yield made
    made.server.stop()


def run(place: Place, seed: str, dataset: str, rows: int, events: int) -> Any:
    keys = {"cam": {"dtype": "string", "external": "STREAM:"}}
    uri = f"file://localhost{place.files}/texts.h5"
    more = streamed(seed, uri, "application/x-hdf5", rows, dataset=dataset)
    return place.made(seed, keys, [{}] * events, *more)


def as_text(values: Any) -> Any:
    fixed = values.dtype.kind == "S"
    return (np.char.decode(values, "utf-8") if fixed else values).tolist()


@pytest.mark.parametrize("dataset", ["fixed_one", "fixed_two", "any_one", "any_two"])
def test_text_in_files_is_read_as_it_is(place: Place, dataset: str) -> None:
    words = (WORDS[:, 0] if dataset.endswith("one") else WORDS).tolist()
    found = run(place, dataset, dataset, 3, 3)
    for table in (found.primary.table(assets=True), found.primary.table("cam")):
        assert [one["cam"] for one in table["data"].to_pylist()] == words
    assert as_text(found.primary.read()["cam"].values) == words
    array = found["primary", "cam"]
    assert as_text(array[:]) == words
    assert as_text(array[1:]) == words[1:]
    assert array[3:].shape == (0, *np.shape(words)[1:])
    with place.server.http() as http:
        path = f"/api/v1/runs/{found.uid}/streams/primary"
        as_json = http.get(path, params={"columns": "cam", "format": "json"}).json()
        assert as_json["data"]["cam"] == words
        table = http.get(path, params={"columns": "cam", "format": "csv"}).text
        assert "b'" not in table
        refused = http.get(f"{path}/arrays/cam", params={"format": "raw"})
        assert refused.status_code == (422 if dataset.startswith("any") else 200)


@pytest.mark.parametrize("dataset", ["fixed_one", "any_one", "any_two"])
def test_a_product_may_have_text_of_files(place: Place, dataset: str) -> None:
    words = (WORDS[:, 0] if dataset.endswith("one") else WORDS).tolist()
    address = place.server.address
    for events in (0, 3):
        uid = run(place, f"{dataset} {events}", dataset, 3, events).uid
        reader = RunOverHttp(Connection(address.url, address.token), uid)
        reader.run()
        told = reader.stream("primary")
        (table,) = reader.rows("primary", ("cam",), 9)
        assert table[DATA + "cam"].type == told.columns["cam"].type
        assert table[DATA + "cam"].to_pylist() == words


def test_a_text_without_axes_is_one_row(place: Place) -> None:
    found = run(place, "alone", "alone", 1, 1)
    assert found.primary.read()["cam"].values.tolist() == ["on"]


@pytest.mark.filterwarnings("ignore:Stored array in format 3.0")  # of np.save
def test_fields_may_have_names_of_any_alphabet(place: Place) -> None:
    values = np.array([(1, 2.5), (3, 4.5)], [("λ", "i4"), ("名", "f8")])
    with h5py.File(place.files / "letters.h5", "w") as file:
        file["d"] = values
    np.save(place.files / "letters.npy", values)
    for name, media in (("h5", "x-hdf5"), ("npy", "x-npy")):
        uri = (place.files / f"letters.{name}").as_uri()
        told = streamed(name, uri, f"application/{media}", 2, dataset="d")
        keys = {"cam": {"dtype": "array", "external": "STREAM:"}}
        run = place.made(name, keys, [{}, {}], *told)
        found = run["primary", "cam"][:]
        assert found.dtype == values.dtype
        assert np.array_equal(found, values)
        path = f"/api/v1/runs/{run.uid}/streams/primary/arrays/cam"
        with place.server.http() as http:
            answer = http.get(path, params={"format": "npy"})
        assert answer.status_code == 422
        assert answer.json()["mend"] == "raw"


def test_fields_that_are_padded_keep_their_names(place: Place) -> None:
    found = run(place, "odd", "odd", 2, 2)["primary", "cam"]
    assert found.dtype.names == ("a", "b")
    assert found[:].tolist() == [(1, 2.5), (3, 4.5)]
