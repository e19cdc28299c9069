"""Leadership by locks that end with their connection."""

import asyncio
import contextlib
import threading

import psycopg

from quire.storage.postgres import connection as connections
from quire.storage.postgres.session import Row, number_of
from quire.storage.postgres.target import Target

_TRY = "SELECT pg_try_advisory_lock(%s)"
_LEAVE = "SELECT pg_advisory_unlock(%s)"
_ALIVE = "SELECT 1"
# A server that is asked nothing for so long has vanished without a word, or hangs: by
# TCP alone the database would hold its locks for hours.
_NOT_FOR_EVER = "SELECT set_config('idle_session_timeout', %s, false)"
_HAS_IDLE_TIMEOUT = 14_00_00


class PostgresLeadership:
    """A `quire.ports.leadership.Leadership` for all servers on one database.

    A task is a session's advisory lock: it ends with the connection, so a server that
    dies or is cut off loses it without anybody's doing.

    Parameters
    ----------
    silence
        Seconds without a question after which it loses them as well; from PostgreSQL 14
        on.
    """

    def __init__(self, target: Target, *, silence: float = 15.0) -> None:
        self._target = target
        self._silence = silence
        self._lock = threading.Lock()
        self._connection: psycopg.Connection[Row] | None = None
        self._held: set[str] = set()
        self._closed = False

    async def holds(self, task: str) -> bool:
        """Return whether this server has the task, taken now if nobody has it.

        While the database is away nobody has any.
        """
        return await asyncio.to_thread(self._holds, task)

    async def leave(self, task: str) -> None:
        """Leave a task to others; nothing happens where it is not held."""
        await asyncio.to_thread(self._leave, task)

    async def aclose(self) -> None:
        """Leave all tasks to others."""
        await asyncio.to_thread(self._close)

    def _holds(self, task: str) -> bool:
        with self._lock:
            if self._closed:
                return False
            try:
                return self._ask(task)
            except psycopg.Error:
                self._let_go()
                return False

    def _ask(self, task: str) -> bool:
        connection = self._connection
        if connection is None:
            connection = connections.open_bell(self._target, "leadership")
            if connection.info.server_version >= _HAS_IDLE_TIMEOUT:
                connection.execute(_NOT_FOR_EVER, [f"{self._silence * 1000:.0f}"])
            self._connection = connection
        if task in self._held:
            connection.execute(_ALIVE)
            return True
        number = number_of("leadership", task)
        if connection.execute(_TRY, [number]).fetchone() != (True,):
            return False
        self._held.add(task)
        return True

    def _leave(self, task: str) -> None:
        with self._lock:
            if task not in self._held or self._connection is None:
                return
            self._held.discard(task)
            try:
                self._connection.execute(_LEAVE, [number_of("leadership", task)])
            except psycopg.Error:
                self._let_go()

    def _close(self) -> None:
        with self._lock:
            self._closed = True
            self._let_go()

    def _let_go(self) -> None:
        self._held.clear()
        if self._connection is not None:
            with contextlib.suppress(psycopg.Error):
                self._connection.close()
            self._connection = None
