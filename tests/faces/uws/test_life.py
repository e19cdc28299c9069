"""The whole life of jobs over two faces at once, against what UWS allows."""

from typing import Any

import httpx
import pytest
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

from quire.testing.campaigns.server import ServerProcess

FINAL = {"COMPLETED", "ERROR", "ABORTED"}
MOVING = {"QUEUED", "EXECUTING"}
# What may come of a phase by itself.
FOLLOWERS = {
    "PENDING": {"PENDING"},
    "QUEUED": {"QUEUED", "EXECUTING", "COMPLETED", "ERROR"},
    "EXECUTING": {"EXECUTING", "COMPLETED", "ERROR"},
    **{phase: {phase} for phase in FINAL},
}


class Life(RuleBasedStateMachine):
    """Every step is taken through one face and looked at through the other."""

    jobs = Bundle("jobs")
    http: httpx.Client

    def __init__(self) -> None:
        super().__init__()
        self.phases: dict[str, str] = {}
        self.deleted: set[str] = set()

    def uws(self, job: str) -> str:
        return f"/uws/wait/jobs/{job}"

    def json(self, job: str) -> str:
        return f"/api/v1/jobs/{job}"

    def looked(self, job: str) -> str:
        """Look by both faces; time may pass between the two looks."""
        first = self.http.get(f"{self.uws(job)}/phase").text
        second = str(self.http.get(self.json(job)).json()["phase"])
        assert first in FOLLOWERS[self.phases[job]], (self.phases[job], first)
        assert second in FOLLOWERS[first], (first, second)
        self.phases[job] = second
        return second

    @rule(target=jobs, fail=st.booleans(), long=st.booleans(), run=st.booleans())
    def make_by_uws(self, *, fail: bool, long: bool, run: bool) -> str:
        form = {"SECONDS": "60" if long else "0", "FAIL": str(fail)}
        answer = self.http.post(
            "/uws/wait/jobs", data={**form, **({"PHASE": "RUN"} if run else {})}
        )
        assert answer.status_code == 303
        job = answer.headers["location"].rpartition("/")[2]
        self.phases[job] = "QUEUED" if run else "PENDING"
        return str(job)

    @rule(target=jobs, run=st.booleans())
    def make_by_json(self, *, run: bool) -> str:
        wanted = {"kind": "wait", "parameters": {"SECONDS": 0}, "run": run}
        job = str(self.http.post("/api/v1/jobs", json=wanted).json()["id"])
        self.phases[job] = "QUEUED" if run else "PENDING"
        return job

    @rule(job=jobs, by_uws=st.booleans())
    def run_it(self, job: str, *, by_uws: bool) -> None:
        before = self.looked(job)
        if by_uws:
            form = {"PHASE": "RUN"}
            status = self.http.post(f"{self.uws(job)}/phase", data=form).status_code
        else:
            status = self.http.post(f"{self.json(job)}/run").status_code
        if before == "PENDING":
            assert status in (200, 303)
            self.phases[job] = "QUEUED"
        else:
            assert status == (403 if by_uws else 409)
        self.looked(job)

    @rule(job=jobs, by_uws=st.booleans())
    def abort(self, job: str, *, by_uws: bool) -> None:
        before = self.looked(job)
        if by_uws:
            form = {"PHASE": "ABORT"}
            status = self.http.post(f"{self.uws(job)}/phase", data=form).status_code
        else:
            status = self.http.post(f"{self.json(job)}/abort").status_code
        if status in (200, 303):
            self.phases[job] = "ABORTED"
            assert before not in {"COMPLETED", "ERROR"}
            assert self.http.get(f"{self.uws(job)}/phase").text == "ABORTED"
        else:
            assert status == (403 if by_uws else 409)
            # It may have ended just before.
            assert before in {"COMPLETED", "ERROR"} | MOVING
        self.looked(job)

    @rule(job=jobs)
    def edit(self, job: str) -> None:
        before = self.looked(job)
        answer = self.http.post(f"{self.uws(job)}/parameters", data={"STEPS": "3"})
        assert answer.status_code == (303 if before == "PENDING" else 403)

    @rule(job=jobs)
    def wait(self, job: str) -> None:
        if self.looked(job) in MOVING:
            self.http.get(self.uws(job), params={"WAIT": "1", "PHASE": "QUEUED"})
            self.looked(job)

    @rule(job=consumes(jobs), how=st.sampled_from(["DELETE", "POST", "JSON"]))
    def delete(self, job: str, how: str) -> None:
        match how:
            case "DELETE":
                status = self.http.delete(self.uws(job)).status_code
            case "POST":
                form = {"ACTION": "DELETE"}
                status = self.http.post(self.uws(job), data=form).status_code
            case _:
                status = self.http.delete(self.json(job)).status_code
        assert status in (204, 303)
        del self.phases[job]
        self.deleted.add(job)
        assert self.http.get(self.uws(job)).status_code == 404
        assert self.http.get(self.json(job)).status_code == 404

    @invariant()
    def lists_agree(self) -> None:
        listed = self.http.get("/uws/wait/jobs").text
        assert all(job in listed for job in self.phases)
        assert not any(job in listed for job in self.deleted)

    def teardown(self) -> None:
        for job in self.phases:
            self.http.delete(self.json(job))


@pytest.mark.filterwarnings("ignore::ResourceWarning")
def test_the_life_of_jobs(served: ServerProcess) -> None:
    with served.http() as client:

        class Here(Life):
            http = client

        machine: Any = Here
        run_state_machine_as_test(
            machine,
            settings=settings(
                max_examples=15,
                stateful_step_count=20,
                deadline=None,
                suppress_health_check=[HealthCheck.too_slow],
            ),
        )
