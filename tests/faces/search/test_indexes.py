"""Indexes that an operator adds, over HTTP."""

from pathlib import Path
from typing import Any

import httpx
from tests.faces.search.test_search import numbers

from quire.testing.campaigns.server import ServerProcess
from quire.testing.waiting import until


def ready(http: httpx.Client, path: str) -> bool:
    indexes = http.get("/api/v1/indexes").json()["indexes"]
    return {"path": path, "ready": True} in indexes


def plan(http: httpx.Client, query: str) -> Any:
    answer = http.get("/api/v1/runs/explain", params={"q": query})
    return answer.json()["plan"]


def test_a_range_uses_the_index_once_it_is_made(http: httpx.Client) -> None:
    query = "sample.T in 3..4"
    before = http.get("/api/v1/runs", params={"q": query}).json()
    assert not any("index of" in line for line in plan(http, query))
    made = http.put("/api/v1/indexes/sample.T")
    assert made.json()["path"] == "start.sample.T"
    until(lambda: ready(http, "start.sample.T"))
    assert any("index of start.sample.T" in line for line in plan(http, query))
    after = http.get("/api/v1/runs", params={"q": query}).json()
    assert numbers(after) == numbers(before) == [8, 7, 6]
    assert http.delete("/api/v1/indexes/sample.T").status_code == 204
    assert http.delete("/api/v1/indexes/sample.T").status_code == 404
    again = http.get("/api/v1/runs", params={"q": query}).json()
    assert numbers(again) == [8, 7, 6]


def test_an_index_needs_an_operator_and_a_field(http: httpx.Client) -> None:
    made = http.post(
        "/api/v1/tokens", json={"user": "reader", "scopes": ["runs:read"]}
    ).json()
    reader = {"authorization": f"Bearer {made['token']}"}
    answer = http.put("/api/v1/indexes/sample.T", headers=reader)
    assert answer.status_code == 403
    assert http.put("/api/v1/indexes/plan_nam").status_code == 400
    http.delete(f"/api/v1/tokens/{made['id']}").raise_for_status()


def test_another_rule_numbers_old_runs_anew(tmp_path: Path) -> None:
    server = ServerProcess(tmp_path / "data")
    server.start()
    started = {"uid": "old", "time": 1.0, "scan_id": 5, "beam": {"shift": 31}}
    with server.http() as http:
        http.post("/api/v1/documents", json=[["start", started]]).raise_for_status()
        assert len(http.get("/rest/v1/runs/?min_run=5").json()["results"]) == 1
    server.stop()
    rule = '[numbers]\nexperiment = 8\nrun = "beam.shift"\n'
    field = '[fields."beam.shift"]\ntype = "integer"\ndescription = "The shift."\n'
    (server.folder / "quire.toml").write_text(rule + field)
    server.start()
    with server.http() as http:
        url = "/rest/v1/runs/?min_run=31&min_experiment=8"
        until(lambda: http.get(url).json()["results"])
        wrong = http.get("/api/v1/runs", params={"q": "beam.shift = late"})
        assert wrong.status_code == 400
    server.stop()
