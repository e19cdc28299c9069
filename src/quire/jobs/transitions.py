"""The one transition table: phase and cause give the next phase.

It serves every face and the engine. The phases and their meaning are UWS 1.1's. Steps
beyond its table: to HELD, for a job that a person must unblock, and between QUEUED and
SUSPENDED, for one that waits for disk space without an attempt.
"""

from collections.abc import Mapping
from enum import StrEnum

from msgspec.structs import replace

from quire.errors import AttemptLost, PhaseConflict
from quire.jobs.job import ABORTING, Alert, Job, JobError, Severity, Standing
from quire.jobs.phases import Phase


class Cause(StrEnum):
    """What moves a job."""

    RUN = "run"
    CLAIM = "claim"
    COMPLETE = "complete"
    FAIL = "fail"
    HOLD = "hold"
    SUSPEND = "suspend"
    RESUME = "resume"
    REQUEUE = "requeue"
    ABORT = "abort"
    OVERRUN = "overrun"
    ARCHIVE = "archive"


_NEXT: Mapping[tuple[Phase, Cause], Phase] = {
    (Phase.PENDING, Cause.RUN): Phase.QUEUED,
    (Phase.HELD, Cause.RUN): Phase.QUEUED,
    (Phase.QUEUED, Cause.CLAIM): Phase.EXECUTING,
    (Phase.QUEUED, Cause.FAIL): Phase.ERROR,
    (Phase.QUEUED, Cause.HOLD): Phase.HELD,
    (Phase.EXECUTING, Cause.COMPLETE): Phase.COMPLETED,
    (Phase.EXECUTING, Cause.FAIL): Phase.ERROR,
    (Phase.EXECUTING, Cause.HOLD): Phase.HELD,
    (Phase.EXECUTING, Cause.REQUEUE): Phase.QUEUED,
    (Phase.QUEUED, Cause.SUSPEND): Phase.SUSPENDED,
    (Phase.EXECUTING, Cause.SUSPEND): Phase.SUSPENDED,
    (Phase.SUSPENDED, Cause.RESUME): Phase.QUEUED,
    (Phase.EXECUTING, Cause.OVERRUN): Phase.ABORTED,
    **{
        (phase, Cause.ABORT): Phase.ABORTED
        for phase in (
            Phase.PENDING,
            Phase.QUEUED,
            Phase.EXECUTING,
            Phase.SUSPENDED,
            Phase.HELD,
        )
    },
    **{
        (phase, Cause.ARCHIVE): Phase.ARCHIVED
        for phase in (Phase.COMPLETED, Phase.ERROR, Phase.ABORTED)
    },
}


def run(job: Job) -> Job:
    """Return the job queued; from HELD its alerts are cleared, its tries forgotten."""
    if job.outside is not None:
        raise PhaseConflict(job.id, job.phase, f"a start by others than {job.kind}")
    return replace(
        job,
        phase=_next(job, Cause.RUN),
        alerts=(),
        not_before=0.0,
        losses=0,
        retries=0,
        cut_off=0,
        error=None,
    )


def claim(
    job: Job,
    *,
    now: float,
    lease: float,
    reserved: int = 0,
    host: str = "",
    server: str = "",
) -> Job:
    """Return the job with a new attempt under way.

    Parameters
    ----------
    lease
        Seconds that the attempt may be silent.
    reserved
        Bytes of disk space that are kept free for it.
    host
        Where it runs, empty for the server's own machine.
    server
        Whose child process it is, of several servers.
    """
    return replace(
        job,
        phase=_next(job, Cause.CLAIM),
        host=host,
        server=server,
        attempt=job.attempt + 1,
        started=job.started or now,
        lease_until=now + lease,
        reserved=reserved,
    )


def stand(job: Job, standing: Standing, *, now: float) -> Job:
    """Return the job as its attempt stands; an alert told before keeps its time."""
    marks = {**job.marks, **standing.marks}
    return replace(
        job,
        step=standing.step,
        alerts=_dated(job, standing.alerts, now=now),
        marks={name: said for name, said in marks.items() if said is not None},
    )


def complete(job: Job, *, now: float) -> Job:
    """Return the job done; its staged product, if any, has been published."""
    return _ended(job, Cause.COMPLETE, now)


