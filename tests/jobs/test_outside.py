import math

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from quire.errors import PhaseConflict
from quire.jobs import transitions
from quire.jobs.job import Job, JobError, OutsideResult
from quire.jobs.outside import (
    Aborted,
    Completed,
    Executing,
    Failed,
    Queued,
    Report,
    Rescheduled,
    begin,
    merged,
    reported,
)
from quire.jobs.phases import Phase

IMAGE = OutsideResult(id="image", url="s3://bucket/image")
ERROR = JobError(type="fatal", code="Broken", message="it is broken")
REPORTS: st.SearchStrategy[Report] = st.one_of(
    st.builds(Queued, message_id=st.sampled_from([None, "m", "n"])),
    st.builds(Executing, started=st.sampled_from([1.0, 2.0])),
    st.builds(Completed, results=st.sampled_from([(), (IMAGE,)])),
    st.builds(Failed, errors=st.just((ERROR,))),
    st.builds(Aborted),
    st.builds(Rescheduled, destruction=st.just(9e9), execution_duration=st.just(5)),
)


def fresh(phase: Phase = Phase.PENDING) -> Job:
    job = begin(job="j", service="cutout", owner="alice", parameters={}, now=100.9)
    return replace(job, phase=phase)


def after(*reports: Report) -> Job:
    job = fresh()
    for number, report in enumerate(reports):
        job = reported(job, report, now=200.5 + number)
    return job


def test_times_are_whole_seconds() -> None:
    job = after(Completed())
    assert (job.created, job.started, job.ended) == (100, 200, 200)


def test_a_job_of_a_service_is_never_ready_to_be_claimed() -> None:
    assert fresh().not_before == math.inf
    assert after(Queued()).not_before == math.inf
    for phase in (Phase.PENDING, Phase.HELD):
        try:
            transitions.run(fresh(phase))
        except PhaseConflict as error:
            assert "cutout" in str(error)  # noqa: PT017
        else:
            raise AssertionError(phase)


def test_a_late_report_of_the_queue_does_not_undo_the_start() -> None:
    job = after(Executing(started=150), Queued(message_id="m"))
    assert job.phase is Phase.EXECUTING
    assert job.outside is not None
    assert job.outside.message_id == "m"


def test_a_null_message_id_leaves_the_known_one() -> None:
    job = after(Queued(message_id="m"), Queued())
    assert job.outside is not None
    assert job.outside.message_id == "m"


def test_a_start_is_overwritten_until_the_job_is_over() -> None:
    assert after(Executing(started=150), Executing(started=160)).started == 160
    over = after(Executing(started=150), Completed(), Executing(started=160))
    assert (over.phase, over.started) == (Phase.COMPLETED, 150)


def test_results_after_an_abort_are_kept() -> None:
    job = after(Executing(started=150), Aborted(), Completed(results=(IMAGE,)))
    assert (job.phase, job.ended) == (Phase.ABORTED, 201)
    assert job.outside is not None
    assert job.outside.results == (IMAGE,)


def test_an_error_may_be_overcome_and_is_remembered() -> None:
    job = after(Failed(errors=(ERROR,)), Completed(results=(IMAGE,)))
    assert job.phase is Phase.COMPLETED
    assert job.outside is not None
    assert job.outside.errors == (ERROR,)


def test_the_newest_word_on_a_result_stands() -> None:
    moved = replace(IMAGE, url="s3://elsewhere")
    table = replace(IMAGE, id="table")
    assert merged((IMAGE, table), (moved,)) == (moved, table)


@given(st.lists(REPORTS, max_size=6), REPORTS)
def test_a_report_that_is_sent_twice_changes_nothing(
    before: list[Report], last: Report
) -> None:
    once = after(*before, last)
    assert reported(once, last, now=9e8) == once


@given(st.lists(REPORTS, max_size=8))
def test_an_abort_is_for_good_and_what_is_over_has_an_end(
    reports: list[Report],
) -> None:
    job = fresh()
    for report in reports:
        was = job
        job = reported(job, report, now=200)
        assert was.phase is not Phase.ABORTED or job.phase is Phase.ABORTED
        assert not was.phase.final or job.phase.final
        assert job.phase.final is (job.ended is not None)
