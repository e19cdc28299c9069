"""The same identity, the same bytes: at any place, and whatever way the run came."""

import json
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from msgspec.structs import replace
from tests.kinds.test_project import (
    Place,
    calculated,
    configured,
    linked,
    run_of,
    static,
)
from tests.writers.reading import READERS

from quire.products.projection.builtin import built_in
from quire.products.projection.entries import read_projection
from quire.products.projection.facts import RunFacts, StreamFacts
from quire.products.projection.identity import identity_inputs, identity_of
from quire.products.projection.resolving import resolve
from quire.testing.documents import make_uid

ENTRIES = {
    "/entry/data/a": linked("a"),
    "/entry/data/w": linked("w"),
    "/entry/data/sum": calculated("numpy:add", "a", "b"),
    "/entry/base/a": linked("a", "baseline"),
    "/entry/mean": calculated("stats:mean"),
    "/entry/dev/exposure": configured("exposure", index=1),
    "/entry/title": static("Å"),
    "/entry/told": static({"b": [1, None], "a": 1.5}),
}


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Place, Place]]:
    """Return two servers that have little in common."""
    one = Place(
        tmp_path_factory.mktemp("east"),
        {"PYTHONHASHSEED": "1", "TZ": "Pacific/Kiritimati", "LC_ALL": "C"},
    )
    two = Place(
        tmp_path_factory.mktemp("west"),
        {"PYTHONHASHSEED": "77", "TZ": "America/St_Johns", "LC_ALL": "C.UTF-8"},
    )
    yield one, two
    one.server.stop()
    two.server.stop()


@pytest.fixture(scope="module")
def run(places: tuple[Place, Place]) -> str:
    """Return a run that came in order here, and in pieces and disorder there."""
    body = run_of("same", ENTRIES, hints={"dimensions": [[["b"], "primary"]]})
    places[0].send(body)
    lines = body.splitlines(keepends=True)
    random.Random(5).shuffle(lines)
    assert b'"start"' not in lines[0][:9]
    with places[1].server.http() as http:
        for line in [*lines, lines[3]]:
            http.post(
                "/api/v1/documents",
                content=line,
                headers={"content-type": "application/x-ndjson"},
            ).raise_for_status()
    return make_uid("same", "start")


@pytest.mark.parametrize("form", READERS)
def test_a_product_is_the_same_everywhere(
    places: tuple[Place, Place], run: str, form: str
) -> None:
    one, two = (place.product(place.project(run, form=form)) for place in places)
    assert one.name == two.name
    assert one.read_bytes() == two.read_bytes()
    stated = [
        json.loads(Path(f"{each}.manifest.json".replace(".fits.", ".")).read_text())
        for each in (one, two)
    ]
    assert stated[0]["inputs"] == stated[1]["inputs"]
    assert stated[0]["id"] == identity_of(stated[0]["inputs"])


def test_all_projections_of_a_run_stand_side_by_side(
    places: tuple[Place, Place],
) -> None:
    body = run_of("several", {"/entry/a": linked("a"), "b": linked("b")})
    start = json.loads(body.splitlines()[0])
    (own,) = start[1]["projections"]
    start[1]["projections"] = [own, {**own, "name": "other"}, {**own, "name": ""}]
    rest = body.split(b"\n", 1)[1]
    run = places[0].send(json.dumps(start).encode() + b"\n" + rest)
    found = READERS["zarr"](places[0].product(places[0].project(run, "*", "zarr")))
    for label in ("own", "other", "2"):
        assert found[f"/{label}/entry/a"][0][0] == 0.5
        assert found[f"/{label}/b"][0] == [0, 1, 2, 3, 4]
    alone = READERS["zarr"](places[0].product(places[0].project(run, "2", "zarr")))
    assert set(alone) == {"/entry/a", "/b"}


FACTS = RunFacts(
    uid="u",
    start={"uid": "u", "time": 1.0},
    stop={"uid": "s", "time": 2.0},
    streams={
        "primary": StreamFacts(
            name="primary",
            rows=3,
            digest="d",
            descriptors=({"uid": "x", "configuration": {}},),
            columns={"a": pa.field("data/a", pa.float64())},
        )
    },
)
CONTENT = {"name": "n", "version": "1", "projection": {"/k": calculated("stats:mean")}}


def inputs(
    facts: RunFacts = FACTS, content: dict[str, Any] = CONTENT, **more: Any
) -> dict[str, Any]:
    projection = read_projection(content, str(content["name"]))
    resolved = resolve([projection], facts, built_in())
    given = {"form": "nexus", "options": {}, "libraries": {"h5py": "3"}} | more
    return identity_inputs([projection], facts, resolved, **given)


def stream(**more: Any) -> dict[str, Any]:
    streams = {"primary": replace(FACTS.streams["primary"], **more)}
    return inputs(replace(FACTS, streams=streams))


def version(name: str) -> dict[str, Any]:
    registry = built_in()
    registry[name] = replace(registry[name], version="other")
    projection = read_projection(CONTENT, "n")
    resolved = resolve([projection], FACTS, registry)
    return identity_inputs(
        [projection], FACTS, resolved, form="nexus", options={}, libraries={"h5py": "3"}
    )


OTHERS: dict[str, Callable[[], dict[str, Any]]] = {
    "run": lambda: inputs(replace(FACTS, uid="v")),
    "start": lambda: inputs(replace(FACTS, start={"uid": "u", "time": 1})),
    "no stop": lambda: inputs(replace(FACTS, stop=None)),
    "stop": lambda: inputs(replace(FACTS, stop={"uid": "t", "time": 2.0})),
    "rows": lambda: stream(rows=4),
    "events": lambda: stream(digest="e"),
    "descriptors": lambda: stream(descriptors=({"uid": "y", "configuration": {}},)),
    "unreadable": lambda: stream(unreadable={"b": "gone"}),
    "projection's name": lambda: inputs(content={**CONTENT, "name": "m"}),
    "projection's version": lambda: inputs(content={**CONTENT, "version": "2"}),
    "projection's content": lambda: inputs(content={**CONTENT, "configuration": {}}),
    "format": lambda: inputs(form="zarr"),
    "options": lambda: inputs(options={"external": "link"}),
    "callable's version": lambda: version("stats:mean"),
    "library": lambda: inputs(libraries={"h5py": "4"}),
    "executor": lambda: {**inputs(), "executor": "other"},
}


@pytest.mark.parametrize("what", OTHERS)
def test_each_part_of_an_identity_makes_another(what: str) -> None:
    assert identity_of(inputs()) == identity_of(inputs())
    assert identity_of(OTHERS[what]()) != identity_of(inputs())


def test_a_callable_that_is_not_called_is_no_part_of_it() -> None:
    assert identity_of(version("stats:max")) == identity_of(inputs())
