"""Jobs of a service, driven over two faces at once, against a model of the reference."""

from collections.abc import Callable
from typing import Any

import httpx
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    Bundle,
    RuleBasedStateMachine,
    consumes,
    invariant,
    rule,
    run_state_machine_as_test,
)

FUTURE = "2036-12-20T10:00:00Z"
OVER = {"COMPLETED", "ERROR", "ABORTED"}
REPORTS: dict[str, dict[str, Any]] = {
    "QUEUED": {"message_id": "m"},
    "EXECUTING": {"start_time": "2026-11-20T10:00:00Z"},
    "COMPLETED": {"results": [{"id": "a", "url": "s3://b/a"}]},
    "ERROR": {"errors": [{"type": "fatal", "code": "c", "message": "m"}]},
    "ABORTED": {},
}


def expected(before: str, report: str) -> str:
    """Return the phase behind a report (``reference/wobbly.md``, 5 and 6)."""
    match report:
        case "QUEUED":
            return report if before == "PENDING" else before
        case "EXECUTING":
            return before if before in OVER else report
        case "ABORTED":
            return before if before in OVER else report
        case _:
            return before if before == "ABORTED" else report


class Lives(RuleBasedStateMachine):
    """What a service reports, and what people do with its jobs meanwhile."""

    wobbly: httpx.Client
    http: httpx.Client
    jobs = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self.phases: dict[str, str] = {}
        self.ids: dict[str, str] = {}
        self.told: dict[str, set[str]] = {}
        for job in self.wobbly.get("/jobs").json():
            self.wobbly.delete(f"/jobs/{job['id']}").raise_for_status()

    @rule(target=jobs)
    def create(self) -> str:
        new = {"json_parameters": {}, "destruction_time": FUTURE}
        job = self.wobbly.post("/jobs", json=new).json()
        number: str = job["id"]
        query = {"owner": job["owner"], "limit": 1000}
        found = self.http.get("/api/v1/jobs", params=query).json()["jobs"]
        (fresh,) = {one["id"] for one in found} - set(self.ids.values())
        self.ids[number] = fresh
        self.phases[number], self.told[number] = "PENDING", set()
        return number

    @rule(number=jobs, report=st.sampled_from(sorted(REPORTS)))
    def report(self, number: str, report: str) -> None:
        body = {"phase": report, **REPORTS[report]}
        job = self.wobbly.patch(f"/jobs/{number}", json=body).json()
        self.phases[number] = expected(self.phases[number], report)
        self.told[number].add(report)
        assert job["phase"] == self.phases[number]

    @rule(number=jobs)
    def abort_elsewhere(self, number: str) -> None:
        answer = self.http.post(f"/api/v1/jobs/{self.ids[number]}/abort")
        over = self.phases[number] in {"COMPLETED", "ERROR"}
        assert answer.status_code == (409 if over else 200)
        self.phases[number] = expected(self.phases[number], "ABORTED")

    @rule(number=jobs, verb=st.sampled_from(["run", "retry"]))
    def start_elsewhere(self, number: str, verb: str) -> None:
        answer = self.http.post(f"/api/v1/jobs/{self.ids[number]}/{verb}")
        assert answer.status_code in {409, 422}

    @rule(number=consumes(jobs), here=st.booleans())
    def delete(self, number: str, *, here: bool) -> None:
        if here:
            answer = self.wobbly.delete(f"/jobs/{number}")
        else:
            answer = self.http.delete(f"/api/v1/jobs/{self.ids[number]}")
        assert answer.is_success
        del self.phases[number], self.told[number], self.ids[number]
        assert self.wobbly.get(f"/jobs/{number}").status_code == 404

    @invariant()
    def both_faces_agree(self) -> None:
        listed = self.wobbly.get("/jobs").json()
        assert {job["id"]: job["phase"] for job in listed} == self.phases
        assert [int(job["id"]) for job in listed] == sorted(
            map(int, self.phases), reverse=True
        )
        for job in listed:
            assert self.wobbly.get(f"/jobs/{job['id']}").json() == job
            assert ("results" in job) is ("COMPLETED" in self.told[job["id"]])
            assert ("errors" in job) is ("ERROR" in self.told[job["id"]])
            other = self.http.get(f"/api/v1/jobs/{self.ids[job['id']]}").json()
            assert (other["phase"], other["kind"]) == (job["phase"], job["service"])


def test_both_faces_tell_one_life(
    service: Callable[..., httpx.Client], http: httpx.Client
) -> None:
    clients = {"wobbly": service(), "http": http}
    machine = type("Machine", (Lives,), clients)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=12,
            stateful_step_count=15,
            deadline=None,
            suppress_health_check=list(HealthCheck),
        ),
    )
