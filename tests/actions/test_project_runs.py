"""Rules that project runs when they close, on a real server."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import httpx
import pytest
from tests.client.serving import until
from tests.kinds.test_project import event, linked, run_of

from quire.actions.project_runs import projection_rules
from quire.client.connection import Connection
from quire.errors import InputError
from quire.testing.campaigns.server import ServerProcess
from quire.testing.documents import as_ndjson, document, make_uid


class Place:
    def __init__(self, folder: Path) -> None:
        self.server = ServerProcess(folder)
        folder.mkdir()
        (folder / "quire.toml").write_text(
            '[projections.good]\nruns = "start.sample = \'Cu\'"\nprojection = "own"\n'
            "[projections.off]\nenabled = false\n"
            '[projections.all]\nformat = "csv"\nfailed = true\n'
            'projection = "generic"\n'
        )
        self.server.start()

    def send(self, body: bytes) -> None:
        with self.server.http() as http:
            kind = {"content-type": "application/x-ndjson"}
            http.post(
                "/api/v1/documents", content=body, headers=kind
            ).raise_for_status()

    def get(self, path: str, **query: str) -> Any:
        address = self.server.address
        with Connection(address.url, address.token) as connection:
            return connection.get(path, **query)

    def switch(self, rule: str, *, on: bool) -> httpx.Response:
        with self.server.http() as http:
            return http.put(f"/api/v1/projections/rules/{rule}", json={"on": on})

    def products(self, uid: str) -> list[str]:
        address = self.server.address
        with Connection(address.url, address.token) as connection:
            found = connection.get("/api/v1/products", run=uid)["products"]
        return [one["file"] for one in found]


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    made = Place(tmp_path / "data")
    yield made
    made.server.stop()


def test_runs_are_projected_when_they_close(place: Place) -> None:
    entries = {"/entry/a": linked("a")}
    copper = run_of("copper", entries, sample="Cu")
    lines = copper.splitlines(keepends=True)
    place.send(b"".join(lines[:-1]))
    place.send(run_of("iron", entries, sample="Fe"))
    iron, uid = make_uid("iron", "start"), make_uid("copper", "start")
    until(lambda: len(place.products(iron)) == 1)
    assert place.products(iron)[0].endswith(".csv")
    assert place.products(uid) == []  # it is open
    place.send(lines[-1])
    until(lambda: len(place.products(uid)) == 2)
    # A late document changes the run: both are made again.
    late = document("event", event("copper", 1, 6, {"a": 9.5, "b": 9, "w": "late"}))
    place.send(as_ndjson([late]))
    until(lambda: len(place.products(uid)) == 4)
    files = {one for one in place.products(uid) if one.endswith(".nxs")}
    rows = set()
    for one in files:
        with h5py.File(place.server.folder / one) as file:
            rows.add(len(file["/entry/a"]))
    assert rows == {5, 6}
    # What was made first is marked: the run has got a document since.
    told = place.get("/api/v1/products", run=uid)["products"]
    stale = {one["file"] for one in told if one["stale"]}
    assert len(stale) == 2
    assert {one["file"] for one in told[:2]}.isdisjoint(stale)
    run = place.get(f"/api/v1/runs/{uid}")
    assert {one["file"] for one in run["products"] if one["stale"]} == stale
    for one in told:
        alone = place.get(f"/api/v1/products/{one['id']}")
        assert alone["stale"] == one["stale"]
    # What was queued is known again after a restart.
    place.server.stop()
    place.server.start()
    place.send(run_of("zinc", entries, sample="Zn"))
    until(lambda: len(place.products(make_uid("zinc", "start"))) == 1)
    assert len(place.products(uid)) == 4
    assert len(place.products(iron)) == 1


def test_a_rule_that_cannot_be_used_is_told() -> None:
    with pytest.raises(InputError, match=r"projections\.x.*formt"):
        projection_rules({"x": {"formt": "nexus"}})


def test_rules_are_switched_and_stay_so(place: Place) -> None:
    entries = {"/entry/a": linked("a")}
    assert [one["on"] for one in place.get("/api/v1/projections/rules")["rules"]] == [
        True,
        False,
        True,
    ]
    assert place.switch("all", on=False).json()["on"] is False
    assert place.switch("good", on=False).status_code == 200
    place.send(run_of("before", entries, sample="Cu"))
    place.server.stop()
    place.server.start()
    told = {one["name"]: one for one in place.get("/api/v1/projections/rules")["rules"]}
    assert [one["on"] for one in told.values()] == [False, False, False]
    assert told["good"]["by"]
    assert told["good"]["at"]
    assert told["off"]["by"] == ""
    place.switch("good", on=True)
    uid = make_uid("before", "start")
    until(lambda: len(place.products(uid)) == 1)
    assert place.products(uid)[0].endswith(".nxs")
    unknown = place.switch("godo", on=True)
    assert unknown.status_code == 404
    assert "good" in unknown.json()["detail"]
