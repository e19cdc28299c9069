"""The store in one SQLite file."""

import asyncio
import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, cast

from quire.ports.doorbell import Doorbell
from quire.ports.store import Decision
from quire.runs.searchable import Describe, searchable
from quire.storage.sqlite.folder import prepare
from quire.storage.sqlite.half_copy import refuse_half
from quire.storage.sqlite.pace import PATIENCE, Pace
from quire.storage.sqlite.readers import Readers
from quire.storage.sqlite.writer import Writer

T = TypeVar("T")

FILE_NAME = "quire.sqlite"


class SqliteStore:
    """`quire.ports.store.Store` in one file; made by `open`.

    WAL with ``synchronous=FULL``: what was acknowledged survives a power cut.
    """

    def __init__(self, writer: Writer, readers: Readers, *, lock: int) -> None:
        self._writer = writer
        self._readers = readers
        self._lock: int | None = lock

    @classmethod
    async def open(
        cls,
        path: Path,
        *,
        doorbell: Doorbell,
        on_fatal: Callable[[str], None] | None = None,
        describe: Describe = searchable,
        vfs: str | None = None,
        patience: float = PATIENCE,
    ) -> "SqliteStore":
        """Open the store, made if missing, and lock its folder.

        Parameters
        ----------
        path
            The data folder, or the database file itself (ending ``.sqlite``).
        on_fatal
            Called with the reason, on another thread, when the store has been
            unable to promise durability for 30 seconds.
        describe
            What turns a run into what it is searched by.
        vfs
            Name of a registered SQLite VFS to go through (fault injection).
        patience
            Seconds that an event loop may wait for the commit of a brief decision.

        Raises
        ------
        StoreUnavailable
            Another server has the folder, a newer Quire wrote it, a move to it was not
            ended, or it lies where durability cannot be promised.
        """
        file = path if path.suffix == ".sqlite" else path / FILE_NAME
        return await asyncio.to_thread(
            cls._open,
            file.absolute(),
            doorbell,
            on_fatal or _nobody,
            describe,
            vfs,
            Pace(patience),
        )

    @classmethod
    def _open(
        cls,
        file: Path,
        doorbell: Doorbell,
        on_fatal: Callable[[str], None],
        describe: Describe,
        vfs: str | None,
        pace: Pace,
    ) -> "SqliteStore":
        lock = prepare(file)
        try:
            refuse_half(file.parent)
            writer = Writer(
                file,
                doorbell=doorbell,
                on_fatal=on_fatal,
                describe=describe,
                pace=pace,
                vfs=vfs,
            )
        except BaseException:
            os.close(lock)
            raise
        return cls(writer, Readers(file, describe=describe, vfs=vfs), lock=lock)

    async def decide(self, decision: Decision[T], *, brief: bool = False) -> T:
        """Run the decision in a transaction and return what it returned.

        Raises
        ------
        StoreFull
            The disk is full. Nothing was kept of this decision.
        StoreUnavailable
            Durability cannot be promised now. Nothing was acknowledged.
        """
        return cast("T", await self._writer.submit(decision, brief=brief))

    async def view(self, question: Decision[T]) -> T:
        """Run a function that only reads, on one consistent state."""
        return cast("T", await self._readers.answer(question))

    async def ready(self) -> str:
        """Return why the store cannot take writes now, empty if it can."""
        return self._writer.unready

    async def aclose(self) -> None:
        """Finish what was begun, then let go of everything."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self._readers.close()
        self._writer.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def _nobody(_: str) -> None:
    """Tell nobody of the end."""
