"""Streams read through the client from a real server, files and all."""

import json
import pickle
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest
import tifffile
import xarray
from tests.documents.samples import FOLDER

from quire.client.catalog import Catalog, connect
from quire.client.connection import Connection
from quire.client.errors import RefusedInput
from quire.client.run_reader import RunOverHttp
from quire.client.streams import UnreadableData
from quire.errors import InputError
from quire.testing.campaigns.server import ServerProcess
from quire.testing.documents import as_ndjson, document, make_uid
from quire.testing.waiting import until

ASSETS = FOLDER / "assets"


class Place:
    """A server whose settings say where the documents' assets lie."""

    def __init__(self, folder: Path) -> None:
        self.files = folder / "files"
        self.files.mkdir(parents=True)
        self.server = ServerProcess(folder / "data")
        self.server.folder.mkdir()
        (self.server.folder / "quire.toml").write_text(
            f"asset_roots = {json.dumps([str(ASSETS), str(self.files)])}\n"
            "[asset_root_map]\n"
            f'"/example/assets" = {json.dumps(str(ASSETS))}\n'
        )
        self.server.start()
        address = self.server.address
        self.catalog: Catalog = connect(address.url, address.token)

    def send(self, body: bytes) -> None:
        with self.server.http() as http:
            answer = http.post(
                "/api/v1/documents",
                content=body,
                headers={"content-type": "application/x-ndjson"},
            )
            answer.raise_for_status()
            assert not answer.json()["refused"]

    def run(self, name: str) -> Any:
        body = (FOLDER / f"{name}.jsonl").read_bytes()
        self.send(body)
        return self.catalog[json.loads(body.splitlines()[0])[1]["uid"]]

    def made(
        self, seed: str, keys: dict[str, Any], rows: list[dict[str, Any]], *more: Any
    ) -> Any:
        """Send a run whose events hold these rows; `more` are further documents."""
        run, descriptor = make_uid(seed, "start"), make_uid(seed, "descriptor")
        told = {
            key: {"source": "test", "shape": [], **one} for key, one in keys.items()
        }
        head = {"uid": run, "time": 1.7e9, "scan_id": 1}
        described = {
            "uid": descriptor,
            "run_start": run,
            "time": 1.7e9,
            "name": "primary",
            "data_keys": told,
        }
        documents = [document("start", head), document("descriptor", described)]
        documents += [document(name, body) for name, body in more]
        for number, data in enumerate(rows, 1):
            event = {
                "uid": make_uid(seed, number),
                "descriptor": descriptor,
                "seq_num": number,
                "time": 1.7e9 + number,
                "data": data,
                "timestamps": dict.fromkeys(data, 1.7e9 + number / 2),
            }
            documents.append(document("event", event))
        self.send(as_ndjson(documents))
        return self.catalog[run]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("streams"))
    yield made
    made.server.stop()


def streamed(
    seed: str, uri: str, media: str, rows: int, **parameters: Any
) -> list[tuple[str, dict[str, Any]]]:
    """Return the documents that tell of a file's rows under ``cam``."""
    resource = {
        "uid": make_uid(seed, "resource"),
        "run_start": make_uid(seed, "start"),
        "data_key": "cam",
        "mimetype": media,
        "uri": uri,
        "parameters": parameters,
    }
    datum = {
        "uid": make_uid(seed, "datum"),
        "stream_resource": resource["uid"],
        "descriptor": make_uid(seed, "descriptor"),
        "seq_nums": {"start": 1, "stop": rows + 1},
        "indices": {"start": 0, "stop": rows},
    }
    return [("stream_resource", resource), ("stream_datum", datum)]


def test_a_scan_is_a_dataset(place: Place) -> None:
    run = place.run("scan")
    assert "primary" in dir(run)  # where notebooks complete names
    assert run._ipython_key_completions_() == ["primary"]
    assert "motor1" in run.primary._ipython_key_completions_()
    found = run.primary.read()
    assert isinstance(found, xarray.Dataset)
    events = [doc for name, doc in run.documents() if name == "event"]
    assert found.sizes == {"time": len(events)}
    assert found["seq_num"].values.tolist() == [one["seq_num"] for one in events]
    assert found["time"].values.tolist() == [one["time"] for one in events]
    descriptor = next(doc for name, doc in run.documents() if name == "descriptor")
    for key, told in descriptor["data_keys"].items():
        assert found[key].values.tolist() == [one["data"][key] for one in events]
        assert found[key].attrs["source"] == told["source"]
    stamps = run.primary.timestamps()
    for key in descriptor["data_keys"]:
        assert stamps[key].values.tolist() == [one["timestamps"][key] for one in events]
    assert list(run.primary.read("det1", "motor1")) == ["det1", "motor1"]
    assert list(run.primary.read(["motor1"])) == ["motor1"]
    for ask in (run.primary.read, run.primary.__getitem__, run.primary.timestamps):
        with pytest.raises(KeyError, match="'none' is no column"):
            ask("none")


