"""Quotes: estimates from the history of the same kind."""

from quire.clock import Clock
from quire.jobs.job import Job
from quire.jobs.phases import Phase
from quire.jobs.quoting import quote, typical_seconds
from quire.ports.job_records import JobQuery
from quire.ports.store import Store, Transaction

_HISTORY = 20
# More than these are not counted: then nothing is known.
_MOST_AHEAD = 200
_COMPLETED = frozenset({Phase.COMPLETED})
_AHEAD = frozenset({Phase.QUEUED, Phase.EXECUTING})


class Quotes:
    """Says when a job is likely to be done.

    Parameters
    ----------
    slots
        Attempts that run at once.
    """

    def __init__(self, store: Store, clock: Clock, *, slots: int) -> None:
        self._store = store
        self._clock = clock
        self._slots = slots

    async def of(self, job: Job) -> float | None:
        """Return the likely end in Unix seconds, None where it is unknown."""
        if job.phase.final:
            return None

        def question(tx: Transaction) -> float | None:
            past = JobQuery(limit=_HISTORY, kind=job.kind, phases=_COMPLETED)
            typical = typical_seconds(tx.jobs.page(past))
            if typical is None:
                return None
            ahead = _ahead(tx, job)
            if ahead == _MOST_AHEAD:
                return None
            now = self._clock.now()
            return quote(job, typical, ahead=ahead, slots=self._slots, now=now)

        return await self._store.view(question)


def _ahead(tx: Transaction, job: Job) -> int:
    if job.phase.occupied:
        return 0
    waiting = JobQuery(limit=_MOST_AHEAD, phases=_AHEAD, oldest_first=True)
    jobs = tx.jobs.page(waiting)
    if len(jobs) == _MOST_AHEAD:
        return _MOST_AHEAD
    # What a service runs outside takes no slot here.
    jobs = tuple(one for one in jobs if one.outside is None)
    if job.phase is Phase.PENDING:
        return len(jobs)
    return sum((one.created, one.id) < (job.created, job.id) for one in jobs)
