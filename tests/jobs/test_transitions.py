from typing import Any

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from msgspec.structs import replace

from quire.errors import AttemptLost, PhaseConflict
from quire.jobs import transitions
from quire.jobs.job import Alert, Job, JobError, Severity, StagedProduct
from quire.jobs.phases import FINAL, Phase
from quire.jobs.retrying import RetryPolicy, after_error, after_loss

POLICY = RetryPolicy(losses=3, retries=2, first=1.0, longest=8.0)
ERROR = JobError(type="fatal", code="c", message="m")
ALERTS = (Alert(id="a", severity=Severity.ERROR, description="d"),)
STAGED = StagedProduct(
    file_name="f",
    manifest_name="m",
    part="p",
    manifest="q",
    size=1,
    sha256="",
    mime_type="t",
)

CAUSES: dict[str, Any] = {
    "run": transitions.run,
    "claim": lambda job: transitions.claim(job, now=5.0, lease=10.0),
    "complete": lambda job: transitions.complete(job, now=5.0),
    "fail": lambda job: transitions.fail(job, ERROR, now=5.0),
    "hold": lambda job: transitions.hold(job, ALERTS, now=5.0),
    "suspend": lambda job: transitions.suspend(job, ALERTS, now=5.0),
    "resume": transitions.resume,
    "requeue": lambda job: transitions.requeue(job, not_before=6.0),
    "abort": lambda job: transitions.abort(job, now=5.0),
    "overrun": lambda job: transitions.overrun(job, now=5.0),
    "archive": transitions.archive,
}
# UWS 1.1, section 2.1.3, and our steps beyond it: EXECUTING to HELD, and QUEUED to
# SUSPENDED and back.
TABLE = """
    PENDING:   run QUEUED, abort ABORTED
    HELD:      run QUEUED, abort ABORTED
    QUEUED:    claim EXECUTING, fail ERROR, hold HELD, suspend SUSPENDED,
               abort ABORTED
    EXECUTING: complete COMPLETED, fail ERROR, hold HELD, requeue QUEUED,
               suspend SUSPENDED, abort ABORTED, overrun ABORTED
    SUSPENDED: resume QUEUED, abort ABORTED
    COMPLETED: archive ARCHIVED
    ERROR:     archive ARCHIVED
    ABORTED:   archive ARCHIVED
"""


def expected() -> dict[tuple[Phase, str], Phase]:
    table: dict[tuple[Phase, str], Phase] = {}
    phase = Phase.UNKNOWN
    for word in TABLE.replace(",\n", ",").replace("\n", ",").split(","):
        head, colon, tail = word.rpartition(":")
        if colon:
            phase = Phase(head.strip())
        if tail.strip():
            cause, to = tail.split()
            table[phase, cause] = Phase(to)
    return table


@pytest.mark.parametrize("cause", CAUSES)
@pytest.mark.parametrize("phase", Phase)
def test_every_phase_and_cause(phase: Phase, cause: str) -> None:
    job = Job(id="j", kind="wait", owner="me", phase=phase)
    to = expected().get((phase, cause))
    if to is None:
        with pytest.raises(PhaseConflict):
            CAUSES[cause](job)
    else:
        moved = CAUSES[cause](job)
        assert moved.phase is to
        ended = to.final and cause != "archive"  # which ended before
        assert (moved.ended is not None) == ended


def test_an_abort_of_what_is_being_published_comes_too_late() -> None:
    job = Job(
        id="j", kind="k", owner="o", phase=Phase.EXECUTING, attempt=1, staged=STAGED
    )
    assert transitions.abort(job, now=1.0) is job
    assert transitions.overrun(job, now=1.0) is job


def test_a_held_job_keeps_its_alerts_until_it_runs_again() -> None:
    job = Job(id="j", kind="k", owner="o", phase=Phase.EXECUTING, attempt=1)
    held = transitions.hold(job, ALERTS, now=7.0)
    assert [alert.at for alert in held.alerts] == [7.0]
    assert transitions.run(held).alerts == ()


def test_the_waits_double_up_to_the_longest() -> None:
    assert [POLICY.delay(n) for n in (1, 2, 3, 4, 5, 10**6)] == [1, 2, 4, 8, 8, 8]


class JobLife(RuleBasedStateMachine):
    """Any row of causes: what must hold of a job, whatever befalls it."""

    def __init__(self) -> None:
        super().__init__()
        self.now = 100.0
        self.job = Job(id="j", kind="wait", owner="me", created=self.now)
        self.verdicts = 0
        self.seen = [self.job]

    def move(self, advanced: Job) -> None:
        self.verdicts += advanced.phase.final and not self.job.phase.final
        self.job = advanced
        self.seen.append(advanced)

    @rule(seconds=st.floats(0, 100))
    def time_passes(self, seconds: float) -> None:
        self.now += seconds

    @precondition(lambda self: self.job.phase in (Phase.PENDING, Phase.HELD))
    @rule()
    def run(self) -> None:
        self.move(transitions.run(self.job))

    @precondition(lambda self: self.job.phase is Phase.QUEUED)
    @rule()
    def claim(self) -> None:
        before = self.job.attempt
        self.move(transitions.claim(self.job, now=self.now, lease=30.0))
        assert self.job.attempt == before + 1
        assert self.job.lease_until == self.now + 30.0

    @precondition(lambda self: not self.job.phase.final)
    @rule()
    def abort(self) -> None:
        self.move(transitions.abort(self.job, now=self.now))

    @rule(
        attempt=st.integers(0, 6),
        how=st.sampled_from(
            ["complete", "hold", "fatal", "transient", "lose", "stage"]
        ),
    )
    def somebody_gives_a_verdict(self, attempt: int, how: str) -> None:
        fenced = self.job.phase is not Phase.EXECUTING or attempt != self.job.attempt
        try:
            job = transitions.guard(self.job, attempt)
        except AttemptLost:
            assert fenced
            return
        assert not fenced
        if how != "complete" and job.staged is not None:
            return
        self.move(self.after(job, how))

    def after(self, job: Job, how: str) -> Job:
        match how:
            case "complete":
                return transitions.complete(job, now=self.now)
            case "hold":
                return transitions.hold(job, ALERTS, now=self.now)
            case "stage":
                return replace(job, staged=STAGED)
            case "lose":
                return after_loss(job, "it died", policy=POLICY, now=self.now)
            case _:
                error = replace(ERROR, type=how)
                return after_error(job, error, policy=POLICY, now=self.now)

    @invariant()
    def one_end(self) -> None:
        assert self.verdicts <= 1
        assert (self.job.phase in FINAL) == (self.job.ended is not None)

    @invariant()
    def only_what_runs_has_a_lease(self) -> None:
        assert (self.job.phase is Phase.EXECUTING) == (self.job.lease_until is not None)
        if self.job.staged is not None:
            assert self.job.phase is Phase.EXECUTING

    @invariant()
    def tried_only_so_often(self) -> None:
        assert self.job.losses <= POLICY.losses
        assert self.job.retries <= POLICY.retries
        assert (self.job.error is not None) == (self.job.phase is Phase.ERROR)

    @invariant()
    def nothing_follows_the_end(self) -> None:
        for earlier, later in zip(self.seen, self.seen[1:], strict=False):
            assert not earlier.phase.final
            assert later.attempt >= earlier.attempt


TestJobLife = JobLife.TestCase
TestJobLife.settings = settings(max_examples=100, stateful_step_count=30, deadline=None)
