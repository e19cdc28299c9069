"""Streams as columns in the form in which they are kept: from pages, or from files."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from quire.actions.gathering_columns import Gathered, gathered
from quire.actions.made_columns import MadeColumns, Making, is_closed
from quire.actions.recent_columns import Known, RecentColumns, known_of
from quire.ports.column_files import ColumnFiles
from quire.ports.store import Store, Transaction
from quire.runs.columns.configuration import Configuration
from quire.runs.columns.layout import from_metadata
from quire.runs.columns.selection import Selection
from quire.runs.run import Run

_BLOCK_ROWS = 65_536
# Gathering a long stream takes seconds, and the store has but a few readers.
_AT_ONCE = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """A stream's columns in the kept form, as far as they are wanted.

    Attributes
    ----------
    documents
        How many of the run they were made of.
    events
        How many rows they have, superseded ones among them.
    """

    documents: int
    events: int
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
        self._recent = RecentColumns()

    async def of(self, run: Run, stream: str) -> Kept:
        """Return a stream's columns: its file, or a view made from the pages."""
        if is_closed(run):
            found = await asyncio.to_thread(
                self._files.find, run.uid, stream, run.documents
            )
            if found is not None:
                configuration, _ = from_metadata(found.schema)
                return Kept(
                    documents=run.documents,
                    events=found.events,
                    schema=found.schema,
                    configuration=configuration,
                    read=found.read,
                )
        self._made.want(run, stream)
        made = await self._gathered(run, stream)
        view = made.view

        def blocks(_: Selection) -> Iterator[Any]:
            for begin in range(0, max(view.table.num_rows, 1), _BLOCK_ROWS):
                yield view.table.slice(begin, _BLOCK_ROWS)

        return Kept(
            documents=made.documents,
            events=view.table.num_rows,
            schema=view.table.schema,
            configuration=view.configuration,
            read=blocks,
        )

    async def refresh(self, *, newest: bool = True) -> int:
        """Make the files that are missing; return how many streams got one."""
        self._recent.forget_unread(_clock())
        return await self._made.refresh(newest=newest)

    async def _gathered(self, run: Run, stream: str) -> Gathered:
        """Gather the pages behind what was made of them before."""
        asked = run.uid, stream
        known = self._recent.of(asked)
        if known is None:
            known = await asyncio.to_thread(self._in_files, *asked)
        behind = known.stretches

        def question(tx: Transaction) -> Gathered:
            now = tx.runs.get(run.uid) or run
            return gathered(tx, now, stream, behind)

        async with self._at_once:
            found = await self._store.view(question)
        self._recent.keep(asked, known, found, _clock())
        return found

    def _in_files(self, run: str, stream: str) -> Known:
        return known_of(self._files.stretches(run, stream))


def _clock() -> float:
    return asyncio.get_running_loop().time()
