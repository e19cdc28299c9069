"""Reading an attempt's job within a decision, fenced by the attempt's number."""

from msgspec.structs import replace

from quire.errors import AttemptLost
from quire.jobs import transitions
from quire.jobs.job import Job, JobResult
from quire.jobs.phases import Phase
from quire.ports.job_records import JobQuery
from quire.ports.store import Transaction
from quire.progress.event import ProgressEvent, error, failed

_EXECUTING = frozenset({Phase.EXECUTING})
# A recovery reads this many jobs at a time.
_PAGE = 500


def guarded(tx: Transaction, job: str, attempt: int) -> Job:
    """Return the job if this attempt of it is under way.

    Raises
    ------
    AttemptLost
        It is not, or not any more.
    """
    return _fenced(tx.jobs.get(job), job, attempt)


def undecided(stored: Job | None, job: str, attempt: int) -> Job:
    """Return the job if this attempt of it is under way and has staged nothing.

    Raises
    ------
    AttemptLost
        It is not, or it is committed to its product.
    """
    current = _fenced(stored, job, attempt)
    if current.staged is not None:  # committed to its product: nothing undoes that
        raise AttemptLost(job, attempt)
    return current


def _fenced(stored: Job | None, job: str, attempt: int) -> Job:
    if stored is None:
        raise AttemptLost(job, attempt)
    return transitions.guard(stored, attempt)


def under_way(job: Job, attempt: int) -> bool:
    """Return whether an attempt has begun, or may still begin."""
    if job.phase is Phase.QUEUED:
        return job.attempt == attempt - 1
    return job.phase is Phase.EXECUTING and job.attempt == attempt and not job.aborting


def merged(job: Job, results: tuple[JobResult, ...]) -> tuple[JobResult, ...]:
    """Return a job's results with new ones, which replace those of the same id."""
    known = {result.id: result for result in job.results}
    known.update({result.id: result for result in results})
    return tuple(known.values())


def setback(job: Job, message: str, now: float) -> ProgressEvent:
    """Return what listeners are told of an attempt that did not end well."""
    if job.phase.final:
        return failed(message)
    if job.phase is Phase.HELD:
        return error(message)
    return error(f"{message}; trying again in {max(job.not_before - now, 0.0):.3g} s")


def executing(tx: Transaction) -> list[Job]:
    """Return the jobs that have an attempt under way here, oldest first."""
    found: list[Job] = []
    query = JobQuery(limit=_PAGE, phases=_EXECUTING, oldest_first=True)
    while page := tx.jobs.page(query):
        # What a service runs outside is none of ours to recover.
        found.extend(job for job in page if job.outside is None)
        query = replace(query, before=(page[-1].created, page[-1].id))
    return found
