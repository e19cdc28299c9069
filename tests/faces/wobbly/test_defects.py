"""One test for each defect of Wobbly that `reference/wobbly.md` lists, W1 to W14."""

import asyncio
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from quire.testing.campaigns.server import ServerProcess
from quire.testing.waiting import PATIENCE

Make = Callable[..., str]
FUTURE = "2036-12-20T10:00:00Z"
IMAGE = {"id": "image", "url": "s3://bucket/image"}
TABLE = {"id": "table", "url": "s3://bucket/table"}


def patch(client: httpx.Client, number: str, **update: Any) -> httpx.Response:
    return client.patch(f"/jobs/{number}", json=update)


@pytest.mark.parametrize(
    "number",
    ["abc", "0", "-1", "01", "1.0", "9" * 18, "9" * 40, str(2**31), str(2**63), "٣",
     "%00", "1%20", "1e3"],
)  # fmt: skip
def test_w1_no_number_is_an_unknown_job(wobbly: httpx.Client, number: str) -> None:
    for method in ("GET", "DELETE"):
        answer = wobbly.request(method, f"/jobs/{number}")
        assert answer.status_code == 404
        assert answer.json()["detail"][0]["type"] == "unknown_job"


@pytest.mark.parametrize(
    "text",
    [
        '{"a": "\\u0000"}',
        '{"\\u0000": 1}',
        '{"a": [{"b": ["x\\u0000y"]}]}',
        '{"a": 1e999}',
        '{"a": -1e999}',
        '{"a": NaN}',
        '{"a": "\\ud800"}',
        '{"a": 1, "a": 2}',
    ],
)
def test_w2_what_cannot_be_kept_is_refused(wobbly: httpx.Client, text: str) -> None:
    body = f'{{"json_parameters": {text}, "destruction_time": "{FUTURE}"}}'
    answer = wobbly.post("/jobs", content=body)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"][0] == "body"


def test_w3_a_completion_may_be_sent_twice(wobbly: httpx.Client, make: Make) -> None:
    number = make()
    once = patch(wobbly, number, phase="COMPLETED", results=[IMAGE, TABLE])
    again = patch(wobbly, number, phase="COMPLETED", results=[IMAGE, TABLE])
    assert again.status_code == 200
    assert again.json() == once.json()
    twins = patch(wobbly, number, phase="COMPLETED", results=[IMAGE, IMAGE])
    assert twins.status_code == 422
    assert twins.json()["detail"][0]["loc"] == ["body", "results", 1, "id"]


def test_w4_results_after_an_abort_are_merged(wobbly: httpx.Client, make: Make) -> None:
    number = make()
    patch(wobbly, number, phase="COMPLETED", results=[IMAGE])
    other = make()
    patch(wobbly, other, phase="ABORTED")
    patch(wobbly, other, phase="COMPLETED", results=[IMAGE])
    job = patch(wobbly, other, phase="COMPLETED", results=[IMAGE, TABLE]).json()
    assert (job["phase"], job["results"]) == ("ABORTED", [IMAGE, TABLE])


def test_w5_an_abort_leaves_what_is_over(wobbly: httpx.Client, make: Make) -> None:
    number = make()
    done = patch(wobbly, number, phase="COMPLETED", results=[IMAGE]).json()
    assert patch(wobbly, number, phase="ABORTED").json() == done


def test_w6_a_start_leaves_what_is_aborted(wobbly: httpx.Client, make: Make) -> None:
    number = make()
    patch(wobbly, number, phase="EXECUTING", start_time="2026-11-20T10:00:00Z")
    aborted = patch(wobbly, number, phase="ABORTED").json()
    late = patch(wobbly, number, phase="EXECUTING", start_time="2026-11-20T11:00:00Z")
    assert (late.status_code, late.json()) == (200, aborted)


@pytest.mark.parametrize("duration", [None, 0])
def test_w7_a_duration_may_become_unlimited(
    wobbly: httpx.Client, make: Make, duration: int | None
) -> None:
    number = make(execution_duration=600)
    update = {"destruction_time": FUTURE, "execution_duration": duration}
    assert "execution_duration" not in patch(wobbly, number, **update).json()


@pytest.mark.parametrize(
    "field",
    [
        {"execution_duration": -5},
        {"execution_duration": "-5"},
        {"execution_duration": 2**31},
        {"execution_duration": "P1D"},
        {"execution_duration": "nan"},
        {"execution_duration": True},
        {"execution_duration": "1_000"},
        {"destruction_time": "2020-01-01T00:00:00Z"},
        {"destruction_time": -1},
        {"destruction_time": "tomorrow"},
        {"destruction_time": "2036-13-01"},
        {"destruction_time": "1e300"},
        {"destruction_time": True},
        {"destruction_time": None},
        {"destruction_time": "0001-01-01T00:00:00+23:59"},
    ],
)
def test_w8_times_that_cannot_be_meant_are_refused(
    wobbly: httpx.Client, make: Make, field: dict[str, Any]
) -> None:
    new = {"json_parameters": {}, "destruction_time": FUTURE, **field}
    answer = wobbly.post("/jobs", json=new)
    assert answer.status_code == 422
    assert answer.json()["detail"][0]["loc"] == ["body", *field]
    change = {"destruction_time": FUTURE, "execution_duration": 1, **field}
    assert patch(wobbly, make(), **change).status_code == 422


