"""Rules that project runs when they close, on a real server."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import httpx
import pytest
from tests.documents.samples import FOLDER
from tests.kinds.test_project import event, linked, run_of

from quire.actions.project_runs import projection_rules
from quire.client.connection import Connection
from quire.errors import InputError
from quire.testing.campaigns.server import ServerProcess
from quire.testing.documents import as_ndjson, document, make_uid
from quire.testing.waiting import until

RULES = (
    "[projections.start]\nenabled = false\n"
    '[projections.good]\nruns = "start.sample = \'Cu\'"\nprojection = "own"\n'
    "[projections.off]\nenabled = false\n"
    '[projections.all]\nformat = "csv"\nfailed = true\n'
    'projection = "generic"\n'
)


class Place:
    def __init__(self, folder: Path, rules: str = RULES) -> None:
        self.server = ServerProcess(folder)
        folder.mkdir()
        (folder / "quire.toml").write_text(rules)
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
    with pytest.raises(InputError, match=r"projections\.start.*enabeld"):
        projection_rules({"start": {"enabeld": False}})
    found = projection_rules({"start": {"format": "zarr"}, "x": {}})
    assert list(found) == ["start", "x"]
    assert (found["start"].declared, found["start"].format) == (True, "zarr")


def test_what_a_start_document_says_is_made(tmp_path: Path) -> None:
    place = Place(tmp_path / "data", "")
    try:
        place.send((FOLDER / "projections.jsonl").read_bytes())
        place.send((FOLDER / "scan.jsonl").read_bytes())
        start = json.loads((FOLDER / "projections.jsonl").read_text().splitlines()[0])
        names = {one["name"] for one in start[1]["projections"]}
        until(lambda: len(place.products(start[1]["uid"])) == len(names))
        made = {one.split(".")[1] for one in place.products(start[1]["uid"])}
        assert made == names
        (rule,) = place.get("/api/v1/projections/rules")["rules"]
        assert (rule["name"], rule["on"]) == ("start", True)
        # A run that says nothing gets nothing, and what is switched off makes nothing.
        assert {one["run_id"] for one in place.get("/api/v1/jobs")["jobs"]} == {"start"}
        place.switch("start", on=False)
        place.send(run_of("silent", {"/entry/a": linked("a")}))
        place.switch("start", on=True)
        until(lambda: len(place.products(make_uid("silent", "start"))) == 1)
        assert len(place.get("/api/v1/jobs")["jobs"]) == len(names) + 1
    finally:
        place.server.stop()


def test_no_run_is_missed_however_many_come_at_once(tmp_path: Path) -> None:
    rule = (
        "[projections.start]\nenabled = false\n"
        '[projections.many]\nprojection = "own"\nformat = "csv"\n'
    )
    place = Place(tmp_path / "data", rule)
    count = 320
    try:
        runs = [bare_run(number) for number in range(count)]
        place.send(b"".join(runs))
        oldest = make_uid("0", "start")
        until(lambda: len(place.products(oldest)) == 1, seconds=60)
        everyone = {make_uid(str(number), "start") for number in range(count)}

        def queued() -> set[str]:
            jobs = place.get("/api/v1/jobs", run_id="many", limit="1000")["jobs"]
            return {one["runs"][0] for one in jobs}

        until(lambda: queued() == everyone, seconds=60)
        # A late document of the oldest is noticed as one of the newest would be.
        late = {"uid": make_uid("late", "d"), "run_start": oldest, "time": 2.0}
        place.send(
            as_ndjson(
                [
                    document(
                        "descriptor",
                        {**late, "name": "x", "data_keys": {}, "configuration": {}},
                    )
                ]
            )
        )
        until(lambda: len(place.get("/api/v1/jobs", run=oldest)["jobs"]) == 2)
    finally:
        place.server.stop()


def bare_run(number: int) -> bytes:
    """Return a run without a stream, the older the smaller its number."""
    uid = make_uid(str(number), "start")
    projection = {
        "name": "own",
        "version": "1",
        "configuration": {},
        "projection": {"/entry/title": {"type": "static", "value": "t"}},
    }
    start = {"uid": uid, "time": 1e9 + number, "projections": [projection]}
    stop = {
        "uid": make_uid(str(number), "stop"),
        "run_start": uid,
        "time": 1e9 + number + 0.5,
        "exit_status": "success",
    }
    return as_ndjson([document("start", start), document("stop", stop)])


def test_rules_are_switched_and_stay_so(place: Place) -> None:
    entries = {"/entry/a": linked("a")}
    assert [one["on"] for one in place.get("/api/v1/projections/rules")["rules"]] == [
        False,
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
    assert [one["on"] for one in told.values()] == [False, False, False, False]
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
