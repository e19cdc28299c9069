"""Collecting: every source on this machine, unchanging, and its hashes known.

What is collected lies in the job's folder ``done`` with a mark that says where it came
from; a later attempt takes it from there. What was only linked, or shares its blocks with
its source, has a mark only if the acquisition is blocked: to fetch it again costs nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from functools import partial
from pathlib import Path
from threading import Event

import msgspec

from quire.actions.attempt_folders import DONE, source_name
from quire.jobs.job import Alert
from quire.kinds.merge.gathering import Task, gathered
from quire.kinds.merge.outcomes import Stuck, error_alert, suspicious
from quire.kinds.merge.slots import HostSlots
from quire.ports.transfer import (
    Fetched,
    Marks,
    SourceChanging,
    Transfer,
    TransferProblem,
)
from quire.products.source_problem import SourceChanged, SourceProblem
from quire.products.specification import DataProductSpecification, FitsFile
from quire.writers.fits.collected import Held, Known, Memory, digests_of, held
from quire.writers.fits.hashing import Digest
from quire.writers.fits.publish import sync_folder

# The folder, in that of what is done, of what is not.
_BEGUN = "begun"
_LATER = "it changed after it was collected"
# Files of this machine that have no more in all are read once, into memory: threads take
# longer to start than that, and to read what is only linked again takes longer still.
_SMALL = 8 * 1024 * 1024


class Stopped(Exception):
    """The collecting was told to stop."""


class CollectedSource(msgspec.Struct, frozen=True, kw_only=True):
    """A source that is here; also what its mark says.

    Attributes
    ----------
    path
        Where it lies.
    digests
        What each of its HDUs comes to; nothing for what is held in memory.
    """

    location: str
    path: str
    size: int
    fetched: Fetched
    digests: tuple[Digest, ...]


class Collected(msgspec.Struct, frozen=True, kw_only=True):
    """All sources of a product.

    Attributes
    ----------
    owned
        The private copy that the merge may use up, if there is one.
    held
        The small ones that are only linked, as they were, by location.
    alerts
        What a person should know of.
    """

    sources: tuple[CollectedSource, ...]
    owned: Path | None
    held: dict[str, Held]
    alerts: tuple[Alert, ...]

    @property
    def paths(self) -> dict[str, Path]:
        """Where each location's file lies."""
        return {one.location: Path(one.path) for one in self.sources}

    @property
    def known(self) -> Known:
        """What the merge need not find out again."""
        return Known(
            digests={
                one.location: one.digests
                for one in self.sources
                if one.location not in self.held
            },
            private=frozenset(
                one.location for one in self.sources if not one.fetched.linked
            ),
            held=self.held,
        )