def fail(job: Job, error: JobError, *, now: float) -> Job:
    """Return the job failed for good; an acquisition blocked until a person decides."""
    if job.is_acquisition and (job.phase, Cause.HOLD) in _NEXT:
        alert = Alert(
            id=f"failed_operation/{error.code}",
            severity=Severity.ERROR,
            description=f"Failed Operation: {error.message}",
        )
        return replace(hold(job, (alert,), now=now), error=error)
    return replace(_ended(job, Cause.FAIL, now), error=error)


def hold(job: Job, alerts: tuple[Alert, ...], *, now: float) -> Job:
    """Return the job blocked until a person has mended what the alerts say."""
    return replace(
        job,
        phase=_next(job, Cause.HOLD),
        alerts=_dated(job, alerts, now=now),
        lease_until=None,
        staged=None,
        reserved=0,
    )


def suspend(job: Job, alerts: tuple[Alert, ...], *, now: float) -> Job:
    """Return the job waiting for disk space, without an attempt."""
    return replace(
        job,
        phase=_next(job, Cause.SUSPEND),
        alerts=_dated(job, alerts, now=now),
        lease_until=None,
        reserved=0,
    )


def resume(job: Job) -> Job:
    """Return the job back in the queue, its wait for disk space over."""
    return replace(job, phase=_next(job, Cause.RESUME), alerts=(), not_before=0.0)


def requeue(job: Job, *, not_before: float) -> Job:
    """Return the job back in the queue for a further attempt."""
    return replace(
        job,
        phase=_next(job, Cause.REQUEUE),
        lease_until=None,
        not_before=not_before,
        reserved=0,
    )


def begin_abort(job: Job) -> Job:
    """Return the job on its way to ABORTED, in the phase in which it is.

    Until `abort`, which may follow long after, nothing else changes it: what its
    attempt says is late, and it does not begin again.
    """
    _next(job, Cause.ABORT)
    return replace(job, step=ABORTING, alerts=())


def fail_abort(job: Job, alert: Alert, *, now: float) -> Job:
    """Return the job still on its way to ABORTED, with what stands in that way."""
    return replace(job, alerts=_dated(job, (alert,), now=now))


def abort(job: Job, *, now: float) -> Job:
    """Return the job aborted; unchanged where its product is being published."""
    if job.staged is not None and not job.phase.final:
        return job
    return _ended(job, Cause.ABORT, now)


def overrun(job: Job, *, now: float) -> Job:
    """Return the job aborted because its attempt took too long."""
    return abort(job, now=now) if job.staged else _ended(job, Cause.OVERRUN, now)


def archive(job: Job) -> Job:
    """Return the job without its results; what is known of it is kept."""
    return replace(job, phase=_next(job, Cause.ARCHIVE), results=())


def require_editable(job: Job) -> None:
    """Do nothing if the job's parameters may be changed.

    Raises
    ------
    PhaseConflict
        It is not PENDING any more.
    """
    if job.phase is not Phase.PENDING:
        raise PhaseConflict(job.id, job.phase, "a change of its parameters")


def guard(job: Job, attempt: int) -> Job:
    """Return the job if `attempt` may still change it.

    Raises
    ------
    AttemptLost
        A newer attempt, an abort or a final phase has overtaken it.
    """
    if job.phase is not Phase.EXECUTING or job.attempt != attempt or job.aborting:
        raise AttemptLost(job.id, attempt)
    return job


def _next(job: Job, cause: Cause) -> Phase:
    if job.aborting and cause is not Cause.ABORT:
        raise PhaseConflict(job.id, ABORTING, cause)
    try:
        return _NEXT[job.phase, cause]
    except KeyError:
        raise PhaseConflict(job.id, job.phase, cause) from None


def _dated(job: Job, alerts: tuple[Alert, ...], *, now: float) -> tuple[Alert, ...]:
    """Return alerts with the time at which each was first told as it stands."""
    known = {(alert.id, alert.description): alert.at for alert in job.alerts}
    return tuple(
        replace(alert, at=known.get((alert.id, alert.description), now))
        for alert in alerts
    )


def _ended(job: Job, cause: Cause, now: float) -> Job:
    # What a person should know of a product outlives the work; a blockage does not.
    kept = (
        alert
        for alert in job.alerts
        if cause is Cause.COMPLETE and alert.severity is not Severity.ERROR
    )
    return replace(
        job,
        phase=_next(job, cause),
        ended=now,
        lease_until=None,
        alerts=tuple(kept),
        marks={},
        staged=None,
        reserved=0,
    )
