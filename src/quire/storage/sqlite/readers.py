"""A pool of connections that only read, each view in one read transaction."""

import asyncio
import queue
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import apsw

from quire.errors import StoreUnavailable
from quire.ports.store import Decision
from quire.runs.searchable import Describe
from quire.storage.sqlite import connection as connections
from quire.storage.sqlite import sql
from quire.storage.sqlite.transaction import SqliteTransaction


class Readers:
    """Answers questions on a few threads."""

    def __init__(
        self,
        file: Path,
        *,
        describe: Describe,
        count: int = 4,
        vfs: str | None = None,
    ) -> None:
        self._file = file
        self._describe = describe
        self._vfs = vfs
        self._threads = ThreadPoolExecutor(count, thread_name_prefix="quire-reader")
        self._idle: queue.SimpleQueue[apsw.Connection] = queue.SimpleQueue()
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
            connection = self._take()
            try:
                return self._ask(connection, question)
            finally:
                self._idle.put(connection)
        except connections.STORE_ERRORS as problem:
            raise connections.meaning(problem, 0) from problem

    def _take(self) -> apsw.Connection:
        try:
            return self._idle.get_nowait()
        except queue.Empty:
            return connections.open_reader(self._file, self._vfs)

    def _ask(self, connection: apsw.Connection, question: Decision[Any]) -> Any:
        connection.execute(sql.BEGIN_READ)
        try:
            return question(SqliteTransaction(connection, self._describe))
        finally:
            if connection.in_transaction:
                connection.execute(sql.ROLLBACK)
