"""What follows an attempt that did not end well: another one, or the end of the job."""

import msgspec
from msgspec.structs import replace

from quire.jobs.job import Job, JobError
from quire.jobs.transitions import fail, requeue


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How often a job is tried, and how long it waits in between.

    Attributes
    ----------
    losses
        Attempts whose process died before the job fails.
    retries
        New attempts after a transient error.
    first, longest
        Seconds to wait before the first and, doubling, at most before any other.
    """

    losses: int = 3
    retries: int = 3
    first: float = 1.0
    longest: float = 60.0

    def delay(self, number: int) -> float:
        """Return the seconds to wait before the new attempt of this number, from 1."""
        return float(min(self.first * 2 ** min(number - 1, 32), self.longest))


def after_loss(job: Job, reason: str, *, policy: RetryPolicy, now: float) -> Job:
    """Return the job behind an attempt whose process died."""
    losses = job.losses + 1
    if losses >= policy.losses:
        error = JobError(
            type="transient",
            code="attempt_lost",
            message=f"{losses} attempts ended without a verdict; the last: {reason}",
        )
        return fail(replace(job, losses=losses), error, now=now)
    return replace(
        requeue(job, not_before=now + policy.delay(losses)),
        losses=losses,
    )


def after_error(job: Job, error: JobError, *, policy: RetryPolicy, now: float) -> Job:
    """Return the job behind an attempt that failed; only transient errors repeat."""
    if error.type == "fatal" or job.retries >= policy.retries:
        return fail(job, error, now=now)
    retries = job.retries + 1
    return replace(
        requeue(job, not_before=now + policy.delay(retries)),
        retries=retries,
    )
