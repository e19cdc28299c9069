"""Jobs in the store."""

from typing import Protocol

import msgspec

from quire.jobs.job import Job
from quire.jobs.parameters import as_text
from quire.jobs.phases import Phase

_SEARCHED = 200
# A service's parameters may be anything: a million values must not hold up the writer.
_MOST_TERMS = 1000


def job_topic(job: str) -> str:
    """Return what the doorbell is rung for when a job has changed."""
    return f"job:{job}"


def search_terms(job: Job) -> frozenset[tuple[str, str]]:
    """Return the parameters by which a job is found, each value as text.

    Values longer than 200 characters, and those behind the first 1,000, are not
    searched for.
    """
    found = set()
    for name, value in job.parameters.items():
        for one in value if isinstance(value, list) else [value]:
            text = as_text(one)
            if len(text) <= _SEARCHED:
                found.add((name, text))
            if len(found) == _MOST_TERMS:
                return frozenset(found)
    return frozenset(found)


class JobQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs to return, newest first by (created, id), or oldest first.

    Attributes
    ----------
    phases
        Any of these; empty for all.
    run
        Only jobs that work on the run of this uid.
    ready_at
        Only jobs whose `not_before` is not later than these Unix seconds.
    before
        Only jobs that stand behind this (created, id) in the order asked for.
    after
        Only jobs created later than these Unix seconds.
    due_at
        Only jobs whose destruction is not later than these Unix seconds, in the order
        of their destruction; `before` and `oldest_first` do not go with it.
    run_id
        Only jobs that their client named so.
    error
        Only jobs that failed with this code.
    parameters
        Only jobs with all of these values, as text, of parameters in capitals.
    without
        Not the jobs in this phase.
    """

    limit: int
    owner: str | None = None
    phases: frozenset[Phase] = frozenset()
    kind: str = ""
    run: str = ""
    ready_at: float | None = None
    before: tuple[float, str] | None = None
    oldest_first: bool = False
    after: float | None = None
    due_at: float | None = None
    run_id: str = ""
    error: str = ""
    parameters: tuple[tuple[str, str], ...] = ()
    without: Phase | None = None


class JobRecords(Protocol):
    """The jobs.

    Guarantees
    ----------
    After a commit that put or removed a job the doorbell is rung for ``"jobs"`` and
    for the job's own topic, `job_topic`.
    """

    def get(self, job: str) -> Job | None:
        """Return a job by its id."""
        ...

    def put(self, job: Job) -> None:
        """Store a job in place of what was there under its id."""
        ...

    def remove(self, job: str) -> None:
        """Forget a job; nothing happens if there is none. Its names stay taken."""
        ...

    def page(self, query: JobQuery) -> tuple[Job, ...]:
        """Return matching jobs in the order asked for."""
        ...

    def reserve(self, space: str, name: str, job: str) -> str:
        """Take a name for a job alone; return the id of the job that has it.

        The first to reserve keeps it: where another job has the name already, that
        job's id is returned and nothing changes.
        """
        ...
