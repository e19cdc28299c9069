"""The one connection that writes: it decides, commits and checkpoints."""

import contextlib
import time
from collections.abc import Sequence
from pathlib import Path

import apsw

from quire.errors import StoreUnavailable
from quire.runs.searchable import Describe
from quire.storage.pending import Pending
from quire.storage.sqlite import connection as connections
from quire.storage.sqlite import sql
from quire.storage.sqlite.changes import TooLong
from quire.storage.sqlite.transaction import SqliteTransaction

_CHECKPOINT_PAGES = 1000
_TRUNCATE_PAGES = 65_536
# What a decision raises that is no error of its own.
_NOT_ITS_OWN = (*connections.STORE_ERRORS, TooLong)


class Deciding:
    """Commits batches of decisions; used by one thread at a time.

    Attributes
    ----------
    seconds
        What the disk took for the last commit.
    """

    def __init__(self, file: Path, describe: Describe, vfs: str | None) -> None:
        self._file = file
        self._vfs = vfs
        self._describe = describe
        self._log_pages = 0
        self._truncate_at = _TRUNCATE_PAGES
        self.seconds = 0.0
        self._connect()

    def commit(
        self, batch: Sequence[Pending], *, brief: bool = False
    ) -> StoreUnavailable | None:
        """Run decisions and commit them; nothing of them is kept if that fails.

        Parameters
        ----------
        brief
            Whether others wait for it.

        Returns
        -------
        StoreUnavailable or None
            Why it failed. Else each of `batch` has its outcome, or its own error.

        Raises
        ------
        TooLong
            It was to be brief, and is not. Nothing was kept.
        """
        self._transaction.changes.begin(brief=brief)
        try:
            if not self._decide_together(batch):
                self._execute(sql.BEGIN)
                for pending in batch:
                    self._decide(pending)
                self._commit()
        except TooLong:
            self._take_back()
            raise
        except (apsw.Error, StoreUnavailable) as problem:
            found = connections.meaning(problem, self._connection.system_errno)
            self._take_back()
            return found
        return None

    def topics(self) -> set[str]:
        """Return what the commit that has just succeeded has touched."""
        return self._transaction.changes.committed()

    @property
    def checkpoint_due(self) -> bool:
        """Whether the log has grown so long that it is to be worked off."""
        return self._log_pages >= _CHECKPOINT_PAGES

    def checkpoint(self) -> StoreUnavailable | None:
        """Work the log off; return why that failed, if it did."""
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

    def reopened(self) -> bool:
        """Open the database anew and prove that it takes writes; return whether."""
        self.close()
        try:
            self._connect()
            connections.prove(self._connection)
        except (apsw.Error, StoreUnavailable, OSError):
            return False
        return True

    def close(self) -> None:
        """Let go of the database."""
        with contextlib.suppress(apsw.Error):
            self._connection.close(force=True)

    def _connect(self) -> None:
        self._connection = connections.open_writer(self._file, self._vfs)
        self._connection.set_wal_hook(self._on_commit)
        # A cursor that is kept: to make one costs as much as to begin and to commit.
        self._execute = self._connection.cursor().execute
        self._transaction = SqliteTransaction(self._connection, self._describe)
        self._transaction.gather()

    def _on_commit(self, _: apsw.Connection, __: str, pages: int) -> int:
        self._log_pages = pages
        return apsw.SQLITE_OK

    def _decide_together(self, batch: Sequence[Pending]) -> bool:
        """Decide without savepoints, as nearly always does; False if one raised.

        Then nothing is kept, and each is decided again in a savepoint of its own.
        """
        self._execute(sql.BEGIN)
        for pending in batch:
            try:
                pending.outcome = pending.decision(self._transaction)
                pending.error = None
            except _NOT_ITS_OWN:
                raise
            except BaseException as problem:  # noqa: BLE001  # it is the caller's to judge
                pending.error = problem
                self._transaction.changes.abandon()
                self._roll_back()
                return len(batch) == 1
        self._transaction.changes.keep()
        if not self._connection.in_transaction:
            raise StoreUnavailable("SQLite ended the transaction early")
        self._commit()
        return True

    def _decide(self, pending: Pending) -> None:
        changes = self._transaction.changes
        self._connection.execute(sql.SAVEPOINT)
        try:
            pending.outcome = pending.decision(self._transaction)
            pending.error = None
        except _NOT_ITS_OWN:
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

    def _commit(self) -> None:
        self._transaction.changes.write()
        begun = time.perf_counter()
        try:
            self._execute(sql.COMMIT)
        finally:
            self.seconds = time.perf_counter() - begun

    def _take_back(self) -> None:
        self._transaction.changes.abandon()
        with contextlib.suppress(apsw.Error):
            self._roll_back()

    def _roll_back(self) -> None:
        if self._connection.in_transaction:
            self._connection.execute(sql.ROLLBACK)
