"""Streams as columns in the form in which they are kept: from pages, or from files."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from quire.actions.gathering_columns import gathered
from quire.actions.made_columns import MadeColumns, Making, is_closed
from quire.ports.column_files import ColumnFiles
from quire.ports.store import Store, Transaction
from quire.runs.columns.configuration import Configuration
from quire.runs.columns.layout import ColumnView, from_metadata
from quire.runs.columns.selection import Selection
from quire.runs.run import Run

_BLOCK_ROWS = 65_536
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
    """Gives streams in the kept form."""

    def __init__(self, store: Store, files: ColumnFiles, making: Making) -> None:
        self._store = store
        self._files = files
        self._at_once = asyncio.Semaphore(_AT_ONCE)
        self._made = MadeColumns(store, files, self._at_once, making)
        self._latest: tuple[tuple[str, str, int], ColumnView] | None = None

    async def of(self, run: Run, stream: str) -> Kept:
        """Return a stream's columns: its file, or a view made from the pages."""
        if is_closed(run):
            found = await asyncio.to_thread(
                self._files.find, run.uid, stream, run.documents
            )
            if found is not None:
                configuration, _ = from_metadata(found.schema)
                return Kept(
                    schema=found.schema, configuration=configuration, read=found.read
                )
        self._made.want(run, stream)
        view = await self._gathered(run, stream)

        def blocks(_: Selection) -> Iterator[Any]:
            for begin in range(0, max(view.table.num_rows, 1), _BLOCK_ROWS):
                yield view.table.slice(begin, _BLOCK_ROWS)

        return Kept(
            schema=view.table.schema, configuration=view.configuration, read=blocks
        )

    async def refresh(self) -> int:
        """Make the files that are missing; return how many streams got one."""
        return await self._made.refresh()

    async def _gathered(self, run: Run, stream: str) -> ColumnView:
        """Return a view of the pages, with what was made of them before.

        The last small one is kept.
        """
        asked = run.uid, stream, run.documents
        if self._latest is not None and self._latest[0] == asked:
            return self._latest[1]
        behind = await asyncio.to_thread(self._files.stretches, run.uid, stream)

        def question(tx: Transaction) -> tuple[int, ColumnView]:
            now = tx.runs.get(run.uid) or run
            return now.documents, gathered(tx, now, stream, behind)

        async with self._at_once:
            documents, view = await self._store.view(question)
        if view.table.nbytes <= _KEPT_BYTES:
            self._latest = (run.uid, stream, documents), view
        return view
