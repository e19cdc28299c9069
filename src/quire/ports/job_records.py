"""Jobs in the store."""

from typing import Protocol

import msgspec

from quire.jobs.job import Job
from quire.jobs.phases import Phase


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
    """

    limit: int
    owner: str | None = None
    phases: frozenset[Phase] = frozenset()
    kind: str = ""
    run: str = ""
    ready_at: float | None = None
    before: tuple[float, str] | None = None
    oldest_first: bool = False


class JobRecords(Protocol):
    """The jobs."""

    def get(self, job: str) -> Job | None:
        """Return a job by its id."""
        ...

    def put(self, job: Job) -> None:
        """Store a job in place of what was there under its id."""
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
