"""Streams and documents through tiled's own client and bluesky-tiled-plugins."""

import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from bluesky_tiled_plugins import TiledWriter  # type: ignore[import-untyped]
from tests.documents.samples import GOOD
from tests.tiled.conftest import ASSETS, ODD, odd
from tests.tiled.serving import Mounted
from tiled.client.utils import ClientError  # type: ignore[import-untyped]
from tiled.queries import Key  # type: ignore[import-untyped]

from quire.testing.waiting import PATIENCE, until

NAMES = (
    "count",
    "external_resource_datum",
    "external_stream_assets",
    "flyer_event_pages",
    "good_load_1000_events",
    "good_pages_all_types",
    "multi_stream_configure",
    "no_events",
    "paused_rewound",
)
PATHS = [path for path in GOOD if path.stem in NAMES]
pytestmark = [
    pytest.mark.filterwarnings("ignore::quire.client.streams.UnreadableData"),
    # What tiled's client says when it pads ragged rows to make a variable of them.
    pytest.mark.filterwarnings("ignore:Failed to convert ragged"),
]


def own_run(shown: Mounted, path: Path) -> Any:
    first = path.read_bytes().splitlines()[0]
    return shown.own[json.loads(first)[1]["uid"]]


def dense(values: Any, width: int) -> Any:
    """Return ragged rows as tiled's client makes a variable of them."""
    out = np.full((len(values), width), np.nan)
    for place, row in enumerate(values):
        out[place, : len(row)] = row
    return out


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_values_are_those_of_our_own_client(shown: Mounted, path: Path) -> None:
    own = own_run(shown, path)
    run = shown.catalog[own.uid]
    assert list(run) == own.streams
    assert dict(run.start) == own.start
    assert run.stop == own.stop
    for name in own.streams:
        right = own[name].read()
        found = run[name].read()
        assert set(found.data_vars) == set(right.data_vars)
        np.testing.assert_array_equal(found["time"], right["time"])
        for key in map(str, right.data_vars):
            values = right[key].values
            if found[key].ndim > values.ndim:
                values = dense(values, found[key].shape[1])
            np.testing.assert_array_equal(found[key].values, values)
            if values.dtype.kind != "O" and values.ndim == right[key].ndim:
                assert found[key].dtype == values.dtype
                assert found[key].dims == right[key].dims
        times = own[name].timestamps()
        for key in list(map(str, times.data_vars))[:2]:
            column = run[name][f"ts_{key}"]
            np.testing.assert_array_equal(column[:], times[key])
        assert list(run[name]["seq_num"][:]) == list(right["seq_num"])


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_documents_are_the_originals(shown: Mounted, path: Path) -> None:
    own = own_run(shown, path)
    found = list(shown.catalog[own.uid].documents())
    right = list(own.documents())
    assert [name.removesuffix("_page") for name, _ in found] == [
        name.removesuffix("_page") for name, _ in right
    ]
    for (name, body), (original, document) in zip(found, right, strict=True):
        if name == original:
            assert dict(body) == document


def test_a_run_of_odd_values(shown: Mounted) -> None:
    run = shown.catalog[ODD]
    assert run.stop is None
    found = run.primary.read()
    right = shown.own[ODD]["primary"].read()
    assert found["wave"].dims == ("time", "x")
    np.testing.assert_array_equal(found["wave"], right["wave"])
    np.testing.assert_array_equal(found["gaps"], [1.0, np.nan, 3.0])
    assert [json.loads(one) for one in found["mixed"].values] == [
        {"a": 1},
        "text",
        {"a": 3},
    ]
    assert [int(one) for one in found["big"].values] == [2**70 + n for n in (1, 2, 3)]
    assert list(found["on"].values) == [True, False, False]
    np.testing.assert_array_equal(found["shutter"], [1.0, np.nan, 0.0])
    np.testing.assert_array_equal(found["_hidden"], [0.25, 0.5, 0.75])
    np.testing.assert_array_equal(found["time_"], [9.0, 18.0, 27.0])
    np.testing.assert_array_equal(found["words"], [[f"a{n}", "bcd"] for n in (1, 2, 3)])
    assert run["primary", "state"].read().tolist() == ["state 1", "", "state 3"]
    np.testing.assert_array_equal(run["primary/ts_on"][:], [7.0, 14.0, 21.0])
    rows = run["primary", "ragged"].read()
    assert [list(row) for row in rows.tolist()] == [[0], [0, 1], [0, 1, 2]]
    np.testing.assert_array_equal(run.primary["wave"][1:, 0], [1.0, 1.5])
    np.testing.assert_array_equal(run.primary["wave"][::2], right["wave"].values[::2])
    np.testing.assert_array_equal(
        run.primary["wave"].read_block((0, 0)), right["wave"].values
    )
    assert run.primary["wave"].metadata["units"] == "V"
    assert run.primary.metadata["data_keys"]["wave"]["units"] == "V"


def test_a_key_whose_file_is_lost_says_why_and_breaks_no_other(shown: Mounted) -> None:
    run = shown.catalog[ODD]
    assert "lost" not in run.primary
    assert "wave" in run.primary
    with pytest.raises(ClientError, match=r"lost cannot be read: .*/nowhere/a\.h5"):
        run["primary", "lost"]
    with pytest.raises(KeyError):
        run["primary", "nosuch"]
    with pytest.raises(KeyError):
        run["nosuch"]


