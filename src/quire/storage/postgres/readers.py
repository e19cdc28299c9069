"""A pool of connections that only read, each view on one consistent state."""

import asyncio
import contextlib
import queue
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg

from quire.errors import StoreUnavailable
from quire.ports.store import Decision
from quire.runs.searchable import Describe
from quire.storage.postgres import connection as connections
from quire.storage.postgres import failures, sql
from quire.storage.postgres.changes import Changes
from quire.storage.postgres.session import Row, Session
from quire.storage.postgres.target import Target
from quire.storage.postgres.transaction import PostgresTransaction


class Readers:
    """Answers questions on a few threads."""

    def __init__(self, target: Target, *, describe: Describe, count: int = 4) -> None:
        self._target = target
        self._describe = describe
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="quire-reader")
        self._idle: queue.SimpleQueue[psycopg.Connection[Row]] = queue.SimpleQueue()
        self._closed = False

    async def answer(self, question: Decision[Any]) -> Any:
        """Run the question on one consistent state."""
        if self._closed:
            raise StoreUnavailable("it is closed")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._threads, self._answer, question)

    def close(self) -> None:
        """Wait for what was begun, then let go; blocks, may be repeated."""
        self._closed = True
        self._threads.shutdown()
        while not self._idle.empty():
            self._idle.get().close()

    def _answer(self, question: Decision[Any]) -> Any:
        try:
            return self._ask(self._idle_or_new(), question)
        except failures.STORE_ERRORS as problem:
            if not _is_worth_another(problem):
                raise failures.meaning(problem) from problem
        # A connection that was lost while it was idle says nothing of the database.
        self._drop_idle()
        try:
            return self._ask(connections.open_reader(self._target), question)
        except failures.STORE_ERRORS as problem:
            raise failures.meaning(problem) from problem

    def _idle_or_new(self) -> psycopg.Connection[Row]:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return connections.open_reader(self._target)

    def _ask(self, connection: psycopg.Connection[Row], question: Decision[Any]) -> Any:
        try:
            connection.execute(sql.BEGIN_READ)
            session = Session(connection, Changes(), deciding=False)
            return question(PostgresTransaction(session, self._describe))
        finally:
            with contextlib.suppress(psycopg.Error):
                connection.execute(sql.ROLLBACK)
            if connection.closed or self._closed:
                connection.close()
            else:
                self._idle.put(connection)

    def _drop_idle(self) -> None:
        with contextlib.suppress(queue.Empty):
            while True:
                self._idle.get_nowait().close()


def _is_worth_another(problem: Exception) -> bool:
    """Return whether another connection may give the answer."""
    again = isinstance(problem, failures.AGAIN)
    state = getattr(problem, "sqlstate", None) or "08"
    return again or state.startswith(failures.GONE)