def test_arrays_are_indexed_as_numpy_does(place: Place) -> None:
    run = place.run("scan")
    values = run.primary.read()["motor1"].values
    for array in (run["primary", "motor1"], run["primary"]["motor1"]):
        assert array[:].tolist() == values.tolist()
        assert array[1:3].tolist() == values[1:3].tolist()
        assert array[-1] == values[-1]
    assert run["primary/motor1"].read().tolist() == values.tolist()
    assert np.asarray(run.primary["motor1"]).tolist() == values.tolist()
    with pytest.raises(KeyError, match="no stream"):
        _ = run["none", "x"]


def test_configuration_is_told_by_descriptor(place: Place) -> None:
    run = place.run("multi_stream_configure")
    found = run.primary.read()
    assert sorted(set(found["descriptor"].values.tolist())) == [0, 1]
    told = run.primary.configuration
    descriptors = run.primary.descriptors
    assert len(descriptors) == 2
    for device, data in told.items():
        for key in data:
            expected = [
                one["configuration"][device]["data"][key] for one in descriptors
            ]
            assert data[key].values.tolist() == expected
            keys = descriptors[-1]["configuration"][device]["data_keys"]
            assert data[key].attrs["source"] == keys[key]["source"]


def test_datums_are_arrays(place: Place) -> None:
    run = place.run("external_resource_datum")
    expected = np.stack([np.load(ASSETS / f"1a3fad_{n}.npy") for n in range(4)])
    found = run.primary.read()
    assert found["img"].dims == ("time", "img_dim_0", "img_dim_1")
    assert np.array_equal(found["img"].values, expected)
    assert np.array_equal(found["img"][1:3, 4].values, expected[1:3, 4])
    assert np.array_equal(found["img"][[0, 2]].values, expected[[0, 2]])
    turned = found.isel(time=slice(None, None, -1), img_dim_0=3)
    assert np.array_equal(turned["img"].values, expected[::-1, 3])
    copied = found.copy(deep=True)
    assert float(copied["img"].sum()) == float(found["img"].sum()) == expected.sum()
    for outer in (
        {"time": [3, 0], "img_dim_1": 2},
        {"time": [0, 3], "img_dim_0": [1, 0], "img_dim_1": slice(2, 4)},
        {"time": -1, "img_dim_0": [1, 0]},
        {"time": slice(1, None, 2), "img_dim_0": 1, "img_dim_1": [0, 2]},
    ):
        right = xarray.DataArray(expected, dims=found["img"].dims).isel(outer)
        assert np.array_equal(found["img"].isel(outer).values, right.values)
    array = run["primary", "img"]
    elsewhere, rows = pickle.loads(pickle.dumps((found, array)))  # noqa: S301
    assert np.array_equal(elsewhere["img"].values, expected)
    assert np.array_equal(rows[[0, 2], 1], expected[[0, 2], 1])
    assert (array.shape, array.dtype) == (expected.shape, expected.dtype)
    for index in (
        slice(None),
        slice(1, 3),
        slice(None, None, 2),
        slice(None, None, -1),
        -1,
        (2, 3),
        (slice(1, 3), 0, slice(2, 4)),
        [0, 2],
        slice(3, 1),
    ):
        assert np.array_equal(array[index], expected[index])
    with pytest.raises(IndexError):
        array[4]