def test_a_file_that_lacks_rows_breaks_no_other(shown: Mounted) -> None:
    found = shown.catalog[ODD].primary.read()
    rows = np.load(ASSETS / "1a3fad_0.npy")
    np.testing.assert_array_equal(found["short"][:2], rows[8:])
    assert np.isnan(found["short"][2]).all()
    np.testing.assert_array_equal(found["_hidden"], [0.25, 0.5, 0.75])


def test_some_variables_alone(shown: Mounted) -> None:
    found = shown.catalog[ODD].primary.read(["wave", "on"])
    assert set(found.data_vars) == {"wave", "on"}


def test_descriptors_and_configuration_of_each(shown: Mounted) -> None:
    run = shown.catalog[ODD]
    gains = [
        one["configuration"]["dev"]["data"]["gain"] for one in run.primary.descriptors
    ]
    assert gains == [2, 4]
    data = shown.catalog.v2[ODD]["primary/data"].read(["wave", "on"])
    assert set(data.data_vars) == {"wave", "on"}
    second = run.v2["primary"]
    assert list(second["config"]["dev"].read()["gain"]) == [2, 4]
    assert list(second["config_timestamps"]["dev"].read()["gain"]) == [1.0, 1.0]
    assert set(second["timestamps"].read(["ts_wave"]).data_vars) == {"ts_wave"}
    np.testing.assert_array_equal(second["data"]["on"][:], [True, False, False])


def test_datum_come_as_pages(shown: Mounted) -> None:
    """The plugins' client knows no document called datum."""
    right = [(one.name.value, one.body) for one in odd()]
    found = [(name, dict(body)) for name, body in shown.catalog[ODD].documents()]
    pages = [body for name, body in found if name == "datum_page"]
    assert [body["datum_id"] for body in pages] == [
        [body["datum_id"]] for name, body in right if name == "datum"
    ]
    assert pages[0]["datum_kwargs"] == {"point_number": [4], "text": ["\u2028"]}
    events = [body for name, body in found if name == "event"]
    assert events == [body for name, body in right if name == "event"]


def test_an_open_run_is_read_as_it_grows(shown: Mounted) -> None:
    path = next(path for path in GOOD if path.stem == "count")
    lines = path.read_text().splitlines()
    uid = json.loads(lines[0])[1]["uid"]
    other = f"{uid[:-4]}beef"
    lines = [line.replace(uid, other) for line in lines]
    catalog = shown.catalog
    told = json.loads(lines[1])[1]["uid"]
    lines = [line.replace(told, f"{told[:-4]}beef") for line in lines]
    for number, line in enumerate(lines[2:-1]):
        event = json.loads(line)[1]["uid"]
        lines[2 + number] = line.replace(event, f"{event[:-4]}beef")
    with shown.server.http() as http:
        for count in (3, len(lines) - 2, len(lines)):
            http.post(
                "/api/v1/documents",
                content="\n".join(lines[:count]),
                headers={"content-type": "application/x-ndjson"},
            )
            rows = min(count, len(lines) - 1) - 2

            def is_shown(rows: int = rows) -> bool:
                return bool(catalog[other].primary.read().sizes["time"] == rows)

            if count == len(lines):  # it has ended, and is shown at once
                assert is_shown()
            else:
                until(is_shown, PATIENCE)


STOCK = ("count", "multi_stream_configure")


def told(stream: Any) -> Any:
    """Return what descriptors say, but for the types that TiledWriter adds."""
    found = []
    for one in stream.descriptors:
        keys = {
            key: {name: what for name, what in each.items() if name != "dtype_numpy"}
            for key, each in one["data_keys"].items()
        }
        same = ("uid", "time", "run_start", "name", "hints")
        found.append((keys, [one.get(name) for name in same]))
    return found


@pytest.mark.parametrize("name", STOCK)
def test_a_run_reads_as_one_that_tiled_writer_wrote(shown: Mounted, name: str) -> None:
    path = next(path for path in GOOD if path.stem == name)
    pairs = [json.loads(line) for line in path.read_text().splitlines()]
    write = TiledWriter(shown.beside)
    for one, document in pairs:
        write(one, document)
    uid = pairs[0][1]["uid"]
    stock, run = shown.beside[uid], shown.catalog[uid]
    assert type(run) is type(stock)
    assert list(run) == list(stock)
    assert dict(run.start) == dict(stock.start)
    assert dict(run.stop) == dict(stock.stop)
    for stream in stock:
        assert type(run[stream]) is type(stock[stream])
        assert set(run[stream]) == set(stock[stream])
        assert run[stream].read().identical(stock[stream].read())
        old, new = stock.v2[stream], run.v2[stream]
        assert set(old["config"]) == set(new["config"])
        for device in old["config"]:
            right = old["config"][device].read()
            assert new["config"][device].read().identical(right)
        assert told(run[stream]) == told(stock[stream])
    # What tiled exports of its own runs is asked for as before.
    assert len(list(stock.documents())) == len(pairs)


def test_nothing_is_written_through_the_mount(shown: Mounted) -> None:
    with pytest.raises(ClientError, match="as documents"):
        shown.catalog.create_container("new")
    with pytest.raises(ClientError, match="as documents"):
        shown.catalog[ODD].base.create_container("new")
    with pytest.raises(ClientError, match="405"):
        shown.catalog[ODD].update_metadata({"a": 1})
    with pytest.raises(ClientError, match="400"):
        list(shown.catalog[ODD].base.search(Key("a") == 1))
    with pytest.raises(ClientError, match="not exported whole"):
        shown.catalog.export(io.BytesIO(), format="application/json")