class Collecting:
    """Collects the sources of one product.

    Parameters
    ----------
    folder
        The attempt's own; sources are fetched there. Once they are complete they go to
        the job's folder of what is done.
    slots
        Those of the hosts they are fetched from.
    proceed
        Called often in the caller's thread; raises to stop.
    tell
        Told what is going on, for people, in any thread.
    counted
        Told how many more bytes are here, in any thread.
    """

    def __init__(
        self,
        specification: DataProductSpecification,
        transfers: Sequence[Transfer],
        marks: Marks,
        *,
        folder: Path,
        slots: HostSlots,
        proceed: Callable[[], None],
        tell: Callable[[str], None] = lambda _: None,
        counted: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._files = {file.location: file for file in specification.files}
        self._specification = specification
        self._transfers = transfers
        self._marks = marks
        self._folder = folder
        self._done = folder.parent / DONE
        self._slots = slots
        self._proceed = proceed
        self._tell = tell
        self._counted = counted
        self._stop = Event()
        self._alerts: list[Alert] = []
        self._held: dict[str, Held] = {}

    def run(self) -> Collected:
        """Collect.

        Raises
        ------
        Stuck
            Sources are missing or damaged: one alert each.
        OSError
            The disk here refused.
        """
        self._done.mkdir(parents=True, exist_ok=True, mode=0o700)
        size = self._size()
        memory = None if size is None or size > _SMALL else Memory(size)
        tasks = [
            Task(self._host(file), partial(self._collect, number, file, memory))
            for number, file in enumerate(self._files.values())
        ]
        work = gathered(
            tasks,
            self._slots,
            proceed=self._proceed,
            stop=self._stop,
            waits=self._waits,
            threads=memory is None,
        )
        return self._gathered(work)

    def _waits(self, host: str) -> None:
        self._tell(f"Waiting for {host}: other acquisitions fetch from it")

    def _host(self, file: FitsFile) -> str:
        """Return whom a source is fetched from; nobody where nothing may fetch it."""
        with suppress(TransferProblem):
            return self._transfer(file).host(file.location)
        return ""

    def _size(self) -> int | None:
        """Return the bytes of all sources, None if some are not of this machine."""
        total = 0
        for file in self._files.values():
            if self._host(file):
                return None
            with suppress(TransferProblem):
                total += self._transfer(file).size(file.location)
        return total

    def _gathered(self, work: Sequence[Future[CollectedSource]]) -> Collected:
        found, wrong = {}, []
        for number, (one, file) in enumerate(
            zip(work, self._files.values(), strict=True)
        ):
            try:
                found[number] = one.result()
            except (TransferProblem, SourceProblem) as problem:
                wrong.append(_collection_error(file, problem))
                if isinstance(problem, SourceChanging | SourceChanged):
                    wrong.append(_torn(file, problem.reason))
        if wrong:
            # It may take days: what took no copying is kept too.
            for number, source in found.items():
                self._mark(number, source)
            raise Stuck(tuple(wrong))
        sources = tuple(found.values())
        return Collected(
            sources=sources,
            owned=self._owned(sources),
            held=self._held,
            alerts=tuple(self._alerts),
        )

    def _owned(self, found: Sequence[CollectedSource]) -> Path | None:
        """Return the target's copy if it is all the product's, and no other's."""
        target = self._specification.target.source
        if target is None:
            return None
        uses = [file.location for file in self._specification.files]
        for one in found:
            alone = uses.count(one.location) == 1
            fetched = one.fetched
            if one.location == target.location and alone:
                return None if fetched.linked or fetched.shared else Path(one.path)
        return None

    def _transfer(self, file: FitsFile) -> Transfer:
        return transfer_of(file.location, self._transfers)

    def _collect(
        self, number: int, file: FitsFile, memory: Memory | None
    ) -> CollectedSource:
        transfer = self._transfer(file)
        self._count(0)
        former = self._former(number, file, transfer)
        if former is not None:
            return former
        name = source_name(number)
        part = self._folder / name
        target = self._specification.target.source
        private = target is not None and target.location == file.location
        if transfer.host(file.location):
            self._tell(f"Collecting {file.location}")
        with self._gone_on_with(name):
            fetched = transfer.fetch(
                file.location, part, private=private, proceed=self._count
            )
        digests: tuple[Digest, ...] = ()
        if memory and fetched.linked:
            self._held[file.location] = held(file, part, memory)
        else:
            digests = digests_of(file, part, proceed=lambda: self._count(0))
        place = self._done / name
        part.replace(place)
        # Of two links to one file, replacing leaves both (rename(2)).
        part.unlink(missing_ok=True)
        source = CollectedSource(
            location=file.location,
            path=str(place),
            size=place.stat().st_size,
            fetched=fetched,
            digests=digests,
        )
        if not (fetched.linked or fetched.shared):
            self._mark(number, source)
        return source

    @contextmanager
    def _gone_on_with(self, name: str) -> Iterator[None]:
        """Have what an earlier attempt has left of a file, and leave what there is.

        Nobody writes to it then any more: what fetched it has ended.
        """
        kept = self._done / _BEGUN
        names = (name, f".{name}.stamp")
        for one in names:
            with suppress(FileNotFoundError):
                (kept / one).replace(self._folder / one)
        try:
            yield
        except TransferProblem:
            kept.mkdir(exist_ok=True, mode=0o700)
            for one in names:
                with suppress(FileNotFoundError):
                    (self._folder / one).replace(kept / one)
            raise

    def _mark(self, number: int, source: CollectedSource) -> None:
        sync_folder(self._done)
        if in_memory := self._held.get(source.location):
            source = msgspec.structs.replace(source, digests=in_memory.digests)
        said = msgspec.json.encode(source)
        self._marks.put(f"source-{number}", said, f"Collected {source.location}")

    def _former(
        self, number: int, file: FitsFile, transfer: Transfer
    ) -> CollectedSource | None:
        """Return what an earlier attempt has collected, if it is still the source."""
        written = self._marks.find(f"source-{number}")
        if written is None:
            return None
        try:
            former = msgspec.json.decode(written, type=CollectedSource)
            here = Path(former.path).stat().st_size == former.size
        except (msgspec.MsgspecError, OSError):
            return None
        if not here or former.location != file.location:
            return None
        try:
            now = transfer.stamp(file.location)
        except TransferProblem:
            return former  # it has gone, and we have it
        if now == former.fetched.stamp:
            return former
        self._alerts.append(_torn(file, _LATER))
        return None

    def _count(self, size: int) -> None:
        if self._stop.is_set():
            raise Stopped
        if size:
            self._counted(size)

    def changed_since(self, collected: Collected) -> tuple[Alert, ...]:
        """Return an alert for each source that somebody has written to since."""
        found = []
        for one in collected.sources:
            file = self._files[one.location]
            try:
                with self._slots.waited(self._host(file), self._proceed):
                    now = self._transfer(file).stamp(one.location)
            except TransferProblem:
                continue  # it was here, and is in the product
            if now != one.fetched.stamp:
                found.append(_torn(file, _LATER))
        return tuple(found)


def transfer_of(location: str, transfers: Sequence[Transfer]) -> Transfer:
    """Return what fetches a location.

    Raises
    ------
    TransferProblem
        The settings let nothing fetch it.
    """
    for one in transfers:
        if one.takes(location):
            return one
    reason = f"{location!r} may not be fetched from by this server"
    mend = (
        "name an absolute path on this machine (below source_roots, where they are "
        "declared), or list it under [transfers]"
    )
    raise TransferProblem(location, reason, mend)


def _torn(file: FitsFile, why: str) -> Alert:
    return suspicious(file.source_name, file.location, why)


def _collection_error(
    file: FitsFile, problem: TransferProblem | SourceProblem
) -> Alert:
    words = f"source {file.source_name!r} ({file.location}): {problem.reason}"
    return error_alert(
        f"source:{file.source_name}",
        f"Source File Collection Error: {words} ({problem.mend})",
    )
