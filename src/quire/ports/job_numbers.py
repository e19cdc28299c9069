"""Small numbers of jobs that are run outside, and the jobs in their order."""

from typing import Protocol

import msgspec

from quire.jobs.job import Job
from quire.jobs.phases import Phase

Place = tuple[float, int]
"""Where a job stands: when it was created (Unix seconds), and its number."""


class Numbered(msgspec.Struct, frozen=True, kw_only=True):
    """A job and its number."""

    number: int
    job: Job

    @property
    def place(self) -> Place:
        """Where it stands in a list."""
        return (self.job.created, self.number)


class NumberQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Which jobs to return, newest first by (created, number), or oldest first.

    Attributes
    ----------
    skip
        So many of the first are left out.
    service, owner
        Only jobs of this kind, of this owner; None for all.
    phases
        Any of these; empty for all.
    since
        Only jobs created later than these Unix seconds.
    begin
        Only jobs that stand here or are older.
    newer_than
        Only jobs that are newer than this.
    """

    limit: int
    skip: int = 0
    service: str | None = None
    owner: str | None = None
    phases: frozenset[Phase] = frozenset()
    since: float | None = None
    begin: Place | None = None
    newer_than: Place | None = None
    oldest_first: bool = False


class JobNumbers(Protocol):
    """The numbers.

    Guarantees
    ----------
    - Numbers begin at 1, grow in the order of the commits, and are never given twice,
      whatever is removed.
    - A job that is removed, or ARCHIVED, has no number any more.
    """

    def allocate(self, job: str) -> int:
        """Give a number to a job that was put in this transaction."""
        ...

    def find(self, number: int) -> Numbered | None:
        """Return the job of a number, whatever integer is asked for."""
        ...

    def page(self, query: NumberQuery) -> tuple[Numbered, ...]:
        """Return matching jobs in the order asked for."""
        ...

    def services(self) -> tuple[str, ...]:
        """Return the kinds of the jobs that have numbers, sorted."""
        ...

    def owners(self, service: str | None = None) -> tuple[str, ...]:
        """Return the owners of the jobs that have numbers, sorted."""
        ...