def test_streamed_data_are_arrays(place: Place) -> None:
    run = place.run("external_stream_assets")
    with h5py.File(ASSETS / "cam_stream.h5") as file:
        images, sums = file["/entry/data/data"][:5], file["/entry/sum"][:5]
    found = run.primary.read()
    assert found["cam_image"].shape == (5, 1, 4, 5)
    assert np.array_equal(found["cam_image"].values[:, 0], images)
    assert np.array_equal(found["cam_sum"].values.ravel(), sums)
    assert found["det1"].shape == (5,)
    named = run.primary.read("cam_image")
    assert list(named) == ["cam_image"]
    assert np.array_equal(run["primary", "cam_image"][3][0], images[3])


def test_data_in_files_stand_in_the_table_where_asked_for(place: Place) -> None:
    run = place.run("external_stream_assets")
    table = run.primary.table(assets=True, timestamps=False)
    cells = table["data"].combine_chunks().field("cam_image")
    field = table.schema.field("data").type.field("cam_image")
    assert json.loads(field.metadata[b"shape"]) == [1, 4, 5]
    with h5py.File(ASSETS / "cam_stream.h5") as file:
        expected = file["/entry/data/data"][:5]
    assert np.array_equal(np.array(cells.to_pylist())[:, 0], expected)
    assert "cam_image" not in [f.name for f in run.primary.table()["data"].type]
    datums = place.run("external_resource_datum").primary
    assert (
        datums.table("img", assets=False)["data"].to_pylist()[0]["img"].endswith("/0")
    )
    assert len(datums.table("img")["data"].to_pylist()[0]["img"]) == 10


def test_what_cannot_be_read_harms_nothing_else(place: Place) -> None:
    rows = [{"x": 1.5}, {"x": 2.5}]
    keys = {
        "x": {"dtype": "number"},
        "cam": {"dtype": "array", "shape": [2], "external": "STREAM:"},
    }
    uri = f"file://localhost{place.files}/none.npy"
    more = streamed("lost", uri, "application/x-npy", 2)
    primary = place.made("lost", keys, rows, *more).primary
    with pytest.warns(UnreadableData, match=r"cam is left out: .*none\.npy"):
        found = primary.read()
    assert found["x"].values.tolist() == [1.5, 2.5]
    (told,) = found.attrs["unread"]
    assert told.startswith("cam: ")
    assert "none.npy" in told
    with pytest.raises(RefusedInput, match="No such file"):
        primary.read("cam")
    with pytest.raises(RefusedInput, match="No such file"):
        primary["cam"]
    table = primary.table(assets=True)
    field = table.schema.field("data").type.field("cam")
    assert b"No such file" in field.metadata[b"unreadable"]
    with place.server.http() as http:
        path = f"/api/v1/runs/{make_uid('lost', 'start')}/streams/primary"
        as_json = http.get(path, params={"assets": "true", "format": "json"}).json()
    assert as_json["data"] == {"x": [1.5, 2.5], "cam": [None, None]}
    assert "No such file" in as_json["unreadable"]["cam"]
    assert [row["x"] for row in table["data"].to_pylist()] == [1.5, 2.5]


def test_what_lies_outside_the_roots_is_refused(place: Place) -> None:
    keys = {"cam": {"dtype": "array", "shape": [2], "external": "STREAM:"}}
    uri = f"file://localhost{place.files}/../data/token"
    more = streamed("out", uri, "application/x-npy", 1)
    with pytest.raises(RefusedInput, match="leads out"):
        place.made("out", keys, [{}], *more).primary.read("cam")
    uri = f"file://localhost{place.server.folder}/token"
    more = streamed("out2", uri, "application/x-npy", 1)
    with pytest.raises(RefusedInput, match="outside the declared roots"):
        place.made("out2", keys, [{}], *more).primary.read("cam")


def test_rows_that_no_file_has_are_missing(place: Place) -> None:
    frames = np.arange(12, dtype="i2").reshape(2, 2, 3)
    for number, frame in enumerate(frames):
        tifffile.imwrite(place.files / f"gap_{number:03d}.tif", frame)
    keys = {
        "cam": {
            "dtype": "array",
            "shape": [2, 3],
            "external": "STREAM:",
            "dims": ["y", "x"],
            "units": "counts",
        }
    }
    media = "multipart/related;type=image/tiff"
    uri = f"file://localhost{place.files}/"
    more = streamed("gap", uri, media, 2, template="gap_{:03d}.tif")
    found = place.made("gap", keys, [{}, {}, {}], *more).primary.read()
    cam = found["cam"]
    assert cam.dims == ("time", "y", "x")
    assert cam.attrs["units"] == "counts"
    assert np.array_equal(cam.values[:2], frames)
    assert np.isnan(cam.values[2]).all()
    assert np.array_equal(cam[1].values, frames[1])


