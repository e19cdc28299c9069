"""Functions and projections of a facility, in a real server."""

import json
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import pytest
from tests.kinds.test_project import Place, calculated, linked, place, run_of, static

from quire.actions.projecting import site
from quire.errors import InputError

__all__ = ["place"]

FACILITY = """
import time
import numpy as np
from quire.products.projection.functions import Function, FunctionParameter, Takes, Works

def slow(rows):
    while True:
        pass

def greedy(rows):
    return np.zeros(2**31)[: len(rows)]

def broken(rows):
    raise ValueError("as asked")

def short(rows):
    return rows[:1]

def leaves(rows):
    import os
    os._exit(3)

def functions():
    offset = FunctionParameter(name="offset", takes=Takes.NUMBER, default=1.0)
    return [
        Function(name="site:shift", call=lambda rows, offset: rows + offset, version="7",
                 units="same", parameters=(offset,)),
        Function(name="site:ranks", call=lambda rows: rows.argsort().argsort(),
                 works=Works.WHOLE),
        Function(name="site:slow", call=slow, seconds=1.0),
        Function(name="site:greedy", call=greedy, memory_bytes=64 * 2**20),
        *(Function(name=f"site:{one.__name__}", call=one) for one in (broken, short, leaves)),
    ]
"""


def test_functions_of_a_facility(tmp_path: Path) -> None:
    packages = tmp_path / "packages"
    told = packages / "site_functions-1.0.dist-info"
    told.mkdir(parents=True)
    (packages / "site_functions.py").write_text(FACILITY)
    (told / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: site-functions\nVersion: 1.0\n"
    )
    (told / "entry_points.txt").write_text(
        "[quire.functions]\nsite = site_functions:functions\n"
    )
    place = Place(tmp_path, {"PYTHONPATH": str(packages)})
    names = ("slow", "greedy", "broken", "short", "leaves")
    entries = {f"/entry/{name}": calculated(f"site:{name}") for name in names}
    entries |= {
        "/entry/shift": calculated("site:shift", offset=2),
        "/entry/default": calculated("site:shift"),
        "/entry/ranks": calculated("site:ranks", field="b"),
        "/entry/wrong": calculated("site:shift", "a text"),
        "/entry/a": linked("a"),
    }
    try:
        job = place.project(place.send(run_of("site", entries)))
        codes = {key: one["code"] for key, one in place.entries(job).items()}
        with h5py.File(place.product(job)) as file:
            entry = file["entry"]
            assert entry["shift"][:].tolist() == [row + 2.5 for row in range(5)]
            assert entry["shift"].attrs["callable_version"] == "7"
            assert entry["shift"].attrs["units"] == "mm"
            assert entry["default"][0] == 1.5
            assert entry["ranks"][:].tolist() == [0, 1, 2, 3, 4]
            assert len(entry["a"]) == 5
    finally:
        place.server.stop()
    assert codes == {
        "/entry/slow": "limit_exceeded",
        "/entry/greedy": "limit_exceeded",
        "/entry/broken": "callable_failed",
        "/entry/short": "callable_failed",
        "/entry/leaves": "limit_exceeded",
        "/entry/shift": "",
        "/entry/default": "",
        "/entry/ranks": "",
        "/entry/wrong": "bad_arguments",
        "/entry/a": "",
    }


def test_functions_and_projections_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "packages").mkdir()
    (tmp_path / "packages" / "beamline.py").write_text(FACILITY)
    content = {
        "name": "shifted",
        "version": "3",
        "configuration": {},
        "projection": {"/entry/a": calculated("site:shift", offset=2)},
    }
    (tmp_path / "shifted.json").write_text(json.dumps(content))
    settings = (
        "[projecting]\n"
        'functions = ["beamline:functions"]\n'
        f"projections = [{json.dumps(str(tmp_path / 'shifted.json'))}]\n"
    )
    environment = {"PYTHONPATH": str(tmp_path / "packages")}
    place = Place(tmp_path, environment, settings)
    try:
        run = place.send(run_of("configured", {"/entry/own": linked("a")}))
        with h5py.File(place.product(place.project(run, "shifted"))) as file:
            assert file["/entry/a"][0] == 2.5
        with h5py.File(place.product(place.project(run))) as file:
            assert "own" in file["entry"]
        told = place.connection.get("/api/v1/projections")
        assert told["configured"] == [content]
        assert "site:shift" in {one["name"] for one in told["functions"]}
    finally:
        place.server.stop()


@pytest.mark.parametrize(
    ("table", "words"),
    [
        ({"functions": ["os.system"]}, "module:callable"),
        ({"functions": ["nowhere:at_all"]}, "nowhere"),
        ({"functions": ["json:dumps"]}, "json:dumps"),
        ({"projections": ["none.json"]}, "none.json"),
        ({"projections": ["bad.json"]}, "bad.json"),
        ({"projections": ["odd.json"]}, "/x"),
        ({"projections": ["generic.json"]}, "generic"),
        ({"funtcions": []}, "funtcions"),
    ],
)
def test_a_table_that_cannot_be_used_says_why(
    table: dict[str, Any], words: str, tmp_path: Path
) -> None:
    odd = {"name": "odd", "version": "1", "configuration": {}}
    (tmp_path / "bad.json").write_text("{")
    (tmp_path / "odd.json").write_text(json.dumps({**odd, "projection": {"/x": 3}}))
    (tmp_path / "generic.json").write_text(
        json.dumps({**odd, "name": "generic", "projection": {"/x": static(1)}})
    )
    with pytest.raises(InputError, match="projecting") as refused:
        site(table, tmp_path)
    assert words in str(refused.value)
