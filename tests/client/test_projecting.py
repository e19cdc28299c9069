"""A projection in a notebook has the values of the product's file."""

import json
from collections.abc import Iterator
from pathlib import Path

import h5py  # type: ignore[import-untyped]
import numpy as np
import pytest
from tests.kinds.test_project import (
    Place,
    calculated,
    configured,
    linked,
    run_of,
    static,
)
from tests.kinds.test_project_functions import FACILITY
from typer.testing import CliRunner

from quire.cli.main import app
from quire.client.catalog import connect
from quire.errors import NotFound


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    made = Place(tmp_path_factory.mktemp("notebook"))
    yield made
    made.server.stop()


def test_a_dataset_has_the_values_of_the_file(place: Place) -> None:
    entries = {
        "/entry/a": linked("a"),
        "/entry/words": linked("w"),
        "/entry/base": linked("a", "baseline"),
        "/entry/exposure": configured("exposure", index=1),
        "/entry/sum": calculated("numpy:add", "a", "b"),
        "/entry/mean": calculated("stats:mean"),
        "/entry/title": static("Ä"),
        "/entry/list": static([1, 2, 3]),
        "/entry/none": linked("no_such"),
    }
    uid = place.send(run_of("notebook", entries))
    catalog = connect(place.server.address.url, place.server.address.token)
    run = catalog[uid]
    found = run.project("own")
    with h5py.File(place.product(place.project(uid))) as file:
        for key in entries:
            if key.endswith("none"):
                continue
            stored = file[key]
            values = stored.asstr()[()] if stored.dtype == object else stored[()]
            own = found[key].values
            own = own[()] if own.shape == () and own.dtype == object else own
            assert np.array_equal(own, values), key
            assert found[key].attrs.get("units") == stored.attrs.get("units"), key
    assert found["/entry/a"].dims == ("time",)
    assert found["/entry/base"].dims == ("time_baseline",)
    assert found["time"].values.tolist() == [1.7e9 + row for row in range(1, 6)]
    assert len(found.attrs["issues"]) == 1
    assert "missing_field" in found.attrs["issues"][0]
    assert found.attrs["complete"] == 1
    with pytest.raises(NotFound, match="own"):
        run.project("other")


def test_a_site_s_own_projections_and_functions_are_the_notebook_s(
    tmp_path: Path,
) -> None:
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "beamline.py").write_text(FACILITY)
    entries = {
        "/entry/moved": calculated("site:shift", offset=2),
        "/entry/base": calculated("site:shift", field="a") | {"stream": "baseline"},
        "/entry/a": linked("a"),
        "/entry/never": calculated("site:none"),
    }
    content = {"name": "shifted", "version": "3", "configuration": {}}
    (tmp_path / "shifted.json").write_text(
        json.dumps({**content, "projection": entries})
    )
    settings = (
        "[projecting]\n"
        'functions = ["beamline:functions"]\n'
        f"projections = [{json.dumps(str(tmp_path / 'shifted.json'))}]\n"
    )
    environment = {"PYTHONPATH": str(tmp_path / "packages")}
    place = Place(tmp_path, environment, settings)
    try:
        uid = place.send(run_of("sited", {"/entry/own": linked("a")}))
        run = connect(place.server.address.url, place.server.address.token)[uid]
        found = run.project("shifted")
        with h5py.File(place.product(place.project(uid, "shifted"))) as file:
            for key in ("/entry/moved", "/entry/a"):
                assert np.array_equal(found[key].values, file[key][:]), key
                assert found[key].attrs["units"] == file[key].attrs["units"]
        assert found["/entry/moved"].dims == ("time",)
        assert found["/entry/moved"].attrs["callable_version"] == "7"
        told = {one.partition(": ")[0] for one in found.attrs["issues"]}
        assert told == {"/entry/base", "/entry/never"}
        with pytest.raises(NotFound, match="own"):
            run.project("no such")
        done = CliRunner().invoke(
            app,
            ["projections", "check", uid, "--projection", "shifted", "--json"],
            env={
                "QUIRE_URL": place.server.address.url,
                "QUIRE_TOKEN": place.server.address.token,
            },
        )
        codes = {one["key"]: one["code"] for one in json.loads(done.stdout)["entries"]}
        assert codes == {
            "/entry/moved": "",
            "/entry/base": "",
            "/entry/a": "",
            "/entry/never": "unknown_callable",
        }
    finally:
        place.server.stop()
