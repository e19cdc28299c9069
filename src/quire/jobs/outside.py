"""The life of a job that a service runs elsewhere, as the service reports it.

The service is the truth for its job, so reports may skip phases, come late or come
twice (``reference/wobbly.md``, sections 5 and 6). A late report never takes a job back,
and a job that was aborted stays so; what it has brought is kept.
"""

import math
from collections.abc import Iterable
from typing import Any

import msgspec
from msgspec.structs import replace

from quire.jobs import transitions
from quire.jobs.job import Job, JobError, Outside, OutsideResult
from quire.jobs.phases import Phase

_NOT_QUEUED = frozenset({Phase.PENDING, Phase.HELD})
_NOT_OVER = frozenset({Phase.PENDING, Phase.QUEUED, Phase.EXECUTING})
_CLOSED = frozenset({Phase.ABORTED, Phase.ARCHIVED})


class Queued(msgspec.Struct, frozen=True, kw_only=True):
    """It stands in the service's queue.

    Attributes
    ----------
    message_id
        The queue's name for it, None to leave what is known.
    """

    message_id: str | None = None


class Executing(msgspec.Struct, frozen=True, kw_only=True):
    """It has begun.

    Attributes
    ----------
    started
        Unix seconds.
    """

    started: float


class Completed(msgspec.Struct, frozen=True, kw_only=True):
    """It has ended well."""

    results: tuple[OutsideResult, ...] = ()


class Failed(msgspec.Struct, frozen=True, kw_only=True):
    """It has failed; there is at least one error."""

    errors: tuple[JobError, ...]


class Aborted(msgspec.Struct, frozen=True, kw_only=True):
    """It was given up."""


class Rescheduled(msgspec.Struct, frozen=True, kw_only=True):
    """Its times are changed.

    Attributes
    ----------
    destruction
        Unix seconds.
    execution_duration
        Seconds, 0 for no limit.
    """

    destruction: float
    execution_duration: int


Report = Queued | Executing | Completed | Failed | Aborted | Rescheduled


def begin(
    *, job: str, service: str, owner: str, parameters: dict[str, Any], now: float
) -> Job:
    """Return a new job of a service, PENDING.

    Parameters
    ----------
    now
        Unix seconds; fractions are dropped, as on the wire.
    """
    return Job(
        id=job,
        kind=service,
        owner=owner,
        parameters=parameters,
        created=math.floor(now),
        # Whoever looks for what is ready to be run here does not find it.
        not_before=math.inf,
        outside=Outside(),
    )


def reported(job: Job, report: Report, *, now: float) -> Job:
    """Return the job behind a report; the same if the report brings nothing new."""
    at = math.floor(now)  # as on the wire
    match report:
        case Queued():
            after = _queued(job, report.message_id)
        case Executing():
            after = _executing(job, report.started)
        case Completed():
            after = _completed(job, report.results, at)
        case Failed():
            after = _failed(job, report.errors, at)
        case Aborted():
            after = job if job.phase.final else transitions.abort(job, now=at)
        case Rescheduled():
            after = replace(
                job,
                destruction=report.destruction,
                execution_duration=report.execution_duration,
            )
    return after


def merged(
    known: Iterable[OutsideResult], told: Iterable[OutsideResult]
) -> tuple[OutsideResult, ...]:
    """Return results by id, the newest word on each, in the order of the first."""
    every = {result.id: result for result in known}
    every.update((result.id, result) for result in told)
    return tuple(every.values())


def _queued(job: Job, message_id: str | None) -> Job:
    if message_id is not None:
        job = replace(job, outside=replace(_outside(job), message_id=message_id))
    if job.phase in _NOT_QUEUED:
        job = replace(job, phase=Phase.QUEUED)
    return job


def _executing(job: Job, started: float) -> Job:
    if job.phase not in _NOT_OVER:
        return job
    return replace(job, phase=Phase.EXECUTING, started=started)


def _completed(job: Job, results: tuple[OutsideResult, ...], now: float) -> Job:
    outside = _outside(job)
    outside = replace(outside, results=merged(outside.results, results))
    return _ended(replace(job, outside=outside), Phase.COMPLETED, now)


def _failed(job: Job, errors: tuple[JobError, ...], now: float) -> Job:
    outside = _outside(job)
    # A report that is sent again says nothing new.
    told = outside.errors[-len(errors) :]
    if job.phase is Phase.ERROR and told == errors:
        return job
    if told != errors:
        outside = replace(outside, errors=outside.errors + errors)
    failed = replace(job, outside=outside, error=outside.errors[0])
    return _ended(failed, Phase.ERROR, now)


def _ended(job: Job, phase: Phase, now: float) -> Job:
    if job.phase in _CLOSED or job.phase is phase:
        return job
    started = now if job.started is None else job.started
    return replace(job, phase=phase, started=started, ended=now)


def _outside(job: Job) -> Outside:
    return job.outside or Outside()
