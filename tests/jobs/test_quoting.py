from msgspec.structs import replace

from quire.jobs.job import Job
from quire.jobs.phases import FINAL, Phase
from quire.jobs.quoting import quote, typical_seconds

JOB = Job(id="1", kind="wait", owner="me", created=100.0)


def past(*seconds: float) -> list[Job]:
    return [replace(JOB, started=10.0, ended=10.0 + one) for one in seconds]


def test_few_jobs_say_nothing() -> None:
    assert typical_seconds(past(1, 2)) is None
    assert typical_seconds([*past(1, 2), JOB]) is None
    assert typical_seconds(past(1, 2, 600)) == 2


def test_a_job_waits_for_those_ahead() -> None:
    queued = replace(JOB, phase=Phase.QUEUED)
    assert quote(queued, 10, ahead=0, slots=2, now=100) == 110
    assert quote(queued, 10, ahead=2, slots=2, now=100) == 120
    later = replace(queued, not_before=150)
    assert quote(later, 10, ahead=0, slots=2, now=100) == 160


def test_one_that_runs_ends_when_it_should_or_nobody_knows() -> None:
    running = replace(JOB, phase=Phase.EXECUTING, started=95.0)
    assert quote(running, 10, ahead=0, slots=2, now=100) == 105
    assert quote(running, 10, ahead=0, slots=2, now=106) is None


def test_what_is_over_or_held_has_no_quote() -> None:
    for phase in (*FINAL, Phase.HELD):
        over = replace(JOB, phase=phase, started=1.0)
        assert quote(over, 10, ahead=0, slots=2, now=5) is None
