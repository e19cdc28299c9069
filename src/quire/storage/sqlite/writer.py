"""The writer: one thread that decides, commits and checkpoints."""

import asyncio
import contextlib
import queue
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import apsw

from quire.errors import StoreFull, StoreUnavailable
from quire.ports.doorbell import Doorbell
from quire.ports.store import Decision
from quire.runs.searchable import Describe
from quire.storage.pending import Pending, settle
from quire.storage.sqlite import connection as connections
from quire.storage.sqlite import sql
from quire.storage.sqlite.transaction import SqliteTransaction

_MOST_IN_A_COMMIT = 1000
_CHECKPOINT_PAGES = 1000
_TRUNCATE_PAGES = 65_536
_GIVE_UP_AFTER = 30.0  # seconds
_TRY_AGAIN_AFTER = 0.25


class Writer:
    """Runs decisions, many to one commit, on a thread of its own.

    Parameters
    ----------
    on_fatal
        Called with the reason, on the writer's thread, once the store could not be
        brought back for 30 seconds.
    """

    def __init__(
        self,
        file: Path,
        *,
        doorbell: Doorbell,
        on_fatal: Callable[[str], None],
        describe: Describe,
        vfs: str | None = None,
    ) -> None:
        self._file = file
        self._vfs = vfs
        self._describe = describe
        self._doorbell = doorbell
        self._on_fatal = on_fatal
        self._queue: queue.SimpleQueue[Pending | None] = queue.SimpleQueue()
        self._gate = threading.Lock()
        self._closing = threading.Event()
        self._log_pages = 0
        self._truncate_at = _TRUNCATE_PAGES
        self.unready = ""
        self._connect()
        # A daemon: a server that fails before it closes the store must still end.
        self._thread = threading.Thread(
            target=self._work, name="quire-writer", daemon=True
        )
        self._thread.start()

    def submit(self, decision: Decision[Any]) -> asyncio.Future[Any]:
        """Queue a decision; the future is the running loop's."""
        with self._gate:
            if self.unready:
                raise StoreUnavailable(self.unready)
            pending = Pending(decision, asyncio.get_running_loop().create_future())
            self._queue.put(pending)
        return pending.future

    def close(self) -> None:
        """Finish what was submitted, then let go; blocks, may be repeated."""
        with self._gate:
            if not self._closing.is_set():
                self._closing.set()
                self.unready = "it is closed"
                self._queue.put(None)
        self._thread.join()

    def _work(self) -> None:
        going = True
        while going:
            batch, going = self._take()
            problem = self._serve(batch)
            if problem is None:
                problem = self._checkpoint()
            if problem is not None and not isinstance(problem, StoreFull):
                self._recover(problem)
        self._disconnect()

    def _take(self) -> tuple[list[Pending], bool]:
        batch: list[Pending] = []
        item = self._queue.get()
        while item is not None:
            batch.append(item)
            if len(batch) == _MOST_IN_A_COMMIT:
                return batch, True
            try:
                item = self._queue.get_nowait()
            except queue.Empty:
                return batch, True
        return batch, False

    def _serve(self, batch: Sequence[Pending]) -> StoreUnavailable | None:
        if not batch:
            return None
        problem = self._commit(batch)
        if isinstance(problem, StoreFull) and len(batch) > 1:
            # One large decision must not cost the small ones that still fit.
            for pending in batch:
                alone = self._serve([pending])
                if alone is not None and not isinstance(alone, StoreFull):
                    problem = alone
            return problem
        if problem is None:
            topics = self._transaction.changes.committed()
            if topics:
                self._doorbell.ring(topics)
        else:
            self._note(problem)
            for pending in batch:
                pending.outcome, pending.error = None, problem
        settle(batch)
        return problem

    def _commit(self, batch: Sequence[Pending]) -> StoreUnavailable | None:
        try:
            if not self._decide_together(batch):
                self._connection.execute(sql.BEGIN)
                for pending in batch:
                    self._decide(pending)
                self._transaction.changes.write()
                self._connection.execute(sql.COMMIT)
        except (apsw.Error, StoreUnavailable) as problem:
            found = connections.meaning(problem, self._connection.system_errno)
            self._transaction.changes.abandon()
            with contextlib.suppress(apsw.Error):
                self._roll_back()
            return found
        return None

    def _decide_together(self, batch: Sequence[Pending]) -> bool:
        """Decide without savepoints, as nearly always does; False if one raised.

        Then nothing is kept, and each is decided again in a savepoint of its own.
        """
        self._connection.execute(sql.BEGIN)
        for pending in batch:
            try:
                pending.outcome = pending.decision(self._transaction)
                pending.error = None
            except connections.STORE_ERRORS:
                raise
            except BaseException as problem:  # noqa: BLE001  # it is the caller's to judge
                pending.error = problem
                self._transaction.changes.abandon()
                self._roll_back()
                return len(batch) == 1
        self._transaction.changes.keep()
        if not self._connection.in_transaction:
            raise StoreUnavailable("SQLite ended the transaction early")
        self._transaction.changes.write()
        self._connection.execute(sql.COMMIT)
        return True

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute(sql.ROLLBACK)

    def _decide(self, pending: Pending) -> None:
        changes = self._transaction.changes
        self._connection.execute(sql.SAVEPOINT)
        try:
            pending.outcome = pending.decision(self._transaction)
            pending.error = None
        except connections.STORE_ERRORS:
            raise
        except BaseException as problem:  # noqa: BLE001  # it is the caller's to judge
            pending.error = problem
            changes.undo()
            self._connection.execute(sql.ROLLBACK_TO)
        else:
            changes.keep()
        if not self._connection.in_transaction:
            raise StoreUnavailable("SQLite ended the transaction early")
        self._connection.execute(sql.RELEASE)

    def _checkpoint(self) -> StoreUnavailable | None:
        if self._log_pages < _CHECKPOINT_PAGES:
            return None
        mode = apsw.SQLITE_CHECKPOINT_PASSIVE
        if self._log_pages >= self._truncate_at:
            mode = apsw.SQLITE_CHECKPOINT_TRUNCATE
        try:
            self._connection.wal_checkpoint(mode=mode)
        except apsw.BusyError:
            self._truncate_at *= 2  # long readers: leave them time
        except connections.STORE_ERRORS as problem:
            return connections.meaning(problem, self._connection.system_errno)
        else:
            if mode == apsw.SQLITE_CHECKPOINT_TRUNCATE:
                self._truncate_at = _TRUNCATE_PAGES
            self._log_pages = 0
        return None

    def _note(self, problem: StoreUnavailable) -> None:
        # Before anybody is told, so that whoever was refused also finds it unready.
        if not isinstance(problem, StoreFull):
            with self._gate:
                self.unready = self.unready or problem.reason

    def _recover(self, problem: StoreUnavailable) -> None:
        self._note(problem)
        give_up = time.monotonic() + _GIVE_UP_AFTER
        while not self._closing.wait(_TRY_AGAIN_AFTER):
            self._refuse_waiting(problem)
            if self._reopened():
                with self._gate:
                    if not self._closing.is_set():
                        self.unready = ""
                return
            if time.monotonic() > give_up:
                self._on_fatal(problem.reason)
                give_up = float("inf")
        self._refuse_waiting(problem)

    def _refuse_waiting(self, problem: StoreUnavailable) -> None:
        refused = []
        with contextlib.suppress(queue.Empty):
            while (item := self._queue.get_nowait()) is not None:
                item.error = problem
                refused.append(item)
            self._queue.put(None)
        settle(refused)

    def _reopened(self) -> bool:
        self._disconnect()
        try:
            self._connect()
            connections.prove(self._connection)
        except (apsw.Error, StoreUnavailable, OSError):
            return False
        return True

    def _connect(self) -> None:
        self._connection = connections.open_writer(self._file, self._vfs)
        self._connection.set_wal_hook(self._on_commit)
        self._transaction = SqliteTransaction(self._connection, self._describe)
        self._transaction.gather()

    def _disconnect(self) -> None:
        with contextlib.suppress(apsw.Error):
            self._connection.close(force=True)

    def _on_commit(self, _: apsw.Connection, __: str, pages: int) -> int:
        self._log_pages = pages
        return apsw.SQLITE_OK