def test_w8_a_destruction_that_stands_may_be_sent_again(
    wobbly: httpx.Client, make: Make
) -> None:
    number = make()
    same = {"destruction_time": FUTURE, "execution_duration": 5}
    assert patch(wobbly, number, **same).status_code == 200
    assert patch(wobbly, number, **same).status_code == 200


async def test_w9_many_writers_of_one_job_all_get_through(
    wobbly: httpx.Client, make: Make, server: ServerProcess
) -> None:
    path = f"/wobbly/jobs/{make()}"
    headers = {"authorization": wobbly.headers["authorization"]}

    async def write(writer: int) -> list[int]:
        update = {"destruction_time": FUTURE, "execution_duration": writer + 1}
        async with httpx.AsyncClient(
            base_url=server.address.url, headers=headers, timeout=PATIENCE
        ) as client:
            answers = [await client.patch(path, json=update) for _ in range(20)]
        return [answer.status_code for answer in answers]

    found = await asyncio.gather(*map(write, range(16)))
    assert [status for statuses in found for status in statuses] == [200] * 320


# W10, expiry of any number of jobs in batches, is tested with `Destroying`.


def test_w10_what_has_expired_is_gone_here(
    wobbly: httpx.Client, make: Make, http: httpx.Client
) -> None:
    number = make()
    owner = wobbly.get(f"/jobs/{number}").json()["owner"]
    (job,) = http.get("/api/v1/jobs", params={"owner": owner}).json()["jobs"]
    assert http.delete(f"/api/v1/jobs/{job['id']}").status_code in {200, 204}
    assert wobbly.get(f"/jobs/{number}").status_code == 404
    assert wobbly.get("/jobs").json() == []


def test_w11_health_is_served(server: ServerProcess) -> None:
    answer = httpx.get(f"{server.address.url}/health", timeout=PATIENCE)
    assert (answer.status_code, answer.json()) == (200, {"status": "healthy"})


def test_w13_a_list_of_everybody_is_a_page(
    wobbly: httpx.Client, http: httpx.Client
) -> None:
    del wobbly
    answer = http.get("/wobbly/admin/jobs")
    assert 'rel="first"' in answer.headers["link"]
    assert len(answer.json()) <= 1000


@pytest.mark.parametrize(
    ("update", "where"),
    [
        ({"phase": "SUSPENDED"}, ["body", "phase"]),
        ({"phase": "queued", "message_id": None}, ["body", "phase"]),
        ({"phase": 5}, ["body", "phase"]),
        ({"phase": []}, ["body", "phase"]),
        ({"phase": "QUEUED"}, ["body", "message_id"]),
        ({"phase": "QUEUED", "message_id": 5}, ["body", "message_id"]),
        ({"phase": "EXECUTING"}, ["body", "start_time"]),
        ({"phase": "EXECUTING", "start_time": None}, ["body", "start_time"]),
        ({"phase": "COMPLETED"}, ["body", "results"]),
        ({"phase": "COMPLETED", "results": {}}, ["body", "results"]),
        ({"phase": "COMPLETED", "results": [5]}, ["body", "results", 0]),
        (
            {"phase": "COMPLETED", "results": [IMAGE, {"id": "x"}]},
            ["body", "results", 1, "url"],
        ),
        (
            {"phase": "COMPLETED", "results": [{**IMAGE, "size": -1}]},
            ["body", "results", 0, "size"],
        ),
        (
            {"phase": "COMPLETED", "results": [{**IMAGE, "size": 1.5}]},
            ["body", "results", 0, "size"],
        ),
        (
            {"phase": "COMPLETED", "results": [{**IMAGE, "url": "a\0"}]},
            ["body", "results", 0, "url"],
        ),
        ({"phase": "ERROR", "errors": []}, ["body", "errors"]),
        (
            {
                "phase": "ERROR",
                "errors": [{"type": "worse", "code": "c", "message": "m"}],
            },
            ["body", "errors", 0, "type"],
        ),
        ([], ["body"]),
        (False, ["body"]),
        ("ABORTED", ["body"]),
    ],
)
def test_w14_an_update_has_one_error_for_one_mistake(
    wobbly: httpx.Client, make: Make, update: Any, where: list[str | int]
) -> None:
    number = make()
    before = wobbly.get(f"/jobs/{number}").json()
    answer = wobbly.patch(f"/jobs/{number}", json=update)
    assert answer.status_code == 422
    (told,) = answer.json()["detail"]
    assert told["loc"] == where
    assert told["msg"]
    assert wobbly.get(f"/jobs/{number}").json() == before


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[[[[", b"\xff", b"5", b'"x"', b"[" * 2000, b"{}"]
)
def test_bodies_that_are_no_job_are_refused(wobbly: httpx.Client, body: bytes) -> None:
    answer = wobbly.post("/jobs", content=body)
    assert answer.status_code == 422
    for told in answer.json()["detail"]:
        assert set(told) == {"type", "loc", "msg"}
        assert told["loc"][0] == "body"
