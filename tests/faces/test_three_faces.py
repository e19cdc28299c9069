"""The whole life of jobs over UWS, JSON and Wobbly at once, against one model.

Every step is taken through one face; all jobs are then looked at through each face that
shows them. What runs here moves on by itself, so that of its phase a set is known; what
a service runs moves by reports alone, and its phase is known exactly.
"""

import xml.etree.ElementTree as ET
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
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
from quire.testing.waiting import PATIENCE

OVER = frozenset({"COMPLETED", "ERROR", "ABORTED"})
# What may come of a phase by itself (UWS 1.1, section 2.1.3).
FOLLOWERS = {
    "PENDING": {"PENDING"},
    "QUEUED": {"QUEUED", "EXECUTING", "COMPLETED", "ERROR"},
    "EXECUTING": {"EXECUTING", "COMPLETED", "ERROR"},
    **{phase: {phase} for phase in OVER},
}
REPORTS: dict[str, dict[str, Any]] = {
    "QUEUED": {"message_id": "m"},
    "EXECUTING": {"start_time": "2026-11-20T10:00:00Z"},
    "COMPLETED": {"results": [{"id": "a", "url": "s3://b/a"}]},
    "ERROR": {"errors": [{"type": "fatal", "code": "c", "message": "m"}]},
    "ABORTED": {},
}
FUTURE = 2_113_000_000
UWS = "{http://www.ivoa.net/xml/UWS/v1.0}"
HREF = "{http://www.w3.org/1999/xlink}href"


def reported(before: str, report: str) -> str:
    """Return the phase behind a report (``reference/wobbly.md``, 5 and 6)."""
    if report == "QUEUED":
        return report if before == "PENDING" else before
    if report in {"EXECUTING", "ABORTED"}:
        return before if before in OVER else report
    return before if before == "ABORTED" else report


def iso(seconds: int) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Job:
    """What is known of a job.

    Attributes
    ----------
    number
        Its number in Wobbly, empty for a job that runs here.
    """

    def __init__(self, name: str, phase: str, number: str = "") -> None:
        self.name = name
        self.phase = phase
        self.number = number
        self.destruction: int | None = FUTURE if number else None


