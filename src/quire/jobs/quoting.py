"""When a job is likely to be done, judged by what its kind has taken before."""

import statistics
from collections.abc import Iterable

from quire.jobs.job import Job
from quire.jobs.phases import Phase

# Fewer past jobs say nothing about the next one.
LEAST_HISTORY = 3


def typical_seconds(past: Iterable[Job]) -> float | None:
    """Return the median seconds from start to end, None if too few jobs are known."""
    took = [
        job.ended - job.started
        for job in past
        if job.started is not None and job.ended is not None
    ]
    return statistics.median(took) if len(took) >= LEAST_HISTORY else None


def quote(
    job: Job, typical: float, *, ahead: int, slots: int, now: float
) -> float | None:
    """Return the Unix seconds at which a job is likely to be done, None if unknown.

    A PENDING job is taken to be run now; one in the queue waits for those ahead of it,
    as if they were of its kind. Of one that already takes longer than is usual, and of
    one that is over or waits for a person, nothing is known.

    Parameters
    ----------
    typical
        Seconds that such a job takes.
    ahead
        Jobs that stand before it.
    slots
        Jobs that run at once.
    """
    match job.phase:
        case Phase.PENDING | Phase.QUEUED:
            rounds = ahead // slots + 1
            return max(now, job.not_before) + rounds * typical
        case Phase.EXECUTING | Phase.SUSPENDED if job.started is not None:
            done = job.started + typical
            return done if done > now else None
        case _:
            return None
