"""A writer: a thread that decides and commits, through all that may befall it.

Several take batches from one queue. What came of a commit during which the connection
was lost is asked of the server afterwards; only what it has not kept is decided again.
"""

import contextlib
import queue
import random
import threading
import time
from collections.abc import Sequence

import psycopg

from quire.errors import StoreFull, StoreUnavailable
from quire.ports.doorbell import Doorbell
from quire.runs.searchable import Describe
from quire.storage.pending import Pending, settle
from quire.storage.postgres import connection as connections
from quire.storage.postgres import failures
from quire.storage.postgres.data_folder import DataFolder
from quire.storage.postgres.deciding import Deciding
from quire.storage.postgres.session import Lock
from quire.storage.postgres.standing import Standing
from quire.storage.postgres.target import Target

# So many that locks stay bounded: the database has a table of a fixed size for them.
MOST_IN_A_COMMIT = 200
_TRIES_TOGETHER = 3
_TRIES_ALONE = 30
_TRY_AGAIN_AFTER = 0.25  # seconds
# Who waits for a commit of unknown outcome is told so after this long, in seconds.
_UNKNOWN_FOR = 60.0

Waiting = queue.SimpleQueue[Pending | None]
"""Decisions; None at the end."""


class _Contended(StoreUnavailable):
    """Others were in the way every time."""


class Writer:
    """Runs decisions, many to one commit, on a thread of its own."""

    def __init__(
        self,
        number: int,
        *,
        target: Target,
        waiting: Waiting,
        standing: Standing,
        doorbell: Doorbell,
        describe: Describe,
        folder: DataFolder | None,
    ) -> None:
        self._number = number
        self._target = target
        self._folder = folder
        self._queue = waiting
        self._standing = standing
        self._doorbell = doorbell
        self._describe = describe
        self._jitter = random.Random()  # noqa: S311  # spreading, no secret
        self._deciding = self._connected()
        # A daemon: a server that fails before it closes the store must still end.
        self._thread = threading.Thread(
            target=self._work, name=f"quire-writer-{number}", daemon=True
        )

    def start(self) -> None:
        """Begin to take decisions."""
        self._thread.start()

    def join(self) -> None:
        """Wait for its end, which the end of the queue brings."""
        self._thread.join()

    def close(self) -> None:
        """Let go of the connection of a writer that was never started."""
        self._deciding.close()

    def _work(self) -> None:
        going = True
        while going:
            batch, going = self._take()
            if batch:
                self._serve(batch)
        self._queue.put(None)  # for the next writer
        self._deciding.close()

    def _take(self) -> tuple[list[Pending], bool]:
        batch: list[Pending] = []
        item = self._queue.get()
        while item is not None:
            batch.append(item)
            if len(batch) == MOST_IN_A_COMMIT:
                return batch, True
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _serve(self, batch: Sequence[Pending]) -> None:
        problem = self._commit(batch, tries=_TRIES_TOGETHER)
        if len(batch) > 1 and isinstance(problem, (StoreFull, _Contended)):
            # One large decision must not cost the small ones that still fit, nor one
            # that others are in the way of.
            for pending in batch:
                _finish([pending], self._commit([pending], tries=_TRIES_ALONE))
        else:
            _finish(batch, problem)
        if self._deciding.connection.closed:
            self._recover()

    def _commit(
        self, batch: Sequence[Pending], *, tries: int
    ) -> StoreUnavailable | None:
        """Decide and commit; return why it was not kept, None if it was."""
        locks: set[Lock] = set()
        problem: StoreUnavailable = _Contended("too many write to the same at once")
        for tried in range(1, tries + 1):
            try:
                self._deciding.commit(batch, locks)
            except failures.AGAIN:
                locks |= self._deciding.session.wanted
                self._deciding.abandon()
                time.sleep(self._jitter.uniform(0.0, 0.002) * tried)
            except (psycopg.Error, StoreUnavailable) as failure:
                problem = failures.meaning(failure)
                lost = failures.is_lost(failure, self._deciding.connection)
                self._deciding.abandon()
                if not lost:
                    return problem
                kept = self._settled_after_loss(problem)
                if kept is None:
                    return problem
                if kept:
                    self._tell()
                    return None
            else:
                self._tell()
                return None
        return problem

    def _tell(self) -> None:
        topics, self._deciding.topics = self._deciding.topics, set()
        if topics:
            self._doorbell.ring(topics)

    def _settled_after_loss(self, problem: StoreUnavailable) -> bool | None:
        """Connect anew; return whether the commit was kept, None if that is unknown.

        None, too, where nothing was kept and the database is away.
        """
        was = self._deciding
        was.close()
        if not was.committing:
            return False if self._reopened(problem) else None
        give_up = time.monotonic() + _UNKNOWN_FOR
        while time.monotonic() < give_up and not self._standing.closing.is_set():
            if self._reopened(problem):
                with contextlib.suppress(psycopg.Error):
                    kept = self._deciding.kept(was)
                    self._deciding.topics = was.topics if kept else set()
                    return kept
            self._refuse_waiting(problem)
            time.sleep(_TRY_AGAIN_AFTER / 5)
        return None

    def _recover(self) -> None:
        problem = StoreUnavailable("the connection to the database is lost")
        while not self._reopened(problem):
            problem = StoreUnavailable(self._standing.reason or problem.reason)
            self._refuse_waiting(problem)
            if self._standing.closing.wait(_TRY_AGAIN_AFTER):
                self._refuse_waiting(problem)
                return

    def _reopened(self, problem: StoreUnavailable) -> bool:
        if not self._deciding.connection.closed:
            return True
        try:
            self._deciding = self._connected()
        except StoreUnavailable as found:
            self._standing.trouble(self._number, found.reason or problem.reason)
            return False
        self._standing.trouble(self._number, "")
        return True

    def _refuse_waiting(self, problem: StoreUnavailable) -> None:
        """Refuse what waits, unless another writer can still serve it."""
        if not self._standing.unready:
            return
        refused = []
        with contextlib.suppress(queue.Empty):
            while (item := self._queue.get_nowait()) is not None:
                item.error = problem
                refused.append(item)
            self._queue.put(None)
        settle(refused)

    def _connected(self) -> Deciding:
        deciding = Deciding(connections.open_writer(self._target), self._describe)
        try:
            if self._folder is not None:
                self._folder.claim(deciding.connection)
            deciding.enlist()
        except (psycopg.Error, StoreUnavailable) as problem:
            deciding.close()
            raise failures.meaning(problem) from problem
        return deciding


def _finish(batch: Sequence[Pending], problem: StoreUnavailable | None) -> None:
    if problem is not None:
        for pending in batch:
            pending.outcome, pending.error = None, problem
    settle(batch)
