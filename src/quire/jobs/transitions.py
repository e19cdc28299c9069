"""The one transition table: phase and cause give the next phase.

It serves every face and the engine. The phases and their meaning are UWS 1.1's; the
one step beyond its table is EXECUTING to HELD, for a job that a person must unblock.
"""

from collections.abc import Mapping
from enum import StrEnum

from msgspec.structs import replace

from quire.errors import AttemptLost, PhaseConflict
from quire.jobs.job import Alert, Job, JobError
from quire.jobs.phases import Phase


class Cause(StrEnum):
    """What moves a job."""

    RUN = "run"
    CLAIM = "claim"
    COMPLETE = "complete"
    FAIL = "fail"
    HOLD = "hold"
    REQUEUE = "requeue"
    ABORT = "abort"
    OVERRUN = "overrun"


_NEXT: Mapping[tuple[Phase, Cause], Phase] = {
    (Phase.PENDING, Cause.RUN): Phase.QUEUED,
    (Phase.HELD, Cause.RUN): Phase.QUEUED,
    (Phase.QUEUED, Cause.CLAIM): Phase.EXECUTING,
    (Phase.QUEUED, Cause.FAIL): Phase.ERROR,
    (Phase.EXECUTING, Cause.COMPLETE): Phase.COMPLETED,
    (Phase.EXECUTING, Cause.FAIL): Phase.ERROR,
    (Phase.EXECUTING, Cause.HOLD): Phase.HELD,
    (Phase.EXECUTING, Cause.REQUEUE): Phase.QUEUED,
    (Phase.EXECUTING, Cause.OVERRUN): Phase.ABORTED,
    **{
        (phase, Cause.ABORT): Phase.ABORTED
        for phase in (Phase.PENDING, Phase.QUEUED, Phase.EXECUTING, Phase.HELD)
    },
}


def run(job: Job) -> Job:
    """Return the job queued; from HELD its alerts are cleared."""
    return replace(job, phase=_next(job, Cause.RUN), alerts=(), not_before=0.0)


def claim(job: Job, *, now: float, lease: float) -> Job:
    """Return the job with a new attempt under way.

    Parameters
    ----------
    lease
        Seconds that the attempt may be silent.
    """
    return replace(
        job,
        phase=_next(job, Cause.CLAIM),
        attempt=job.attempt + 1,
        started=job.started or now,
        lease_until=now + lease,
    )


def complete(job: Job, *, now: float) -> Job:
    """Return the job done; its staged product, if any, has been published."""
    return _ended(job, Cause.COMPLETE, now)


def fail(job: Job, error: JobError, *, now: float) -> Job:
    """Return the job failed for good."""
    return replace(_ended(job, Cause.FAIL, now), error=error)


def hold(job: Job, alerts: tuple[Alert, ...], *, now: float) -> Job:
    """Return the job blocked until a person has mended what the alerts say."""
    return replace(
        job,
        phase=_next(job, Cause.HOLD),
        alerts=tuple(replace(alert, at=now) for alert in alerts),
        lease_until=None,
    )


def requeue(job: Job, *, not_before: float) -> Job:
    """Return the job back in the queue for a further attempt."""
    return replace(
        job,
        phase=_next(job, Cause.REQUEUE),
        lease_until=None,
        not_before=not_before,
    )


def abort(job: Job, *, now: float) -> Job:
    """Return the job aborted; unchanged where its product is being published."""
    if job.staged is not None and not job.phase.final:
        return job
    return _ended(job, Cause.ABORT, now)


def overrun(job: Job, *, now: float) -> Job:
    """Return the job aborted because its attempt took too long."""
    return abort(job, now=now) if job.staged else _ended(job, Cause.OVERRUN, now)


def guard(job: Job, attempt: int) -> Job:
    """Return the job if `attempt` may still change it.

    Raises
    ------
    AttemptLost
        A newer attempt, an abort or a final phase has overtaken it.
    """
    if job.phase is not Phase.EXECUTING or job.attempt != attempt:
        raise AttemptLost(job.id, attempt)
    return job


def _next(job: Job, cause: Cause) -> Phase:
    try:
        return _NEXT[job.phase, cause]
    except KeyError:
        raise PhaseConflict(job.id, job.phase, cause) from None


def _ended(job: Job, cause: Cause, now: float) -> Job:
    return replace(
        job,
        phase=_next(job, cause),
        ended=now,
        lease_until=None,
        alerts=(),
        staged=None,
    )
