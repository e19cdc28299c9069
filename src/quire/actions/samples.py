"""A stream of a run as it grows, in as few rows as a plot shows."""

import asyncio
import threading
from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from itertools import islice

import msgspec

from quire.access.principals import Principal
from quire.actions.broadcast import SILENCE_SECONDS, Listener
from quire.actions.columns import ColumnViews, OpenStream
from quire.actions.gathering_columns import parsed
from quire.actions.look_back import repeated_in
from quire.actions.lookup import By, find_run
from quire.documents.document import Document
from quire.documents.identity import bulk_rows, rows
from quire.documents.names import DocumentName as Name
from quire.errors import InputError
from quire.ports.doorbell import Doorbell
from quire.ports.store import Store, Transaction
from quire.runs.columns.samples import FIXED, Samples, number_keys, picture_of
from quire.runs.columns.selection import Selection
from quire.runs.run import Run

_PAUSE_SECONDS = 0.15
_DOCUMENTS = 4000
_EVENTS = frozenset({Name.EVENT, Name.EVENT_PAGE, Name.BULK_EVENTS})
_MOST_SHOWN = 4

Columns = Mapping[str, Sequence[float | None]]


class Sampled(msgspec.Struct, frozen=True, kw_only=True):
    """Rows for a plot; none says that nothing came for a while.

    Attributes
    ----------
    anew
        Whether they take the place of all rows until now.
    columns
        ``seq_num``, ``time`` and the data keys; None where there is no number.
    events
        How many events the stream has.
    status
        The run's, once it is over; nothing follows.
    """

    anew: bool = False
    columns: Columns = {}
    events: int = 0
    status: str = ""


class View(msgspec.Struct, frozen=True, kw_only=True):
    """What a plot shows.

    Attributes
    ----------
    columns
        Data keys; None for all that have numbers.
    width
        In pixels.
    """

    stream: str
    columns: tuple[str, ...] | None = None
    width: int = 800


class _Look:
    """What one client has seen of a stream."""

    def __init__(self, view: View) -> None:
        self.events = 0
        self._view = view
        self._row = self._sent = 0
        self._renewed = -1
        self._keys: tuple[str, ...] = ()

    def at(self, samples: Samples) -> Sampled | None:
        """Return what is new; a new picture where rows of before are void.

        So too where the client would have to keep many more than it can show.
        """
        full = self._sent > _MOST_SHOWN * 2 * self._view.width
        same = samples.renewed == self._renewed and samples.keys == self._keys
        anew = full or not same
        if not anew and samples.rows == self._row:
            return None
        keys = samples.keys if self._view.columns is None else self._view.columns
        begin = 0 if anew else self._row
        columns = samples.since(begin, keys, self._view.width)
        size = len(columns[FIXED[0]])
        self._sent = size if anew else self._sent + size
        self._row, self._renewed = samples.rows, samples.renewed
        self._keys, self.events = samples.keys, samples.events
        return Sampled(anew=anew, columns=columns, events=samples.events)


class _Sampler:
    """Reads one stream's new documents for all who look at it."""

    def __init__(self, store: Store, doorbell: Doorbell, run: str, stream: str) -> None:
        self.listeners: set[Listener] = set()
        self.status = ""
        self.read = False
        self._samples = Samples()
        # Filled by one of the store's threads while others look.
        self._lock = threading.Lock()
        self._store = store
        self._doorbell = doorbell
        self._run = run
        self._stream = stream
        self._next = 0
        self._documents = -1
        self._failed: Exception | None = None
        self.reading = asyncio.create_task(self._read())

    def check(self) -> None:
        """Raise what ended the reading, if it was no end of the run."""
        if self._failed is not None:
            raise self._failed

    def see(self, look: _Look) -> Sampled | None:
        """Return what is new to one who looks."""
        with self._lock:
            return look.at(self._samples)

    async def _read(self) -> None:
        try:
            while not self.status:
                ticket = self._doorbell.ticket("runs")
                whole = await self._store.view(self._take)
                self.read = whole
                for listener in self.listeners:
                    listener.wake()
                if whole and not self.status:
                    await self._doorbell.wait("runs", ticket, SILENCE_SECONDS)
                    await asyncio.sleep(_PAUSE_SECONDS)
        except Exception as error:  # noqa: BLE001 - raised by each listener
            self._failed = error
            for listener in self.listeners:
                listener.wake()

    def _take(self, tx: Transaction) -> bool:
        """Take some of the new documents; return whether those were all."""
        run = tx.runs.get(self._run)
        if run is None or run.documents == self._documents:
            return True
        uids = {uid for uid, name in run.descriptors.items() if name == self._stream}
        taken = 0
        for stored in islice(tx.documents.of_run(self._run, self._next), _DOCUMENTS):
            taken += 1
            self._next = stored.number + 1
            if stored.name in _EVENTS:
                document = parsed(stored.name, stored.raw)
                others = {*repeated_in(tx, self._run, stored), *_others(document, uids)}
                if len(others) < len(stored.keys):
                    with self._lock:
                        self._samples.take(document, others)
        if taken == _DOCUMENTS:
            return False
        self._documents = run.documents
        if run.exit_status is not None:
            self.status = run.status
        return True


