"""More runs than a page counts, and runs that come between two pages."""

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from quire.testing.campaigns.server import ServerProcess

MANY = 10_050
_AT_ONCE = 500
_HERE = "/rest/v1/runs/"


def ingest(http: httpx.Client, starts: list[dict[str, Any]]) -> None:
    headers = {"content-type": "application/x-ndjson"}
    for begin in range(0, len(starts), _AT_ONCE):
        lines = (json.dumps(["start", one]) for one in starts[begin : begin + _AT_ONCE])
        answer = http.post(
            "/api/v1/documents", content="\n".join(lines), headers=headers
        )
        assert answer.json()["refused"] == []


@pytest.fixture(scope="module")
def http(tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    process = ServerProcess(tmp_path_factory.mktemp("many") / "data")
    process.start()
    with process.http() as client:
        starts = [
            {"uid": f"many-{n}", "time": 1e9 + n, "experiment": 5, "run": n}
            for n in range(MANY)
        ]
        ingest(client, starts)
        yield client
    process.stop()


def test_all_runs_are_counted_however_many(http: httpx.Client) -> None:
    assert http.get(_HERE, params={"limit": 1}).json()["count"] == MANY
    found = http.get(_HERE, params={"limit": 1, "min_run": 10}).json()
    assert found["count"] is None
    few = http.get(_HERE, params={"limit": 1, "min_run": MANY - 3}).json()
    assert few["count"] == 3


def test_a_run_is_asked_for_by_the_whole_of_its_uid(http: httpx.Client) -> None:
    """One that is not there is no other whose uid begins so."""
    assert http.get(f"{_HERE}many-1005/").json()["run"] == 1005
    gone = http.get(f"{_HERE}many-1004999/")
    assert (gone.status_code, "detail" in gone.json()) == (404, True)
    other = {"uid": "gone-before-0", "time": 1.0, "experiment": 9, "run": 1}
    ingest(http, [other])
    assert http.get(f"{_HERE}gone-before/").status_code == 404
    assert http.get(f"{_HERE}gone-before-0/").json()["uid"] == "gone-before-0"


def test_what_comes_between_two_pages_moves_nothing(http: httpx.Client) -> None:
    page = http.get(_HERE, params={"limit": 3, "max_run": 6, "max_experiment": 5})
    starts = [
        {"uid": f"late-{name}", "time": 2e9, "experiment": 5, "run": run}
        for name, run in (("a", 1), ("b", 2), ("c", 4), ("d", 6))
    ]
    ingest(http, starts)
    found = [run["run"] for run in page.json()["results"]]
    while following := page.json()["next"]:
        page = http.get(following)
        found += [run["run"] for run in page.json()["results"]]
    # What stands before the page's end is for the next search.
    uids = [0, 1, 2, 3, 4, 4, 5, 6, 6]
    assert found == uids