def test_rows_that_a_file_lacks_are_missing(place: Place) -> None:
    with h5py.File(place.files / "cut.h5", "w") as file:
        file["data"] = np.arange(6, dtype="i4").reshape(2, 3)
    keys = {
        "x": {"dtype": "number"},
        "cam": {"dtype": "array", "shape": [3], "external": "STREAM:"},
    }
    uri = f"file://localhost{place.files}/cut.h5"
    more = streamed("cut", uri, "application/x-hdf5", 4, dataset="data")
    rows = [{"x": float(number)} for number in range(4)]
    primary = place.made("cut", keys, rows, *more).primary
    with pytest.warns(UnreadableData, match="cam lacks 2 rows: .*no frames 2 to 3"):
        found = primary.read().load()
    assert found["x"].values.tolist() == [0, 1, 2, 3]
    assert found["cam"].values[:2].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert np.isnan(found["cam"].values[2:]).all()
    assert "no frames 2 to 3" in found["cam"].attrs["missing"]
    with pytest.warns(UnreadableData, match="cam lacks 2 rows: .*no frames 2 to 3"):
        assert primary["cam"][:].tolist() == [[0, 1, 2], [3, 4, 5]]
    whole = primary.table(assets=True)["data"].to_pylist()
    assert [row["cam"] for row in whole] == [[0, 1, 2], [3, 4, 5], None, None]
    assert primary.table("cam", limit=2)["data"].to_pylist()[1]["cam"] == [3, 4, 5]
    with pytest.raises(RefusedInput, match="no frames 2 to 3"):
        primary.table("cam")


def test_no_product_is_made_of_a_file_that_lacks_rows(place: Place) -> None:
    with h5py.File(place.files / "fly-cut.h5", "w") as file:
        file["data"] = np.arange(3)
    keys = {"cam": {"dtype": "integer", "external": "STREAM:"}}
    uri = f"file://localhost{place.files}/fly-cut.h5"
    more = streamed("fly-cut", uri, "application/x-hdf5", 5, dataset="data")
    run = place.made("fly-cut", keys, [], *more)
    address = place.server.address
    with Connection(address.url, address.token) as connection:
        reader = RunOverHttp(connection, run.uid)
        reader.run()
        assert reader.stream("primary").columns.keys() == {"cam"}
        with pytest.raises(InputError, match="lacks 2 rows"):
            list(reader.rows("primary", ("cam",), 9))
        with pytest.raises(InputError, match="lacks 2 rows"):
            reader.pieces("primary", "cam")


def test_frames_of_length_nothing_harm_no_table(place: Place) -> None:
    np.save(place.files / "thin.npy", np.zeros((2, 0, 3)))
    keys = {
        "x": {"dtype": "number"},
        "cam": {"dtype": "array", "shape": [0, 3], "external": "STREAM:"},
    }
    uri = f"file://localhost{place.files}/thin.npy"
    more = streamed("thin", uri, "application/x-npy", 2)
    primary = place.made("thin", keys, [{"x": 1.5}, {"x": 2.5}], *more).primary
    cells = primary.table(assets=True)["data"].to_pylist()
    assert cells == [{"x": 1.5, "cam": []}, {"x": 2.5, "cam": []}]
    assert primary.read()["cam"].values.shape == (2, 0, 3)


def test_a_part_of_each_frame_is_read(place: Place) -> None:
    cube = np.arange(24).reshape(2, 3, 4)
    with h5py.File(place.files / "part.h5", "w") as file:
        file["data"] = cube
    keys = {"cam": {"dtype": "array", "shape": [2], "external": "STREAM:"}}
    told = {"dataset": "data", "slice": "(:, 1, 1:3)", "squeeze": True}
    uri = f"file://localhost{place.files}/part.h5"
    more = streamed("part", uri, "application/x-hdf5", 2, **told)
    primary = place.made("part", keys, [{}, {}], *more).primary
    assert np.array_equal(primary.read()["cam"].values, cube[:, 1, 1:3])
    assert np.array_equal(primary["cam"][1], cube[1, 1, 1:3])