class SampleStreams:
    """Gives streams of runs to those who look at them."""

    def __init__(self, store: Store, doorbell: Doorbell, columns: ColumnViews) -> None:
        self._store = store
        self._doorbell = doorbell
        self._columns = columns
        self._open: dict[tuple[str, str], _Sampler] = {}

    async def follow(
        self, which: str, principal: Principal, view: View
    ) -> AsyncIterator[Sampled]:
        """Return the picture of a stream as it is, then what comes, until the end.

        Raises
        ------
        NotFound
            There is no such run.
        InputError
            The run is over and has no stream of that name.
        """
        run = await self._store.view(lambda tx: find_run(tx, which, principal))
        if view.stream not in run.streams and run.exit_status is not None:
            known = ", ".join(sorted(run.streams)) or "none"
            raise InputError("stream", f"{view.stream!r} is none", f"of {known}")
        if run.exit_status is not None:
            return self._picture(run, principal, view)
        return self._samples(run, view)

    async def _picture(
        self, run: Run, principal: Principal, view: View
    ) -> AsyncIterator[Sampled]:
        """Show a run that is over: its columns may lie ready in a file."""

        async def opened(*columns: str) -> OpenStream:
            selection = Selection(columns=columns, timestamps=False, assets=False)
            if not columns:
                selection = msgspec.structs.replace(selection, columns=None)
            return await self._columns.open(
                run.uid, view.stream, principal, by=By.UID, selection=selection
            )

        known = number_keys((await opened()).schema)
        keys = [key for key in known if view.columns is None or key in view.columns]
        events = 0
        if keys:
            tables = (await opened(*keys)).tables()
            events, columns = await asyncio.to_thread(
                picture_of, tables, keys, view.width
            )
            yield Sampled(anew=True, columns=columns, events=events)
        yield Sampled(status=run.status, events=events)

    async def _samples(self, run: Run, view: View) -> AsyncIterator[Sampled]:
        listener, key = Listener(), (run.uid, view.stream)
        sampler = self._open.get(key)
        if sampler is None or sampler.reading.done():
            sampler = _Sampler(self._store, self._doorbell, *key)
            self._open[key] = sampler
        sampler.listeners.add(listener)
        try:
            async for sampled in _shown(sampler, listener, view):
                yield sampled
        finally:
            sampler.listeners.discard(listener)
            if not sampler.listeners:
                sampler.reading.cancel()
                if self._open.get(key) is sampler:
                    del self._open[key]


async def _shown(
    sampler: _Sampler, listener: Listener, view: View
) -> AsyncIterator[Sampled]:
    look = _Look(view)
    while True:
        sampler.check()
        # Taken before the look, so that the end comes behind the last rows.
        status, whole = sampler.status, sampler.read
        sampled = await asyncio.to_thread(sampler.see, look) if whole else None
        if sampled is not None:
            yield sampled
        if status:
            yield Sampled(status=status, events=look.events)
            return
        try:
            async with asyncio.timeout(SILENCE_SECONDS):
                await listener.sleep()
        except TimeoutError:
            yield Sampled()


def _others(document: Document, uids: set[str]) -> Iterable[int]:
    """Return the places of rows of other descriptors."""
    if document.name is Name.BULK_EVENTS:
        events = bulk_rows(document.body)
        return [at for at, one in enumerate(events) if one["descriptor"] not in uids]
    return () if document.body["descriptor"] in uids else range(rows(document))
