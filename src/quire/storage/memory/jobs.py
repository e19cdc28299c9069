"""The jobs in memory."""

from collections.abc import Callable

from quire.jobs.job import Job
from quire.ports.job_records import JobQuery, job_topic, search_terms
from quire.storage.memory.journal import Journal


class MemoryJobs:
    """`quire.ports.job_records.JobRecords` in dictionaries."""

    def __init__(
        self, journal: Journal, follow: Callable[[Job | None, Job | None], None]
    ) -> None:
        self._journal = journal
        self._follow = follow
        self._jobs: dict[str, Job] = {}
        self._reserved: dict[tuple[str, str], str] = {}

    def get(self, job: str) -> Job | None:
        """Return a job by its id."""
        return self._jobs.get(job)

    def put(self, job: Job) -> None:
        """Store a job in place of what was there under its id."""
        self._follow(self._jobs.get(job.id), job)
        self._journal.set(self._jobs, job.id, job)
        self._journal.topics |= {"jobs", job_topic(job.id)}

    def remove(self, job: str) -> None:
        """Forget a job; nothing happens if there is none."""
        if job in self._jobs:
            self._follow(self._jobs[job], None)
            self._journal.remove(self._jobs, job)
            self._journal.topics |= {"jobs", job_topic(job)}

    def page(self, query: JobQuery) -> tuple[Job, ...]:
        """Return matching jobs in the order asked for."""
        found = [job for job in self._jobs.values() if _fits(job, query)]
        if query.due_at is not None:
            found.sort(key=lambda job: (job.destruction, job.id))
        else:
            found.sort(
                key=lambda job: (job.created, job.id), reverse=not query.oldest_first
            )
        return tuple(found[: max(query.limit, 0)])

    def reserve(self, space: str, name: str, job: str) -> str:
        """Take a name for a job alone; return the id of the job that has it."""
        if (space, name) not in self._reserved:
            self._journal.set(self._reserved, (space, name), job)
        return self._reserved[space, name]


def _fits(job: Job, query: JobQuery) -> bool:
    return _fits_by_columns(job, query) and _fits_by_times(job, query)


def _fits_by_columns(job: Job, query: JobQuery) -> bool:
    code = job.error.code if job.error else ""
    return (
        (query.owner is None or job.owner == query.owner)
        and (not query.phases or job.phase in query.phases)
        and (query.without is None or job.phase is not query.without)
        and (not query.kind or job.kind == query.kind)
        and (not query.run or query.run in job.runs)
        and (not query.run_id or job.run_id == query.run_id)
        and (not query.error or code == query.error)
        and (not query.parameters or search_terms(job).issuperset(query.parameters))
    )


def _fits_by_times(job: Job, query: JobQuery) -> bool:
    place = (job.created, job.id)
    due = query.due_at
    return (
        (query.ready_at is None or job.not_before <= query.ready_at)
        and (query.after is None or job.created > query.after)
        and (due is None or (job.destruction is not None and job.destruction <= due))
        and (
            query.before is None
            or (place > query.before if query.oldest_first else place < query.before)
        )
    )