def test_only_the_rows_that_are_looked_at_are_read(place: Place) -> None:
    rows, size = 100_000, 100_000
    with h5py.File(place.files / "sparse.h5", "w") as file:
        # Ten gigabytes to read, none of them on disk.
        data = file.create_dataset("data", (rows, size), "u1", chunks=(1, size))
        for at in (0, 50_000, 99_999):
            data[at] = at % 251
    keys = {"cam": {"dtype": "array", "shape": [size], "external": "STREAM:"}}
    uri = f"file://localhost{place.files}/sparse.h5"
    more = streamed("sparse", uri, "application/x-hdf5", rows, dataset="data")
    primary = place.made("sparse", keys, [], *more).primary
    lazy = primary.read()["cam"]
    right = [at % 251 for at in (0, 50_000, 99_999)]
    assert lazy.isel(time=slice(None, None, 50_000))[:, 7].values.tolist() == right[:2]
    assert (
        lazy.isel(time=[99_999, 0, 50_000])[:, 7].values.tolist()
        == right[2:] + (right[:2])
    )
    more = streamed("many", uri, "application/x-hdf5", 2600, dataset="data")
    many = place.made("many", keys, [{}] * 2600, *more)
    with place.server.http() as http:
        path = f"/api/v1/runs/{many.uid}/streams/primary"
        told = {"format": "json", "assets": "true"}
        refused = http.get(path, params=told)
        assert refused.status_code == 422
        assert "arrow, csv, or a smaller limit" in refused.text
        assert http.get(path, params={**told, "limit": "2"}).json()["rows"] == 2
    array = primary["cam"]
    assert array[[0, -1]][:, 7].tolist() == [right[0], right[2]]
    assert array[::50_000, 7].tolist() == right[:2]


def test_names_that_need_quotes_are_read(place: Place) -> None:
    keys = {"x": {"dtype": "number"}}
    for name in ("", "a/b", "\u00b5 scan?#%41", "configuration"):
        seed = f"quoted {name}"
        uid = f"run {name} 1?#%41/\u00b5"
        made = place.made(seed, keys, [{"x": 1.5}])
        head, told = made.start, made.descriptors[0]
        head, told = {**head, "uid": uid}, {**told, "name": name, "run_start": uid}
        told["uid"] = make_uid(seed, "other")
        event = {
            "uid": make_uid(seed, "other event"),
            "descriptor": told["uid"],
            "seq_num": 1,
            "time": 1.7e9,
            "data": {"x": 2.5},
            "timestamps": {"x": 1.7e9},
        }
        pairs = [("start", head), ("descriptor", told), ("event", event)]
        place.send(as_ndjson([document(*one) for one in pairs]))
        run = place.catalog[uid].refresh()
        assert next(name for name, _ in run.documents()) == "start"
        assert run.streams == [name]
        assert run[name].read()["x"].values.tolist() == [2.5]
        assert run[name].configuration == {}
        assert run[f"{name}/x"][:].tolist() == [2.5]
        with place.server.http() as http:
            record = http.get(f"/api/v1/runs/{quote(uid, safe='')}").json()
            for link in (
                record["links"]["documents"],
                *record["links"]["streams"].values(),
            ):
                assert http.get(link).status_code == 200


def test_no_data_key_takes_another_s_name(place: Place) -> None:
    row = {"time": 1.0, "time_": 2.0, "seq_num": 3.0}
    keys = {key: {"dtype": "number"} for key in row}
    primary = place.made("names", keys, [row]).primary
    found = primary.read()
    shown = {"time__": 1.0, "time_": 2.0, "seq_num_": 3.0}
    assert {key: found[key].item() for key in found} == shown
    assert set(primary.timestamps()) == set(shown)
    assert {key: primary[key][0] for key in row} == row


def test_a_stream_without_events_has_the_rows_of_its_files(place: Place) -> None:
    np.save(place.files / "fly.npy", np.arange(5.0))
    keys = {"cam": {"dtype": "number", "shape": [], "external": "STREAM:"}}
    uri = f"file://localhost{place.files}/fly.npy"
    more = streamed("fly", uri, "application/x-npy", 5)
    found = place.made("fly", keys, [], *more).primary.read()
    assert found["seq_num"].values.tolist() == [1, 2, 3, 4, 5]
    assert found["cam"].values.tolist() == [0, 1, 2, 3, 4]


