"""The jobs, and the ends of their logs, that the writer has touched last.

A job's life is a handful of decisions, each of which reads its row and the head of its
log before it changes them. There is one writer, so what it has put is what is there.
"""

from collections import OrderedDict
from typing import Generic, TypeVar

from quire.jobs.job import Job
from quire.progress.log import Head
from quire.storage.sqlite.uids import Uid

_JOBS = 2048
_HEADS = 4096
# Bytes of a record; a larger one is read again.
_LARGEST = 4096

T = TypeVar("T")
K = TypeVar("K")


class _Newest(Generic[K, T]):
    """What was put last, by a key."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._kept: OrderedDict[K, T] = OrderedDict()

    def get(self, key: K) -> T | None:
        return self._kept.get(key)

    def put(self, key: K, value: T) -> None:
        self._kept[key] = value
        self._kept.move_to_end(key)
        if len(self._kept) > self._most:
            self._kept.popitem(last=False)

    def drop(self, key: K) -> None:
        self._kept.pop(key, None)

    def clear(self) -> None:
        self._kept.clear()


class RecentJobs:
    """Jobs as the writer left them, and how far their logs have come."""

    def __init__(self) -> None:
        self._jobs: _Newest[str, Job] = _Newest(_JOBS)
        self._numbers: _Newest[int, str] = _Newest(_JOBS)
        self._heads: _Newest[Uid, Head] = _Newest(_HEADS)

    def job(self, job: str) -> Job | None:
        """Return a job if it is here."""
        return self._jobs.get(job)

    def put(self, job: Job, size: int) -> None:
        """Keep a job whose record has so many bytes, unless that is much."""
        if size > _LARGEST:
            self._jobs.drop(job.id)
        else:
            self._jobs.put(job.id, job)

    def remove(self, job: str) -> None:
        """Forget a job that is no more."""
        self._jobs.drop(job)

    def numbered(self, number: int) -> Job | None:
        """Return the job of a number if it is here."""
        job = self._numbers.get(number)
        return None if job is None else self._jobs.get(job)

    def number(self, number: int, job: str) -> None:
        """Keep whose a number is."""
        self._numbers.put(number, job)

    def head(self, operation: Uid) -> Head | None:
        """Return how far a log has come, if that is here."""
        return self._heads.get(operation)

    def put_head(self, operation: Uid, head: Head) -> None:
        """Keep how far a log has come."""
        self._heads.put(operation, head)

    def forget(self) -> None:
        """Forget all: what was put may not have been kept."""
        for newest in (self._jobs, self._numbers, self._heads):
            newest.clear()
