"""Streams for pages: many operations by one, and the samples of a run."""

import json
import math
from typing import Any

import httpx
import pytest
from httpx_sse import connect_sse
from tests.web.strict import strictly

from quire.testing.waiting import until

STREAM = "/api/v1/streams/operations"


def job(http: httpx.Client, **parameters: Any) -> str:
    asked = {"kind": "wait", "parameters": parameters, "run": True}
    answer = http.post("/api/v1/jobs", json=asked)
    return str(answer.raise_for_status().json()["id"])


def begun(http: httpx.Client, uid: str) -> None:
    key = {"source": "sim", "dtype": "number", "shape": []}
    start = {"uid": uid, "time": 1.0, "plan_name": "wave"}
    descriptor = {
        "uid": f"{uid}-d",
        "time": 1.0,
        "run_start": uid,
        "name": "primary",
        "data_keys": {"x": key, "det": key},
    }
    documents = [["start", start], ["descriptor", descriptor]]
    http.post("/api/v1/documents", json=documents).raise_for_status()


def grow(
    http: httpx.Client, uid: str, first: int, count: int, *, again: str = ""
) -> None:
    many = range(first, first + count)
    page = {
        "descriptor": f"{uid}-d",
        "uid": [f"{uid}-{one}{again}" for one in many],
        "time": [float(one) for one in many],
        "seq_num": list(many),
        "data": {
            "x": [one / 2 for one in many],
            "det": [50.0 if one == 777 else math.sin(one) for one in many],
        },
        "timestamps": {key: [float(one) for one in many] for key in ("x", "det")},
    }
    http.post("/api/v1/documents", json=[["event_page", page]]).raise_for_status()


def stop(http: httpx.Client, uid: str) -> None:
    ended = {"uid": f"{uid}-s", "time": 9e3, "run_start": uid, "exit_status": "success"}
    http.post("/api/v1/documents", json=[["stop", ended]]).raise_for_status()


def test_many_operations_are_heard_to_their_end_and_then_204(
    http: httpx.Client,
) -> None:
    jobs = [job(http, SECONDS=0.2, STEPS=3, FAIL=fails) for fails in (False, True)]
    with connect_sse(http, "GET", STREAM, params={"id": jobs}) as stream:
        told = list(stream.iter_sse())
    for name, last in zip(jobs, ("complete", "failed"), strict=True):
        own = [one for one in told if json.loads(one.data)["operation"] == name]
        numbers = [json.loads(one.data)["number"] for one in own]
        assert numbers == list(range(1, len(own) + 1))
        assert own[-1].event == last
    ids = [one.id for one in told if one.id]
    query = {"id": jobs, "last_event_id": ids[-1]}
    assert http.get(STREAM, params=query).status_code == 204
    # From an earlier id: what came behind it, and nothing else.
    rest = http.get(STREAM, params={"id": jobs}, headers={"Last-Event-ID": ids[0]})
    again = strictly(rest.content)
    begin = [one.id for one in told].index(ids[0]) + 1
    assert sorted(one.data for one in again) == sorted(one.data for one in told[begin:])
    # Another is added: only of it all is told.
    third = job(http, SECONDS=0, STEPS=1)
    query = {"id": [*jobs, third], "last_event_id": ids[-1]}
    with connect_sse(http, "GET", STREAM, params=query) as stream:
        added = [json.loads(one.data) for one in stream.iter_sse()]
    assert {one["operation"] for one in added} == {third}
    assert added[0]["number"] == 1


def test_without_replay_it_begins_with_the_newest(http: httpx.Client) -> None:
    name = job(http, SECONDS=60, STEPS=600)
    http.post(f"/api/v1/jobs/{name}/abort").raise_for_status()
    query = {"id": name, "replay": "false"}
    with connect_sse(http, "GET", STREAM, params=query) as stream:
        told = list(stream.iter_sse())
    assert [one.event for one in told] == ["failed"]


def test_what_is_not_there_is_told_or_refused(http: httpx.Client) -> None:
    name = job(http, SECONDS=0, STEPS=1)
    with connect_sse(http, "GET", STREAM, params={"id": [name, "nosuch"]}) as stream:
        told = list(stream.iter_sse())
    assert [json.loads(one.data) for one in told if one.event == "gone"] == [
        {"operation": "nosuch"}
    ]
    assert told[-1].event == "complete"
    assert http.get(STREAM, params={"id": "nosuch"}).status_code == 404


@pytest.mark.parametrize(
    "query", [{}, {"topic": "weather"}, {"id": [str(one) for one in range(501)]}]
)
def test_questions_without_sense_are_refused(
    http: httpx.Client, query: dict[str, Any]
) -> None:
    assert http.get(STREAM, params=query).status_code in (413, 422)


def test_the_operation_says_how_fast_it_goes(http: httpx.Client) -> None:
    name = job(http, SECONDS=20, STEPS=100)
    told = until(lambda: _with_end(http, name))
    # It waits 0.2 s a step, and a slow machine longer.
    assert 0 < told["rate"] < 6.5
    assert told["ends"] - told["started"] > 14
    http.post(f"/api/v1/jobs/{name}/abort").raise_for_status()
    over = http.get(f"/api/v1/operations/{name}").json()
    assert (over["rate"], over["ends"]) == (None, None)


def _with_end(http: httpx.Client, name: str) -> dict[str, Any] | None:
    told: dict[str, Any] = http.get(f"/api/v1/operations/{name}").json()
    return told if told["ends"] else None


def test_samples_come_as_a_picture_and_what_follows_it(http: httpx.Client) -> None:
    uid = "samples-1"
    begun(http, uid)
    grow(http, uid, 1, 5000)
    query = {"width": 50, "columns": "det"}
    shown: dict[str, list[float]] = {}
    with connect_sse(
        http, "GET", f"/api/v1/runs/{uid}/samples", params=query
    ) as stream:
        events = stream.iter_sse()
        first = next(events)
        shown = json.loads(first.data)["columns"]
        assert (first.event, json.loads(first.data)["events"]) == ("picture", 5000)
        assert set(shown) == {"seq_num", "time", "det"}
        assert len(shown["det"]) <= 2 * 51 + 2
        assert max(shown["det"]) == 50.0  # one event of 5,000 is not lost
        assert shown["seq_num"][-1] == 5000
        grow(http, uid, 5001, 3)
        second = next(events)
        assert second.event == "samples"
        assert json.loads(second.data)["columns"]["seq_num"] == [5001, 5002, 5003]
        grow(http, uid, 4000, 1, again="-rewound")
        third = next(events)
        assert third.event == "picture"
        stop(http, uid)
        last = list(events)[-1]
    assert (last.event, last.id) == ("end", "over")
    assert json.loads(last.data) == {"status": "success"}
    again = http.get(f"/api/v1/runs/{uid}/samples", headers={"Last-Event-ID": last.id})
    assert again.status_code == 204


def test_samples_of_a_run_that_is_over_are_a_picture_and_the_end(
    http: httpx.Client,
) -> None:
    uid = "samples-2"
    begun(http, uid)
    grow(http, uid, 1, 10)
    stop(http, uid)
    answer = http.get(f"/api/v1/runs/{uid}/samples")
    assert [one.event for one in strictly(answer.content)] == ["picture", "end"]
    refused = http.get(f"/api/v1/runs/{uid}/samples", params={"stream": "nosuch"})
    assert refused.status_code == 422
    assert "primary" in refused.json()["detail"]
    assert http.get("/api/v1/runs/nosuch-run/samples").status_code == 404
