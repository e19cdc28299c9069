from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from quire.errors import AttemptLost, PhaseConflict
from quire.jobs import transitions
from quire.jobs.job import Alert, Job, JobError, Severity, StagedProduct, Standing
from quire.jobs.phases import Phase
from quire.jobs.retrying import RetryPolicy, after_error, after_loss
from quire.products.acquisition import (
    Acquisition,
    acquisition_of,
    forgotten,
    names_of,
)
from quire.products.acquisition_states import (
    ABORTABLE,
    NEXT,
    RETRYABLE,
    State,
    Substate,
)

SPECIFICATION = {"id": "DAQ.1", "sources": [], "target": {"fileId": "FILE.1"}}
JOB = Job(
    id="job-1",
    kind="merge",
    owner="me",
    parameters={"SPECIFICATION": SPECIFICATION},
    created=1.0,
)
ERROR = JobError(type="fatal", code="internal_error", message="m")
MISSING = (Alert(id="source:a", severity=Severity.ERROR, description="missing"),)
LOW = (Alert(id="low_space", severity=Severity.WARNING, description="low"),)
STAGED = StagedProduct(
    file_name="f",
    manifest_name="m",
    part="p",
    manifest="q",
    size=1,
    sha256="",
    mime_type="t",
)
POLICY = RetryPolicy()


def stood(job: Job, step: Substate) -> Job:
    guarded = transitions.guard(job, job.attempt)
    if guarded.staged is not None:
        raise AttemptLost(job.id, job.attempt)
    return transitions.stand(guarded, Standing(step=step.value), now=3.0)


def staged(job: Job) -> Job:
    stands = stood(job, Substate.MERGING)
    if job.step != Substate.MERGING:  # the merge says that it merges before it is done
        raise AttemptLost(job.id, job.attempt)
    return replace(stands, staged=STAGED)


def completed(job: Job) -> Job:
    if job.staged is None:
        raise AttemptLost(job.id, job.attempt)
    return replace(transitions.complete(job, now=3.0), product=job.id)


MOVES: dict[str, Any] = {
    "run": transitions.run,
    "claim": lambda job: transitions.claim(job, now=3.0, lease=9.0),
    "collect": lambda job: stood(job, Substate.COLLECTING),
    "merge": lambda job: stood(job, Substate.MERGING),
    "stage": staged,
    "complete": completed,
    "hold": lambda job: transitions.hold(job, MISSING, now=3.0),
    "suspend": lambda job: transitions.suspend(job, LOW, now=3.0),
    "resume": transitions.resume,
    "requeue": lambda job: transitions.requeue(job, not_before=4.0),
    "lose": lambda job: after_loss(job, "died", policy=POLICY, now=3.0),
    "fail": lambda job: after_error(job, ERROR, policy=POLICY, now=3.0),
    "abort": lambda job: transitions.abort(job, now=3.0),
    "archive": transitions.archive,
}


@given(st.lists(st.sampled_from(sorted(MOVES)), max_size=30))
def test_whatever_happens_to_the_job_eso_s_machine_is_kept(moves: list[str]) -> None:
    job, now = JOB, 2.0
    before = acquisition_of(job, None, now=now)
    assert before is not None
    for move in moves:
        try:
            job = MOVES[move](job)
        except (PhaseConflict, AttemptLost):
            continue
        now += 1
        after = acquisition_of(job, before, now=now)
        assert after is not None
        if after.substate is not before.substate:
            assert after.substate in NEXT[before.substate]
        assert after.archived == job.phase.final
        assert (after.changed == now) == (
            (after.substate, after.alerts) != (before.substate, before.alerts)
        )
        assert job.phase is not Phase.ERROR
        assert after.error == (job.phase is Phase.HELD)
        before = after


def test_a_failure_blocks_and_a_retry_begins_to_count_anew() -> None:
    job = transitions.claim(transitions.run(JOB), now=3.0, lease=9.0)
    held = after_error(job, ERROR, policy=POLICY, now=4.0)
    assert (held.phase, held.error) == (Phase.HELD, ERROR)
    (alert,) = held.alerts
    assert alert.id == "failed_operation/internal_error"
    again = transitions.run(replace(held, losses=3, retries=3))
    assert (again.losses, again.retries, again.error) == (0, 0, None)


def test_an_alert_that_stays_keeps_its_time() -> None:
    job = transitions.claim(transitions.run(JOB), now=3.0, lease=9.0)
    first = transitions.stand(job, Standing(step="Merging", alerts=LOW), now=5.0)
    second = transitions.stand(first, Standing(step="Merging", alerts=LOW), now=7.0)
    assert second == first
    assert first.alerts[0].at == 5.0


@pytest.mark.parametrize(
    ("parameters", "names"),
    [
        ({"SPECIFICATION": SPECIFICATION}, ("DAQ.1", "FILE.1")),
        ({"SPECIFICATION": '{"id":"a","target":{"fileId":"b"}}'}, ("a", "b")),
        ({"SPECIFICATION": "{"}, None),
        ({"SPECIFICATION": 7}, None),
        ({}, None),
    ],
)
def test_names_are_read_or_there_is_no_acquisition(
    parameters: dict[str, Any], names: Any
) -> None:
    assert names_of(replace(JOB, parameters=parameters)) == names
    assert names_of(replace(JOB, kind="wait")) is None


def test_the_former_name_is_read() -> None:
    assert Substate("Transferring") is Substate.COLLECTING
    with pytest.raises(ValueError, match="Failed"):
        Substate("Failed")


def test_the_table_is_eso_s() -> None:
    finals = {one for one in Substate if one.final}
    assert finals == {Substate.COMPLETED, Substate.ABORTED}
    assert {one.state for one in finals} == {State.COMPLETED}
    assert {one.state for one in set(Substate) - finals} == {State.MERGING}
    assert Substate.SCHEDULED not in RETRYABLE
    assert finals.isdisjoint(ABORTABLE)
    for one in ABORTABLE:
        assert Substate.ABORTED in NEXT[one]


def test_a_deleted_job_leaves_its_acquisition_aborted() -> None:
    known = acquisition_of(JOB, None, now=2.0)
    assert isinstance(known, Acquisition)
    gone = forgotten(known, now=3.0)
    assert (gone.substate, gone.changed) == (Substate.ABORTED, 3.0)
    assert forgotten(gone, now=4.0) == gone
