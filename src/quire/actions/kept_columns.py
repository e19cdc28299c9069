"""Streams as columns in the form in which they are kept: from pages, or from files."""

import asyncio
import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import jiter

from quire.documents.document import Document
from quire.documents.names import DocumentName
from quire.ports.column_files import ColumnFiles
from quire.ports.run_records import RunQuery
from quire.ports.store import Store, Transaction
from quire.runs.columns.configuration import Configuration
from quire.runs.columns.gathering import Gathering
from quire.runs.columns.layout import ColumnView, from_metadata
from quire.runs.columns.selection import Selection
from quire.runs.run import Run

_log = logging.getLogger(__name__)
_BLOCK_ROWS = 65_536
# A smaller stream is read from its pages as quickly as from a file of its own.
LEAST_ROWS = 1_000
_NEWEST = 50
# Gathering a long stream takes seconds, and the store has but a few readers.
_AT_ONCE = 2
_KEPT_BYTES = 64 * 1024**2


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A stream's columns in the kept form, as far as they are wanted."""

    schema: Any
    configuration: Configuration
    read: Callable[[Selection], Iterator[Any]]


class KeptColumns:
    """Gives streams in the kept form, and keeps files of those of closed runs.

    Parameters
    ----------
    least_rows
        Events, superseded ones included, from which a stream gets a file.
    """

    def __init__(
        self, store: Store, files: ColumnFiles, *, least_rows: int = LEAST_ROWS
    ) -> None:
        self._store = store
        self._files = files
        self._least_rows = least_rows
        self._gathering = asyncio.Semaphore(_AT_ONCE)
        self._latest: tuple[tuple[str, str, int], ColumnView] | None = None
        self._made: dict[str, int] = {}
        self._wanted: dict[str, None] = {}

    async def of(self, run: Run, stream: str) -> Kept:
        """Return a stream's columns: its file, or a view made from the pages."""
        if _is_closed(run):
            found = await asyncio.to_thread(
                self._files.find, run.uid, stream, run.documents
            )
            if found is not None:
                configuration, _ = from_metadata(found.schema)
                return Kept(
                    schema=found.schema, configuration=configuration, read=found.read
                )
            self._want(run, stream)
        view = await self._gathered(run, stream)

        def blocks(_: Selection) -> Iterator[Any]:
            for begin in range(0, max(view.table.num_rows, 1), _BLOCK_ROWS):
                yield view.table.slice(begin, _BLOCK_ROWS)

        return Kept(
            schema=view.table.schema, configuration=view.configuration, read=blocks
        )

    async def refresh(self) -> int:
        """Make the missing files of closed runs; return how many streams got one.

        Of the runs that were read since the last time, and of the newest ones. Others
        get theirs when they are read.
        """
        query = RunQuery(limit=_NEWEST)
        newest = await self._store.view(lambda tx: tx.runs.page(query))
        wanted, self._wanted = list(self._wanted), {}
        made = 0
        # One that failed is tried again when it is read again.
        for run in await self._store.view(lambda tx: _runs(tx, wanted)):
            made += await self._make(run) if _is_closed(run) else 0
            self._made[run.uid] = run.documents
        for run in newest:
            if _is_closed(run) and self._made.get(run.uid) != run.documents:
                made += await self._make(run)
                self._made[run.uid] = run.documents
        while len(self._made) > 100 * _NEWEST:
            self._made.pop(next(iter(self._made)))
        return made

    async def _make(self, run: Run) -> int:
        made = 0
        for name, stream in run.streams.items():
            if stream.events < self._least_rows:
                continue
            if await asyncio.to_thread(self._files.find, run.uid, name, run.documents):
                continue
            try:
                made += await self._make_one(run.uid, name)
            except Exception:  # noqa: BLE001
                # One stream that cannot be shown must not stop the others.
                _log.exception(
                    "no column file of stream %s of run %s",
                    name,
                    run.uid,
                    extra={"run": run.uid},
                )
        return made

    async def _make_one(self, uid: str, stream: str) -> int:
        """Make one file, of the documents that there are now."""

        def question(tx: Transaction) -> tuple[int, ColumnView] | None:
            run = tx.runs.get(uid)
            if run is None or stream not in run.streams or not _is_closed(run):
                return None
            return _counted(tx, uid, stream)

        async with self._gathering:
            found = await self._store.view(question)
        if found is None:
            return 0
        documents, view = found
        await asyncio.to_thread(self._files.write, uid, stream, documents, view)
        return 1

    async def _gathered(self, run: Run, stream: str) -> ColumnView:
        """Return a view made from the pages; the last small one is kept."""
        asked = run.uid, stream, run.documents
        if self._latest is not None and self._latest[0] == asked:
            return self._latest[1]
        async with self._gathering:
            documents, view = await self._store.view(
                lambda tx: _counted(tx, run.uid, stream)
            )
        if view.table.nbytes <= _KEPT_BYTES:
            self._latest = (run.uid, stream, documents), view
        return view

    def _want(self, run: Run, stream: str) -> None:
        if run.streams[stream].events >= self._least_rows:
            self._wanted[run.uid] = None


def gathered(tx: Transaction, run: str, stream: str) -> ColumnView:
    """Return the column view of a stream from the pages, blocking as long as it takes.

    The pages are read one by one; of the rows only the arrays are held.
    """
    found = tx.runs.get(run)
    descriptors = {} if found is None else found.descriptors
    gathering = Gathering(descriptors, stream)
    for stored in tx.documents.of_run(run):
        if gathering.wants(stored.name, stored.raw):
            gathering.take(parsed(stored.name, stored.raw), stored.repeated)
    return gathering.view()


def _counted(tx: Transaction, run: str, stream: str) -> tuple[int, ColumnView]:
    """Return of how many documents a view is, and the view."""
    found = tx.runs.get(run)
    documents = 0 if found is None else found.documents
    return documents, gathered(tx, run, stream)


def parsed(name: DocumentName, raw: bytes) -> Document:
    """Return a document that is stored."""
    # Duplicate keys were refused when it came.
    return Document(name=name, body=jiter.from_json(raw, allow_inf_nan=True), raw=raw)


def _runs(tx: Transaction, uids: Sequence[str]) -> list[Run]:
    found = (tx.runs.get(uid) for uid in uids)
    return [run for run in found if run is not None]


def _is_closed(run: Run) -> bool:
    return run.exit_status is not None
