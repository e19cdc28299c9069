"""The store in PostgreSQL, for many servers on one database."""

import asyncio
import threading
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

from quire.errors import StoreUnavailable
from quire.ports.doorbell import Doorbell
from quire.ports.store import Decision, Transaction
from quire.runs.searchable import Describe, searchable
from quire.storage.pending import Pending
from quire.storage.postgres import connection as connections
from quire.storage.postgres.data_folder import DataFolder
from quire.storage.postgres.readers import Readers
from quire.storage.postgres.standing import Standing
from quire.storage.postgres.target import Target
from quire.storage.postgres.writer import Waiting, Writer

T = TypeVar("T")


class PostgresStore:
    """`quire.ports.store.Store` in one database; made by `open`."""

    def __init__(
        self,
        writers: list[Writer],
        readers: Readers,
        *,
        waiting: Waiting,
        standing: Standing,
    ) -> None:
        self._writers = writers
        self._readers = readers
        self._waiting = waiting
        self._standing = standing
        self._gate = threading.Lock()

    @classmethod
    async def open(
        cls,
        target: Target | str,
        *,
        doorbell: Doorbell,
        on_fatal: Callable[[str], None] | None = None,
        describe: Describe = searchable,
        folder: Path | None = None,
        writers: int = 2,
        readers: int = 4,
    ) -> "PostgresStore":
        """Open the store; its tables are made if missing.

        Parameters
        ----------
        target
            The database, or its URL.
        on_fatal
            Never called: a database that is away comes back without a new process.
        describe
            What turns a run into what it is searched by.
        folder
            The data folder, which all servers on the database share.
        writers, readers
            Connections, with a thread each.

        Raises
        ------
        StoreUnavailable
            The database cannot be reached, a newer Quire wrote it, its server is set up
            so that it cannot promise durability, or servers are at work on it that
            have another data folder.
        """
        del on_fatal
        found = Target(target) if isinstance(target, str) else target
        return await asyncio.to_thread(
            cls._open, found, doorbell, describe, folder, writers, readers
        )

    @classmethod
    def _open(
        cls,
        target: Target,
        doorbell: Doorbell,
        describe: Describe,
        folder: Path | None,
        writers: int,
        readers: int,
    ) -> "PostgresStore":
        connections.prepare(target)
        connections.begin_serving(target)
        ours = None if folder is None else DataFolder(folder)
        waiting, standing = Waiting(), Standing(writers)
        made: list[Writer] = []
        try:
            for number in range(writers):
                writer = Writer(
                    number,
                    target=target,
                    waiting=waiting,
                    standing=standing,
                    doorbell=doorbell,
                    describe=describe,
                    folder=ours,
                )
                made.append(writer)
        except BaseException:
            for writer in made:
                writer.close()
            raise
        for writer in made:
            writer.start()
        pool = Readers(target, describe=describe, count=readers)
        return cls(made, pool, waiting=waiting, standing=standing)

    async def decide(self, decision: Decision[T], *, brief: bool = False) -> T:
        """Run the decision in a transaction and return what it returned.

        Raises
        ------
        StoreFull
            The disk is full. Nothing was kept of this decision.
        StoreUnavailable
            Durability cannot be promised now. Nothing was acknowledged.
        """
        del brief  # all go the same way
        with self._gate:
            if reason := self._standing.unready:
                raise StoreUnavailable(reason)
            pending = Pending(decision, asyncio.get_running_loop().create_future())
            self._waiting.put(pending)
        return cast("T", await pending.future)

    async def view(self, question: Decision[T]) -> T:
        """Run a function that only reads, on one consistent state."""
        return cast("T", await self._readers.answer(question))

    async def ready(self) -> str:
        """Return why the store cannot take writes now, empty if it can."""
        if reason := self._standing.unready:
            return reason
        try:
            await self.view(_nothing)
        except StoreUnavailable as problem:
            return problem.reason
        return self._standing.unready

    async def aclose(self) -> None:
        """Finish what was begun, then let go of everything."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        with self._gate:
            if not self._standing.closing.is_set():
                self._standing.closing.set()
                self._waiting.put(None)
        self._readers.close()
        for writer in self._writers:
            writer.join()


def _nothing(_: Transaction) -> None:
    """Ask nothing but whether there is an answer."""
