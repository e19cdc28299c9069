"""Numbers that standard JSON has not, in metadata and configuration."""

import math
from collections.abc import Iterator
from typing import Any

import pytest
from tests.client.test_streams import Place

from quire.testing.documents import as_ndjson, document

ODD = {
    "nan": math.nan,
    "list": [math.inf, -math.inf],
    "great": -(2**70),
    "text": str(2**70),
    "nothing": None,
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("numbers"))
    told = {"source": "test", "dtype": "number", "shape": [], "great": 2**70}
    device = {
        "data": {"gain": math.nan},
        "timestamps": {"gain": 1.0},
        "data_keys": {"gain": told},
    }
    descriptor = {
        "uid": "descriptor",
        "run_start": "run",
        "time": 2.0,
        "name": "primary",
        "data_keys": {"x": told},
        "configuration": {"det": device},
    }
    stop = {"uid": "stop", "run_start": "run", "time": 3.0, "exit_status": "success"}
    documents = [
        document("start", {"uid": "run", "time": 1.0, **ODD}),
        document("descriptor", descriptor),
        document("stop", {**stop, **ODD}),
    ]
    made.send(as_ndjson(documents))
    yield made
    made.server.stop()


def test_metadata_are_what_came(place: Place) -> None:
    catalog = place.catalog
    # NaN equals nothing, itself included.
    for run in (
        catalog["run"],
        catalog[-1],
        next(iter(catalog)),
        catalog["run"].refresh(),
    ):
        assert repr(run.start) == repr({"uid": "run", "time": 1.0, **ODD})
        assert run.stop is not None
        assert {name: repr(run.stop[name]) for name in ODD} == {
            name: repr(value) for name, value in ODD.items()
        }


def test_configuration_is_what_came(place: Place) -> None:
    stream = place.catalog["run"].primary
    gain = stream.configuration["det"]["gain"]
    assert gain.dtype == float
    assert math.isnan(gain.values[0])
    assert stream.data_keys["x"]["great"] == 2**70


def test_over_http_it_is_standard_json(place: Place) -> None:
    def constant(text: str) -> Any:
        raise AssertionError(text)

    with place.server.http() as http:
        found = http.get("/api/v1/runs/run").json(parse_constant=constant)
        assert (found["start"]["nan"], found["stop"]["great"]) == (None, str(-(2**70)))
        path = "/api/v1/runs/run/streams/primary/configuration"
        (told,) = http.get(path).json(parse_constant=constant)["descriptors"]
        assert told["configuration"]["det"]["data"] == {"gain": None}
        page = http.get("/api/v1/runs", params={"full": "true"})
        (run,) = page.json(parse_constant=constant)["runs"]
        assert run["start"]["list"] == [None, None]
