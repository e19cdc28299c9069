"""What follows an attempt that did not end well: another one, or the end of the job."""

import zlib

import msgspec
from msgspec.structs import replace

from quire.jobs.job import Job, JobError
from quire.jobs.limits import Excess
from quire.jobs.transitions import fail, requeue


class RetryPolicy(msgspec.Struct, frozen=True, kw_only=True):
    """How often a job is tried, and how long it waits in between.

    Attributes
    ----------
    losses
        Attempts whose process died before the job fails.
    retries
        New attempts after a transient error.
    cut_off
        Attempts that ended with a server that died, before the job fails: one that
        kills its server each time would come back for ever.
    first, longest
        Seconds to wait before the first and, doubling, at most before any other.
    jitter
        Share of a wait that may be left out: what failed together does not come back
        together.
    """

    losses: int = 3
    retries: int = 3
    cut_off: int = 5
    first: float = 1.0
    longest: float = 60.0
    jitter: float = 0.5

    def delay(self, number: int, *, key: str = "") -> float:
        """Return the seconds to wait before the new attempt of this number, from 1.

        Parameters
        ----------
        key
            Says how much of the wait is left out; empty for nothing.
        """
        whole = float(min(self.first * 2 ** min(number - 1, 32), self.longest))
        if not key:
            return whole
        share = zlib.crc32(f"{key} {number}".encode()) / 2**32
        return whole * (1.0 - share * self.jitter)


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
        requeue(job, not_before=now + policy.delay(losses, key=job.id)),
        losses=losses,
    )


def after_error(job: Job, error: JobError, *, policy: RetryPolicy, now: float) -> Job:
    """Return the job behind an attempt that failed; only transient errors repeat."""
    if error.type == "fatal" or job.retries >= policy.retries:
        return fail(job, error, now=now)
    retries = job.retries + 1
    return replace(
        requeue(job, not_before=now + policy.delay(retries, key=job.id)),
        retries=retries,
    )


def after_cut_off(job: Job, *, policy: RetryPolicy, now: float) -> Job:
    """Return the job behind an attempt whose server died under it."""
    cut_off = job.cut_off + 1
    if cut_off >= policy.cut_off:
        message = (
            f"the server died during {cut_off} attempts of this job, so it is not "
            "tried again by itself; retry it once the reason is known"
        )
        problem = JobError(type="fatal", code="server_lost", message=message)
        return fail(replace(job, cut_off=cut_off), problem, now=now)
    return replace(requeue(job, not_before=0.0), cut_off=cut_off)


def after_excess(job: Job, excess: Excess, *, now: float) -> Job:
    """Return the job behind an attempt that was killed by a limit: never tried again.

    The next attempt would go beyond it as well.
    """
    message = excess.describe(job.kind)
    problem = JobError(type="fatal", code=f"limit_{excess.limit}", message=message)
    return fail(job, problem, now=now)