class Lives(RuleBasedStateMachine):
    """One user at three faces, and a stranger."""

    user: httpx.Client
    service: httpx.Client
    stranger: httpx.Client
    other_service: httpx.Client
    jobs = Bundle("jobs")

    def __init__(self) -> None:
        super().__init__()
        self.known: dict[str, Job] = {}
        self.gone: set[str] = set()

    # -- making

    @rule(target=jobs, run=st.booleans(), seconds=st.sampled_from(["0", "60"]))
    def make_by_uws(self, *, run: bool, seconds: str) -> Job:
        form = {"SECONDS": seconds, **({"PHASE": "RUN"} if run else {})}
        answer = self.user.post("/uws/wait/jobs", data=form)
        assert answer.status_code == 303
        name = answer.headers["location"].rpartition("/")[2]
        return self._made(Job(name, "QUEUED" if run else "PENDING"))

    @rule(target=jobs, run=st.booleans(), fail=st.booleans())
    def make_by_json(self, *, run: bool, fail: bool) -> Job:
        parameters = {"SECONDS": 0, "FAIL": fail}
        body = {"kind": "wait", "parameters": parameters, "run": run}
        answer = self.user.post("/api/v1/jobs", json=body)
        assert answer.status_code == 201
        return self._made(Job(answer.json()["id"], "QUEUED" if run else "PENDING"))

    @rule(target=jobs)
    def make_by_wobbly(self) -> Job:
        new = {"json_parameters": {"a": 1}, "destruction_time": iso(FUTURE)}
        answer = self.service.post("/jobs", json=new)
        assert answer.status_code == 201
        (fresh,) = {one["id"] for one in self._listed()} - set(self.known)
        return self._made(Job(fresh, "PENDING", answer.json()["id"]))

    # -- moving

    @rule(job=jobs, by_uws=st.booleans())
    def start(self, job: Job, *, by_uws: bool) -> None:
        before = self._looked(job)
        if by_uws:
            answer = self.user.post(f"{self._uws(job)}/phase", data={"PHASE": "RUN"})
        else:
            answer = self.user.post(f"/api/v1/jobs/{job.name}/run")
        if job.number:  # its service alone may
            assert answer.status_code == (404 if by_uws else 409)
        elif before == "PENDING":
            assert answer.is_success or answer.status_code == 303
            job.phase = "QUEUED"
        else:
            assert answer.status_code == (403 if by_uws else 409)

    @rule(job=jobs, by=st.sampled_from(["uws", "json", "wobbly"]))
    def abort(self, job: Job, by: str) -> None:
        before = self._looked(job)
        if by == "wobbly":
            report = {"phase": "ABORTED"}
            answer = self.service.patch(f"/jobs/{job.number or '0'}", json=report)
            assert answer.status_code == (200 if job.number else 404)
        elif by == "json":
            answer = self.user.post(f"/api/v1/jobs/{job.name}/abort")
        else:
            form = {"PHASE": "ABORT"}
            answer = self.user.post(f"{self._uws(job)}/phase", data=form)
        if answer.status_code in {403, 404, 409}:
            hidden = (by == "wobbly") != bool(job.number) and by != "json"
            assert hidden or before not in {"PENDING", "ABORTED"}
        elif before not in OVER or by != "wobbly":
            job.phase = "ABORTED"

    @rule(job=jobs, report=st.sampled_from(sorted(REPORTS)))
    def report(self, job: Job, report: str) -> None:
        body = {"phase": report, **REPORTS[report]}
        answer = self.service.patch(f"/jobs/{job.number or '0'}", json=body)
        assert answer.status_code == (200 if job.number else 404)
        if job.number:
            job.phase = reported(job.phase, report)
            assert answer.json()["phase"] == job.phase

    @rule(job=jobs)
    def wait(self, job: Job) -> None:
        before = self._looked(job)
        query = {"WAIT": "1", "PHASE": before}
        answer = self.user.get(self._uws(job), params=query)
        assert answer.status_code == (404 if job.number else 200)

    # -- changing

    @rule(job=jobs, by_uws=st.booleans())
    def edit(self, job: Job, *, by_uws: bool) -> None:
        before = self._looked(job)
        if by_uws:
            url, form = f"{self._uws(job)}/parameters", {"STEPS": "3"}
            answer = self.user.post(url, data=form)
        else:
            body = {"parameters": {"STEPS": 3}}
            answer = self.user.patch(f"/api/v1/jobs/{job.name}", json=body)
        if job.number:
            assert answer.status_code in {404, 409, 422}
        elif before == "PENDING":
            assert answer.status_code in {200, 303}
        else:
            assert answer.status_code == (403 if by_uws else 409)

    @rule(job=jobs, days=st.integers(1, 99), by=st.sampled_from(["own", "json"]))
    def reschedule(self, job: Job, days: int, by: str) -> None:
        at = FUTURE + days * 86_400
        if by == "json":
            body: dict[str, Any] = {"destruction": at}
            answer = self.user.patch(f"/api/v1/jobs/{job.name}", json=body)
        elif job.number:
            body = {"destruction_time": iso(at), "execution_duration": None}
            answer = self.service.patch(f"/jobs/{job.number}", json=body)
        else:
            form = {"DESTRUCTION": iso(at)}
            answer = self.user.post(f"{self._uws(job)}/destruction", data=form)
        assert answer.status_code in {200, 303}
        job.destruction = at

    @rule(job=consumes(jobs), by=st.sampled_from(["own", "json"]))
    def delete(self, job: Job, by: str) -> None:
        if by == "json":
            answer = self.user.delete(f"/api/v1/jobs/{job.name}")
        elif job.number:
            answer = self.service.delete(f"/jobs/{job.number}")
        else:
            answer = self.user.delete(self._uws(job))
        assert answer.status_code in {204, 303}
        del self.known[job.name]
        self.gone.add(job.name)
        assert self.user.get(f"/api/v1/jobs/{job.name}").status_code == 404
        assert self.user.get(self._uws(job)).status_code == 404
        if job.number:
            assert self.service.get(f"/jobs/{job.number}").status_code == 404

    @rule(job=jobs, verb=st.sampled_from(["GET", "DELETE"]))
    def meddle(self, job: Job, verb: str) -> None:
        """A stranger: UWS forbids it, the others know of no such job."""
        by_json = self.stranger.request(verb, f"/api/v1/jobs/{job.name}")
        by_uws = self.stranger.request(verb, self._uws(job))
        assert by_json.status_code == 404
        assert by_uws.status_code == (404 if job.number else 403)
        if job.number:
            path = f"/jobs/{job.number}"
            assert self.other_service.request(verb, path).status_code == 404

    # -- looking

    @invariant()
    def every_face_shows_the_same(self) -> None:
        here = {name for name, job in self.known.items() if not job.number}
        by_number = {job.number: job for job in self.known.values() if job.number}
        listed = self._listed()
        assert {one["id"] for one in listed} == set(self.known)
        root = ET.fromstring(self.user.get("/uws/wait/jobs").content)  # noqa: S314
        refs = {one.get(HREF, "").rpartition("/")[2]: one for one in root}
        assert set(refs) == here
        for one in listed:
            self._seen(self.known[one["id"]], one["phase"])
        for name, ref in refs.items():  # asked after the list: it may be further
            self._seen(self.known[name], str(ref.findtext(f"{UWS}phase")))
        told = self.service.get("/jobs").json()
        assert [one["id"] for one in told] == sorted(by_number, key=int, reverse=True)
        for one in told:
            job = by_number[one["id"]]
            assert one["phase"] == job.phase
            assert one["destruction_time"] == iso(job.destruction or 0)

    @invariant()
    def every_detail_agrees(self) -> None:
        for job in list(self.known.values())[-3:]:
            one = self.user.get(f"/api/v1/jobs/{job.name}").json()
            self._seen(job, one["phase"])
            assert one["destruction"] == job.destruction
            if job.number:
                assert one["kind"] == "cutout"
                assert self.user.get(self._uws(job)).status_code == 404
                continue
            text = self.user.get(f"{self._uws(job)}/destruction").text
            shown = datetime.fromisoformat(text).timestamp() if text else None
            assert shown == job.destruction

    def teardown(self) -> None:
        for name in self.known:
            self.user.delete(f"/api/v1/jobs/{name}").raise_for_status()

    def _made(self, job: Job) -> Job:
        assert job.name not in self.known
        self.known[job.name] = job
        return job

    def _uws(self, job: Job) -> str:
        return f"/uws/{'cutout' if job.number else 'wait'}/jobs/{job.name}"

    def _listed(self) -> list[dict[str, Any]]:
        found = self.user.get("/api/v1/jobs", params={"limit": 1000}).json()
        return list(found["jobs"])

    def _looked(self, job: Job) -> str:
        """Look through two faces; time may pass between the looks."""
        if not job.number:
            self._seen(job, self.user.get(f"{self._uws(job)}/phase").text)
        self._seen(job, self.user.get(f"/api/v1/jobs/{job.name}").json()["phase"])
        return job.phase

    def _seen(self, job: Job, phase: str) -> None:
        allowed = {job.phase} if job.number else FOLLOWERS[job.phase]
        assert phase in allowed, (job.phase, phase)
        job.phase = phase


@pytest.fixture
def clients(
    http: httpx.Client, server: ServerProcess
) -> Iterator[Callable[..., httpx.Client]]:
    """Return a maker of clients: of a user, or of a service in a user's name."""
    opened: list[httpx.Client] = []

    def made(user: str, service: str = "") -> httpx.Client:
        wanted: dict[str, Any] = {"user": user, "scopes": ["jobs:run"]}
        if service:
            wanted = {"user": user, "service": service}
        token = http.post("/api/v1/tokens", json=wanted).json()["token"]
        base = server.address.url + ("/wobbly" if service else "")
        headers = {"authorization": f"bearer {token}"}
        opened.append(httpx.Client(base_url=base, headers=headers, timeout=PATIENCE))
        return opened[-1]

    yield made
    for one in opened:
        one.close()


def test_three_faces_tell_one_life(clients: Callable[..., httpx.Client]) -> None:
    people = {
        "user": clients("three"),
        "service": clients("three", "cutout"),
        "stranger": clients("stranger"),
        "other_service": clients("stranger", "cutout"),
    }
    run_state_machine_as_test(
        type("Machine", (Lives,), people),
        settings=settings(
            max_examples=12,
            stateful_step_count=20,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow],
        ),
    )
