"""The files of column views: made behind the commits, for runs that matter now."""

import asyncio
import logging
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass
from typing import Any

from quire.actions.gathering_columns import Stretched, gathered, stretched
from quire.ports.column_files import ColumnFiles
from quire.ports.run_records import RunQuery
from quire.ports.store import Store, Transaction
from quire.runs.columns.gathering import BLOCK_ROWS
from quire.runs.columns.layout import ColumnView
from quire.runs.run import Run

_log = logging.getLogger(__name__)
# A smaller stream is read from its pages as quickly as from a file of its own.
LEAST_ROWS = 1_000
_NEWEST = 50
_REMEMBERED = 100 * _NEWEST

Make = Callable[[Run, str], Coroutine[Any, Any, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Making:
    """When files are made.

    Attributes
    ----------
    least_rows
        Events, superseded ones included, from which a stream gets a file, and from
        which it is looked at for stretches.
    stretch_rows
        Of how many rows a stretch is made; of fewer where they are large.
    rest
        How many times as long as stretches took nothing is done for open runs that
        nobody reads: to parse their documents takes processor time that ingest needs.
    """

    least_rows: int = LEAST_ROWS
    stretch_rows: int = BLOCK_ROWS
    rest: float = 9.0


DEFAULT = Making()


class MadeColumns:
    """Makes a file of each stream of a closed run, and stretches of those of open ones.

    Parameters
    ----------
    at_once
        Bounds how many streams are gathered at a time, here and elsewhere.
    """

    def __init__(
        self,
        store: Store,
        files: ColumnFiles,
        at_once: asyncio.Semaphore,
        making: Making = DEFAULT,
    ) -> None:
        self._store = store
        self._files = files
        self._at_once = at_once
        self._making = making
        self._rests_until = 0.0
        self._made: dict[str, int] = {}
        self._wanted: dict[str, None] = {}
        # From how many events on a stream is looked at for stretches again.
        self._due: dict[tuple[str, str], int] = {}

    def want(self, run: Run, stream: str) -> None:
        """Take note that a stream was read that has no file."""
        if run.streams[stream].events >= self._making.least_rows:
            self._wanted[run.uid] = None

    async def refresh(self, *, newest: bool = True) -> int:
        """Make what is missing; return how many streams got a file.

        Of the runs that were read since the last time, and of the newest ones, unless
        another server sees to those. Others get theirs when they are read.
        """
        wanted, self._wanted = self._wanted, {}
        found = await self._store.view(lambda tx: _runs(tx, list(wanted)))
        if newest:
            query = RunQuery(limit=_NEWEST)
            found += await self._store.view(lambda tx: tx.runs.page(query))
        made = 0
        for run in {one.uid: one for one in found}.values():
            # One that failed is tried again when it is read again.
            if run.uid not in wanted and (self._knows(run) or self._waits(run)):
                continue
            made += await self._make(run, self._maker(run, read=run.uid in wanted))
            self._made[run.uid] = run.documents
        for remembered in (self._made, self._due):
            _forget_oldest(remembered)
        return made

    def _maker(self, run: Run, *, read: bool) -> Make:
        if is_closed(run):
            return self._make_file
        return self._make_all_stretches if read else self._make_stretches

    def _knows(self, run: Run) -> bool:
        return self._made.get(run.uid) == run.documents

    def _waits(self, run: Run) -> bool:
        return not is_closed(run) and _clock() < self._rests_until

    async def _make(self, run: Run, make: Make) -> int:
        made = 0
        for name, stream in run.streams.items():
            if stream.events < self._making.least_rows:
                continue
            try:
                made += await make(run, name)
            except Exception:  # noqa: BLE001
                # One stream that cannot be shown must not stop the others.
                _log.exception(
                    "no column file of stream %s of run %s",
                    name,
                    run.uid,
                    extra={"run": run.uid},
                )
        return made

    async def _make_file(self, run: Run, stream: str) -> int:
        """Make one file, of the documents that there are now."""
        uid = run.uid
        if await asyncio.to_thread(self._files.find, uid, stream, run.documents):
            return 0
        behind = await asyncio.to_thread(self._files.stretches, uid, stream)

        def question(tx: Transaction) -> tuple[int, ColumnView] | None:
            now = tx.runs.get(uid)
            if now is None or stream not in now.streams or not is_closed(now):
                return None
            return now.documents, gathered(tx, now, stream, behind).view

        async with self._at_once:
            found = await self._store.view(question)
        if found is None:
            return 0
        await asyncio.to_thread(self._files.write, uid, stream, *found)
        return 1

    async def _make_all_stretches(self, run: Run, stream: str) -> int:
        """Make the stretches of a run that is read, however many are missing."""
        while await self._add_stretches(run, stream):
            continue
        return 0

    async def _make_stretches(self, run: Run, stream: str) -> int:
        """Make some stretches, then let others have the processor."""
        begun = _clock()
        if await self._add_stretches(run, stream):
            now = _clock()
            self._rests_until = now + self._making.rest * (now - begun)
        return 0

    async def _add_stretches(self, run: Run, stream: str) -> int:
        """Make stretches, if as many rows have come as the next one takes."""
        asked, events = (run.uid, stream), run.streams[stream].events
        if run.unplaced or events < self._due.get(asked, 0):
            return 0
        behind = await asyncio.to_thread(self._files.stretches, *asked)

        def question(tx: Transaction) -> Stretched:
            now = tx.runs.get(run.uid)
            if now is None or now.unplaced:
                return Stretched(kept=len(behind))
            rows = self._making.stretch_rows
            return stretched(tx, now, stream, behind, block_rows=rows)

        async with self._at_once:
            done = await self._store.view(question)
        for place, stretch in enumerate(done.new, done.kept):
            await asyncio.to_thread(self._files.add, *asked, place, stretch)
        if behind and not done.kept:
            # A document came among theirs, and more may: not at each of them.
            self._due[asked] = 2 * events
        else:
            held = sum(one.chunk.rows for one in (*behind, *done.new))
            self._due[asked] = held + done.next_rows
        return len(done.new)


def _clock() -> float:
    return asyncio.get_running_loop().time()


def is_closed(run: Run) -> bool:
    """Return whether a run has been ended, by a stop document or by hand."""
    return run.exit_status is not None


def _runs(tx: Transaction, uids: Sequence[str]) -> list[Run]:
    found = (tx.runs.get(uid) for uid in uids)
    return [run for run in found if run is not None]


def _forget_oldest(remembered: dict[Any, int]) -> None:
    while len(remembered) > _REMEMBERED:
        remembered.pop(next(iter(remembered)))
