"""What waits in the queue, as the dispatcher last saw it.

A short queue is read whole. Of a long one the oldest jobs are read, and those that
came since: one owner's thousands then do not hide another's one. What is remembered may
be out of date; it is looked at again before it is launched.
"""

import bisect
from collections import defaultdict
from collections.abc import Callable, Iterable

from msgspec.structs import replace

from quire.jobs.job import Job
from quire.jobs.phases import Phase
from quire.ports.job_records import JobQuery
from quire.ports.store import Transaction

_QUEUED = frozenset({Phase.QUEUED})
_WINDOW = 256
# The most that is read of a long queue at once, where its oldest jobs cannot begin.
_FARTHEST = 20 * _WINDOW
# Of one owner and kind no more is remembered.
_MOST_EACH = 2 * _WINDOW
# Seconds for which the queue is not read again while there is enough to begin, and for
# which a long one is not, whose oldest jobs cannot begin.
_FRESH = 0.1
_FRESH_BLOCKED = 1.0

_Place = tuple[float, str]


class Backlog:
    """Jobs that wait, by owner and kind, oldest first.

    Not safe from two threads at once; the dispatcher looks once at a time.

    Parameters
    ----------
    has
        Says whether a job was launched already, though it still waits in the store.
    """

    def __init__(self, has: Callable[[Job], bool]) -> None:
        self._has = has
        self._jobs: dict[tuple[str, str], dict[str, Job]] = {}
        self._order: dict[tuple[str, str], list[_Place]] = {}
        self._newest = 0.0
        self._read_at = float("-inf")
        self._long = False
        self._fresh = _FRESH

    @property
    def whole(self) -> bool:
        """Whether the queue was short enough to be read whole."""
        return not self._long

    @property
    def fresh_until(self) -> float:
        """Unix seconds until which it need not be read again."""
        return self._read_at + self._fresh

    def heads(self, each: int) -> list[Job]:
        """Return the first of every owner and kind, `each` at the most."""
        return [
            self._jobs[key][job]
            for key, order in self._order.items()
            for _, job in order[:each]
        ]

    def drop(self, job: Job) -> None:
        """Forget a job."""
        key = (job.owner, job.kind)
        if self._jobs.get(key, {}).pop(job.id, None) is None:
            return
        self._order[key].remove((job.created, job.id))
        if not self._order[key]:
            del self._order[key], self._jobs[key]

    def read(self, tx: Transaction, now: float, enough: Callable[[], bool]) -> None:
        """Read the queue anew.

        Parameters
        ----------
        enough
            Asked after each window: whether there is what to begin.
        """
        self._read_at, self._fresh = now, _FRESH
        query = JobQuery(limit=_WINDOW, phases=_QUEUED, ready_at=now, oldest_first=True)
        page = tx.jobs.page(query)
        if len(page) < _WINDOW:
            self._long = False
            self._jobs, self._order = {}, {}
            self._add(page)
            return
        if not self._long:
            self._jobs, self._order, self._newest = {}, {}, 0.0
        self._long = True
        self._add(page)
        self._add_arrivals(tx, query)
        far = _WINDOW
        while len(page) == _WINDOW and far < _FARTHEST and not enough():
            query = replace(query, before=(page[-1].created, page[-1].id))
            page = tx.jobs.page(query)
            self._add(page)
            far += _WINDOW
            self._fresh = _FRESH_BLOCKED

    def _add_arrivals(self, tx: Transaction, query: JobQuery) -> None:
        newest = self._newest or None
        arrived = tx.jobs.page(
            replace(query, oldest_first=False, after=newest, limit=_FARTHEST)
            if newest
            else replace(query, oldest_first=False)
        )
        self._newest = max([self._newest, *(job.created for job in arrived)])
        self._add(arrived)

    def _add(self, jobs: Iterable[Job]) -> None:
        groups: dict[tuple[str, str], list[Job]] = defaultdict(list)
        for job in jobs:
            if not self._has(job):
                groups[job.owner, job.kind].append(job)
        for key, group in groups.items():
            known = self._jobs.setdefault(key, {})
            order = self._order.setdefault(key, [])
            for job in group:
                if job.id not in known:
                    bisect.insort(order, (job.created, job.id))
                known[job.id] = job
            for _, job_id in order[_MOST_EACH:]:
                del known[job_id]
            del order[_MOST_EACH:]
