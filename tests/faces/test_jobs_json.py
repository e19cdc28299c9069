import time

import httpx
import pytest

from quire.testing.campaigns.server import ServerProcess
from quire.testing.waiting import PATIENCE, until


def create(http: httpx.Client, key: str = "", **more: object) -> httpx.Response:
    headers = {"idempotency-key": key} if key else {}
    wanted = {"kind": "wait", "parameters": {"SECONDS": 0}, **more}
    return http.post("/api/v1/jobs", json=wanted, headers=headers)


def settled(http: httpx.Client, job: str) -> str:
    def ended() -> str | None:
        found = http.get(f"/api/v1/jobs/{job}", params={"wait": 10}).json()["phase"]
        return None if found in ("PENDING", "QUEUED", "EXECUTING") else str(found)

    return until(ended)


def found(http: httpx.Client, **query: object) -> list[str]:
    answer = http.get("/api/v1/jobs", params=query)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return [job["id"] for job in answer.json()["jobs"]]


def test_the_same_key_makes_one_job(http: httpx.Client) -> None:
    first = create(http, "one", run=True)
    assert first.status_code == 201
    again = create(http, "one", run=True)
    assert again.json()["id"] == first.json()["id"]
    other = create(http, "one", run=False)
    assert other.status_code == 409
    assert create(http, "two", run=True).json()["id"] != first.json()["id"]
    assert create(http, "k" * 300).status_code == 422


def test_jobs_are_found_by_what_is_known_of_them(http: httpx.Client) -> None:
    wanted = {"SECONDS": 0, "STEPS": 77, "FAIL": True}
    job = create(http, parameters=wanted, run=True, run_id="of mine").json()["id"]
    other = create(http, run_id="another").json()["id"]
    assert settled(http, job) == "ERROR"
    assert found(http, **{"parameters.STEPS": 77, "parameters.fail": "true"}) == [job]
    assert found(http, run_id="of mine") == [job]
    assert job in found(http, error="asked_to_fail")
    assert job in found(http, phase="error")
    assert other not in found(http, phase="error")
    assert found(http, kind="merge", run_id="of mine") == []
    assert http.get("/api/v1/jobs?kind=none").json() == {"jobs": [], "next": None}
    assert found(http, owner="nobody") == []
    many = {f"parameters.A{number}": "1" for number in range(9)}
    assert http.get("/api/v1/jobs", params=many).status_code == 422


def test_a_pending_job_may_be_changed(http: httpx.Client) -> None:
    job = create(http).json()["id"]
    path = f"/api/v1/jobs/{job}"
    changes = {
        "parameters": {"steps": 4},
        "run_id": "r",
        "execution_duration": 9,
        "destruction": time.time() + 1e6,
    }
    shown = http.patch(path, json=changes).json()
    assert shown["parameters"] == {"SECONDS": 0, "STEPS": 4, "FAIL": False}
    assert (shown["run_id"], shown["execution_duration"]) == ("r", 9)
    assert shown["destruction"] == pytest.approx(changes["destruction"])
    assert http.patch(path, json={"destruction": None}).json()["destruction"] is None
    assert http.patch(path, json={"destruction": 1.0}).status_code == 422
    assert http.patch(path, json={"phase": "RUN"}).status_code == 422
    http.post(f"{path}/abort")
    assert http.patch(path, json={"run_id": "s"}).status_code == 409
    assert http.patch(path, json={"execution_duration": 1}).status_code == 409


def test_a_deleted_job_is_gone(http: httpx.Client) -> None:
    job = create(http).json()["id"]
    assert http.delete(f"/api/v1/jobs/{job}").status_code == 204
    assert http.get(f"/api/v1/jobs/{job}").status_code == 404
    assert http.delete(f"/api/v1/jobs/{job}").status_code == 404


def test_kinds_describe_their_parameters(http: httpx.Client) -> None:
    kinds = http.get("/api/v1/kinds").json()["kinds"]
    assert [kind["kind"] for kind in kinds] == ["merge", "project", "wait"]
    wait = http.get("/api/v1/kinds/wait").json()
    seconds = wait["parameters"][0]
    assert (seconds["name"], seconds["type"], seconds["unit"]) == (
        "SECONDS",
        "number",
        "s",
    )
    assert (seconds["least"], seconds["default"]) == (0, 1.0)
    assert http.get("/api/v1/kinds/none").status_code == 404


def test_a_log_that_is_not_there(http: httpx.Client) -> None:
    job = create(http).json()["id"]
    assert http.get(f"/api/v1/jobs/{job}/log").text == ""
    assert http.get(f"/api/v1/jobs/{job}/log?attempt=3").status_code == 404
    assert http.get(f"/api/v1/jobs/{job}/log?follow=x").status_code == 422
    assert http.get(f"/api/v1/jobs/{job}/results").json() == {"results": []}
    assert http.get(f"/api/v1/jobs/{job}/results/x").status_code == 404


def test_jobs_of_others_are_not_there(
    http: httpx.Client, server: ServerProcess
) -> None:
    job = create(http).json()["id"]
    wanted = {"user": "visitor", "scopes": ["jobs:run"]}
    token = http.post("/api/v1/tokens", json=wanted).json()["token"]
    headers = {"Authorization": f"Bearer {token}"}
    with httpx.Client(
        base_url=server.address.url, headers=headers, timeout=PATIENCE
    ) as visitor:
        for method, path in (
            ("GET", ""), ("DELETE", ""), ("PATCH", ""), ("GET", "/log"),
            ("GET", "/results"), ("POST", "/abort"),
        ):  # fmt: skip
            answer = visitor.request(method, f"/api/v1/jobs/{job}{path}")
            assert answer.status_code == 404, (method, path)
        assert found(visitor) == []
