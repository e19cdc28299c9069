"""The numbers of jobs in memory."""

from collections.abc import Iterator

from quire.jobs.phases import Phase
from quire.ports.job_numbers import Numbered, NumberQuery
from quire.storage.memory.jobs import MemoryJobs
from quire.storage.memory.journal import Journal


class MemoryJobNumbers:
    """`quire.ports.job_numbers.JobNumbers` in a dictionary."""

    def __init__(self, journal: Journal, jobs: MemoryJobs) -> None:
        self._journal = journal
        self._jobs = jobs
        self._numbers: dict[int, str] = {}

    def allocate(self, job: str) -> int:
        """Give a number to a job that was put in this transaction."""
        number = len(self._numbers) + 1  # none is ever taken out
        self._journal.set(self._numbers, number, job)
        return number

    def find(self, number: int) -> Numbered | None:
        """Return the job of a number, whatever integer is asked for."""
        job = self._jobs.get(self._numbers.get(number, ""))
        if job is None or job.phase is Phase.ARCHIVED:
            return None
        return Numbered(number=number, job=job)

    def page(self, query: NumberQuery) -> tuple[Numbered, ...]:
        """Return matching jobs in the order asked for."""
        found = [one for one in self._all() if _fits(one, query)]
        found.sort(key=lambda one: one.place, reverse=not query.oldest_first)
        return tuple(found[query.skip : query.skip + max(query.limit, 0)])

    def services(self) -> tuple[str, ...]:
        """Return the kinds of the jobs that have numbers, sorted."""
        return tuple(sorted({one.job.kind for one in self._all()}))

    def owners(self, service: str | None = None) -> tuple[str, ...]:
        """Return the owners of the jobs that have numbers, sorted."""
        every = self._all()
        return tuple(
            sorted({one.job.owner for one in every if service in (None, one.job.kind)})
        )

    def _all(self) -> Iterator[Numbered]:
        found = (self.find(number) for number in self._numbers)
        return (one for one in found if one is not None)


def _fits(one: Numbered, query: NumberQuery) -> bool:
    job = one.job
    return (
        query.service in (None, job.kind)
        and query.owner in (None, job.owner)
        and (not query.phases or job.phase in query.phases)
        and (query.since is None or job.created > query.since)
        and (query.begin is None or one.place <= query.begin)
        and (query.newer_than is None or one.place > query.newer_than)
    )
