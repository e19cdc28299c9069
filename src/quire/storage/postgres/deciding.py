"""One connection that writes: decisions, many to one commit."""

import contextlib
import secrets
from collections.abc import Iterable, Sequence
from typing import LiteralString

import psycopg
from psycopg.pq import TransactionStatus

from quire.errors import StoreUnavailable
from quire.runs.searchable import Describe
from quire.storage.pending import Pending
from quire.storage.postgres import failures, sql
from quire.storage.postgres.changes import Changes
from quire.storage.postgres.session import Lock, Row, Session
from quire.storage.postgres.transaction import PostgresTransaction


class Deciding:
    """Runs batches of decisions on one connection.

    Attributes
    ----------
    committing
        Number of the commit that was sent and not answered; 0 if none was, or if it
        had written nothing.
    topics
        What the last commit has touched.
    writer
        The name of this connection: its commits have numbers of their own.
    """

    def __init__(self, connection: psycopg.Connection[Row], describe: Describe) -> None:
        self.connection = connection
        self.session = Session(connection, Changes(), deciding=True)
        self.committing = 0
        self.topics: set[str] = set()
        self.writer = secrets.token_hex(16)
        self._number = 0
        self._transaction = PostgresTransaction(self.session, describe)

    def commit(self, batch: Sequence[Pending], locks: Iterable[Lock]) -> None:
        """Decide and commit; errors of the store leave to be called `abandon`.

        Parameters
        ----------
        locks
            What an earlier try has found that it needs: locked first, in order, so
            that two who need the same wait for each other, and for nothing else.
        """
        if not self._decide_together(batch, locks):
            self._begin(locks)
            for pending in batch:
                self._decide(pending)
            self._commit()

    def abandon(self) -> None:
        """Roll back, and forget what was read and written."""
        self._transaction.forget()
        with contextlib.suppress(psycopg.Error):
            self._roll_back()

    def enlist(self) -> None:
        """Make this connection known, before its first commit."""
        self.connection.execute(sql.LEAVE_COMMITS)
        self.connection.execute(sql.ENLIST_WRITER, [self.writer])

    def kept(self, other: "Deciding") -> bool:
        """Return whether the commit was kept that a lost connection left in doubt.

        Raises
        ------
        psycopg.errors.LockNotAvailable
            It has not ended yet.
        """
        row = self.connection.execute(sql.LAST_COMMIT, [other.writer]).fetchone()
        return row == (other.committing,)

    def close(self) -> None:
        """Let go of the connection."""
        with contextlib.suppress(psycopg.Error):
            self.connection.close()

    def _decide_together(self, batch: Sequence[Pending], locks: Iterable[Lock]) -> bool:
        """Decide without savepoints, as nearly always does; False if one raised.

        Then nothing is kept, and each is decided again in a savepoint of its own.
        """
        self._begin(locks)
        for pending in batch:
            try:
                pending.outcome = pending.decision(self._transaction)
                pending.error = None
            except BaseException as problem:
                if failures.concerns_store(problem):
                    raise
                self._refuse_broken()
                pending.error = failures.as_told(problem)
                self._transaction.forget()
                self._roll_back()
                return len(batch) == 1
        self.session.changes.keep()
        self._commit()
        return True

    def _decide(self, pending: Pending) -> None:
        changes, mark = self.session.changes, self.session.mark()
        self._run(sql.SAVEPOINT)
        try:
            pending.outcome = pending.decision(self._transaction)
            pending.error = None
        except BaseException as problem:
            if failures.concerns_store(problem):
                raise
            self._refuse_broken()
            pending.error = failures.as_told(problem)
            changes.undo()
            self._run(sql.ROLLBACK_TO)
            # A savepoint's end frees the locks that were taken since, too.
            self.session.back_to(mark)
            self._transaction.documents.forget()
        else:
            changes.keep()
        self._run(sql.RELEASE)

    def _begin(self, locks: Iterable[Lock]) -> None:
        self.committing, self.topics = 0, set()
        self.session.begin()
        wanted = set(locks)
        if wanted:
            self._run(sql.WAIT_LONG)
            self.session.take(wanted)
            self._run(sql.WAIT_SHORT)

    def _commit(self) -> None:
        self.session.finish()
        if self.session.begun:  # else no decision has asked for anything
            self._end()
        self._transaction.keep()

    def _end(self) -> None:
        self._number += 1
        mark = (self.writer, self._number)
        row = self.connection.execute(sql.NUMBER_COMMIT, mark).fetchone()
        if self.connection.info.transaction_status is not TransactionStatus.INTRANS:
            raise StoreUnavailable("the transaction was ended early")
        self.topics = self.session.changes.committed()
        self.committing = 0 if row is None else self._number
        self._run(sql.COMMIT)
        self.committing = 0

    def _run(self, statement: LiteralString) -> None:
        # So short a statement gains nothing from being prepared.
        self.session.connection.execute(statement, prepare=False)

    def _roll_back(self) -> None:
        if self.connection.info.transaction_status is not TransactionStatus.IDLE:
            self._run(sql.ROLLBACK)

    def _refuse_broken(self) -> None:
        """Raise if the connection is gone, whatever a decision made of that."""
        if self.connection.closed:
            raise psycopg.OperationalError("the connection to the database is lost")
