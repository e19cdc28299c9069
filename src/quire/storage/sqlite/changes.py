"""What a decision has touched, so that its commit can tell and its failure undo."""

import math
from typing import Any, TypeVar

from quire.access.visibility import Audience
from quire.storage.sqlite.facets import Facets
from quire.storage.sqlite.known_keys import KnownKeys
from quire.storage.sqlite.recent_jobs import RecentJobs
from quire.storage.sqlite.recent_runs import RecentRuns
from quire.storage.sqlite.uids import Uid

JOBS = "jobs"
RUNS = "runs"
_MOST_READ = 2000
_MOST_KNOWN = 4096

K = TypeVar("K")
V = TypeVar("V")


class TooLong(BaseException):  # no error, and not to be caught as one
    """A decision that others wait for turns out to be long."""


class Changes:
    """The topics to ring for, and how to forget what was cached of a decision.

    A decision's changes join those of the commit by `keep`, or go by `undo`.

    Attributes
    ----------
    jobs
        The jobs that were put last, good as long as nothing is undone.
    facets
        Counters that gather until the commit.
    anchors, access_lists
        Runs by anchor, and numbers of access lists by who is on them, that were asked
        for.
    """

    def __init__(
        self, known: KnownKeys, recent: RecentRuns, jobs: RecentJobs | None = None
    ) -> None:
        self.facets: Facets | None = None
        self._known = known
        self._recent = recent
        self.jobs = jobs or RecentJobs()
        self._caches: list[dict[Any, Any]] = []
        self.anchors: dict[str, str] = self.cache({})
        self.access_lists: dict[Audience, int] = self.cache({})
        self._committing: set[str] = set()
        self._topics: set[str] = set()
        self._noted: set[Uid | None] = set()
        self._may_read = math.inf

    def cache(self, empty: dict[K, V]) -> dict[K, V]:
        """Return a dictionary, to hold what is known of the database.

        It is emptied when something is undone, and between commits beyond some
        thousands.
        """
        self._caches.append(empty)
        return empty

    def begin(self, *, brief: bool) -> None:
        """Begin a commit, which may have to be brief."""
        self._may_read = _MOST_READ if brief else math.inf
        for cache in self._caches:
            if len(cache) > _MOST_KNOWN:
                cache.clear()

    def reads(self, documents: int) -> None:
        """Be told that a decision looks at so many of the stored documents.

        Raises
        ------
        TooLong
            The commit is to be brief, and they are too many for that.
        """
        self._may_read -= documents
        if self._may_read < 0:
            raise TooLong

    def touch(self, topic: str) -> None:
        """Have this topic rung after the commit."""
        self._topics.add(topic)

    def forget_on_undo(self, run: Uid | None) -> None:
        """Have the run's keys read again if the decision or its commit fails."""
        self._noted.add(run)

    def keep(self) -> None:
        """Make the decision's changes the commit's."""
        self._committing |= self._topics
        self._topics = set()
        if self.facets is not None:
            self.facets.keep()

    def write(self) -> None:
        """Write what was gathered, right before the commit."""
        if self.facets is not None:
            self.facets.write()

    def undo(self) -> None:
        """Drop the decision's changes."""
        self._topics = set()
        if self.facets is not None:
            self.facets.undo()
        # What earlier decisions of the commit cached is forgotten with it: that
        # costs a reading, never a wrong answer.
        self._forget()

    def committed(self) -> set[str]:
        """Return the topics of the commit that has just succeeded, and begin anew."""
        topics, self._committing = self._committing, set()
        self._noted = set()
        return topics

    def abandon(self) -> None:
        """Drop the changes of a commit that failed."""
        self._topics = set()
        self._committing = set()
        if self.facets is not None:
            self.facets.abandon()
        self._forget()

    def _forget(self) -> None:
        self._recent.forget()
        self.jobs.forget()
        for cache in self._caches:
            cache.clear()
        for run in self._noted:
            self._known.forget(run)
        self._noted = set()