def test_rows_of_files_that_no_event_has_are_told_of(place: Place) -> None:
    np.save(place.files / "more.npy", np.arange(5))
    keys = {
        "x": {"dtype": "number"},
        "cam": {"dtype": "number", "external": "STREAM:"},
    }
    uri = f"file://localhost{place.files}/more.npy"
    more = streamed("more", uri, "application/x-npy", 5)
    primary = place.made("more", keys, [{"x": 0.5}, {"x": 1.5}], *more).primary
    with pytest.warns(UnreadableData, match="cam has 3 rows that no event has"):
        found = primary.read()
    assert found["cam"].values.tolist() == [0, 1]
    assert primary["cam"][:].tolist() == [0, 1, 2, 3, 4]


def test_odd_values_do_not_break_a_dataset(place: Place) -> None:
    keys = {
        "time": {"dtype": "number", "units": "s"},
        "a,b": {"dtype": "number"},
        "big": {"dtype": "integer"},
        "lie": {"dtype": "integer"},
        "ragged": {"dtype": "array", "shape": [None]},
        "spectrum": {"dtype": "array", "shape": [3], "dims": ["time"]},
        "state": {"dtype": "string"},
        "switch": {"dtype": "boolean"},
        "gap": {"dtype": "integer"},
    }
    rows: list[dict[str, Any]] = [
        {
            "time": 5.0,
            "a,b": 1.0,
            "big": 2**70,
            "lie": 1,
            "ragged": [1, 2],
            "spectrum": [1, 2, 3],
            "state": "on",
            "switch": True,
            "gap": 2**60 + 1,
        },
        {
            "time": 6.0,
            "a,b": float("nan"),
            "big": 1,
            "lie": "off",
            "ragged": [3],
            "spectrum": [4, 5, 6],
            "state": "µ",
            "switch": False,
        },
    ]
    primary = place.made("odd", keys, rows).primary
    found = primary.read()
    assert found["time"].values.tolist() == [1.7e9 + 1, 1.7e9 + 2]
    assert found["time_"].values.tolist() == [5.0, 6.0]
    assert found["time_"].attrs["units"] == "s"
    assert np.isnan(found["a,b"].values[1])
    assert found["big"].values.tolist() == [2**70, 1]
    assert found["lie"].values.tolist() == [1, "off"]
    assert [one.tolist() for one in found["ragged"].values] == [[1, 2], [3]]
    assert found["spectrum"].dims == ("time", "spectrum_dim_0")
    assert found["spectrum"].values.tolist() == [[1, 2, 3], [4, 5, 6]]
    assert found["state"].values.tolist() == ["on", "µ"]
    assert found["switch"].values.tolist() == [True, False]
    assert found["gap"].values.tolist() == [2**60 + 1, None]
    assert primary.read("a,b")["a,b"].values[0] == 1.0
    assert primary["ragged"][1].tolist() == [3]
    assert primary["time"][0] == 5.0


def test_missing_text_is_none(place: Place) -> None:
    keys = {
        "state": {"dtype": "string"},
        "pair": {"dtype": "array", "shape": [2]},
    }
    rows: list[dict[str, Any]] = [
        {"state": "on", "pair": ["a", None]},
        {"pair": ["b", "c"]},
    ]
    primary = place.made("gaps", keys, rows).primary
    found = primary.read()
    assert found["state"].values.tolist() == ["on", None]
    assert found["pair"].values.tolist() == [["a", None], ["b", "c"]]
    assert found.isel(time=[1, 0])["state"].values.tolist() == [None, "on"]
    assert primary["state"][:].tolist() == ["on", None]


def test_a_closed_stream_is_read_from_its_file_as_from_its_pages(place: Place) -> None:
    run = place.run("good_load_1000_events")
    name = run.streams[0]
    asked = {"uids": True, "superseded": True}
    before = run[name].table(**asked)
    folder = place.server.folder / "streams" / run.uid[:2] / run.uid
    file = until(lambda: list(folder.glob("*.parquet")))[0]
    after = run[name].table(**asked)
    assert after.equals(before, check_metadata=True)
    file.write_bytes(b"broken")
    assert run[name].table(**asked).equals(before, check_metadata=True)
    part = run[name].table(after=700, limit=10)
    assert part["seq_num"].to_pylist() == list(range(701, 711))
