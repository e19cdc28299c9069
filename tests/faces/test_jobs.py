import json

import httpx
import pytest
from httpx_sse import connect_sse

from quire.testing.waiting import until


def submit(http: httpx.Client, **parameters: object) -> str:
    wanted = {"kind": "wait", "parameters": parameters, "run": True}
    answer = http.post("/api/v1/jobs", json=wanted)
    assert answer.status_code == 201, answer.text
    job: str = answer.json()["id"]
    return job


def told(
    http: httpx.Client, job: str, after: str = ""
) -> list[tuple[str, str, dict[str, object]]]:
    headers = {"last-event-id": after} if after else {}
    path = f"/api/v1/operations/{job}/events"
    with connect_sse(http, "GET", path, headers=headers) as source:
        return [(one.id, one.event, json.loads(one.data)) for one in source.iter_sse()]


def phase(http: httpx.Client, job: str) -> str:
    found: str = http.get(f"/api/v1/jobs/{job}").json()["phase"]
    return found


def test_a_job_is_done_and_told(http: httpx.Client) -> None:
    job = submit(http, SECONDS=0.2, STEPS=4)
    events = told(http, job)
    assert [number for number, _, _ in events] == [
        str(n) for n in range(1, len(events) + 1)
    ]
    assert events[-1][1] == "complete"
    assert phase(http, job) == "COMPLETED"
    assert told(http, job, after="2") == events[2:]
    last = {"last-event-id": events[-1][0]}
    path = f"/api/v1/operations/{job}/events"
    assert http.get(path, headers=last).status_code == 204
    assert told(http, job, after="garbled") == events


def test_a_job_that_fails_says_why(http: httpx.Client) -> None:
    job = submit(http, SECONDS=0, FAIL=True)
    assert told(http, job)[-1][1] == "failed"
    found = http.get(f"/api/v1/jobs/{job}").json()
    assert found["phase"] == "ERROR"
    assert found["error"]["type"] == "fatal"
    again = http.post(f"/api/v1/jobs/{job}/retry").json()
    assert again["retry_of"] == job
    assert told(http, again["id"])[-1][1] == "failed"


def test_an_abort_is_shown_by_its_own_answer(http: httpx.Client) -> None:
    job = submit(http, SECONDS=60, STEPS=600)
    until(lambda: phase(http, job) == "EXECUTING")
    assert http.post(f"/api/v1/jobs/{job}/abort").json()["phase"] == "ABORTED"
    assert told(http, job)[-1][1] == "failed"
    assert told(http, submit(http, SECONDS=0))[-1][1] == "complete"


def test_jobs_are_listed_by_key(http: httpx.Client) -> None:
    made = [submit(http, SECONDS=0) for _ in range(3)]
    seen: list[str] = []
    cursor: dict[str, str] = {}
    while True:
        page = http.get("/api/v1/jobs", params={"limit": 2, **cursor}).json()
        seen += [job["id"] for job in page["jobs"]]
        if page["next"] is None:
            break
        cursor = {"cursor": page["next"]}
    assert len(seen) == len(set(seen))
    assert [job for job in seen if job in made] == made[::-1]


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"kind": "wat"}, 422),
        ({"kind": "wait", "parameters": {"SECONDS": -1}}, 422),
        ({"kind": "wait", "parameters": {"SECOND": 1}}, 422),
        ({"kind": "wait", "parameters": []}, 422),
        ({"kind": 5}, 422),
        ([], 422),
    ],
)
def test_bad_jobs_are_refused_plainly(
    http: httpx.Client, body: object, status: int
) -> None:
    answer = http.post("/api/v1/jobs", json=body)
    assert answer.status_code == status
    problem = answer.json()
    assert problem["field"]
    assert problem["detail"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/runs?limit=0",
        "/api/v1/runs?limit=x",
        "/api/v1/runs?cursor=x",
        "/api/v1/runs/-1?by=what",
        "/api/v1/jobs?phase=WRONG",
        "/api/v1/jobs?cursor=%00",
        "/api/v1/jobs/%ff",
        "/api/v1/runs/%00",
        "/api/v1/runs/..%2f..%2fetc",
        "/api/v1/products/nothing/file",
        "/api/v1/operations/nothing/events",
        "/nothing",
    ],
)
def test_garbage_is_never_a_500(http: httpx.Client, path: str) -> None:
    answer = http.get(path)
    assert 400 <= answer.status_code < 500
    assert answer.json()["detail"]
