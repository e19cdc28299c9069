"""Collecting: every source on this machine, unchanging, and its hashes known.

What is collected lies in the job's folder ``done`` with a mark that says where it came
from; a later attempt takes it from there. What was only linked, or shares its blocks with
its source, has a mark only if the acquisition is blocked: to fetch it again costs nothing.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import BoundedSemaphore, Event

import msgspec

from quire.actions.attempt_folders import source_name
from quire.jobs.job import Alert
from quire.kinds.merge.outcomes import Stuck, error_alert, suspicious
from quire.ports.transfer import (
    Fetched,
    Marks,
    SourceChanging,
    Transfer,
    TransferProblem,
)
from quire.products.source_problem import SourceChanged, SourceProblem
from quire.products.specification import DataProductSpecification, FitsFile
from quire.writers.fits.collected import digests_of
from quire.writers.fits.hashing import Digest
from quire.writers.fits.publish import sync_folder

_AT_ONCE = 4
_PER_HOST = 2
_LOOK = 0.05
# The folder, in that of what is done, of what is not.
_BEGUN = "begun"
_LATER = "it changed after it was collected"
# Below this, threads take longer to start than to collect.
_WORTH_THREADS = 1024 * 1024


class Stopped(Exception):
    """The collecting was told to stop."""


class CollectedSource(msgspec.Struct, frozen=True, kw_only=True):
    """A source that is here; also what its mark says.

    Attributes
    ----------
    path
        Where it lies.
    digests
        What each of its HDUs comes to.
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
    alerts
        What a person should know of.
    """

    sources: tuple[CollectedSource, ...]
    owned: Path | None
    alerts: tuple[Alert, ...]

    @property
    def paths(self) -> dict[str, Path]:
        """Where each location's file lies."""
        return {one.location: Path(one.path) for one in self.sources}

    @property
    def private(self) -> frozenset[str]:
        """Locations of the files that are ours alone."""
        return frozenset(one.location for one in self.sources if not one.fetched.linked)

    @property
    def known(self) -> dict[str, tuple[Digest, ...]]:
        """What each location's HDUs come to."""
        return {one.location: one.digests for one in self.sources}


class Collecting:
    """Collects the sources of one product.

    Parameters
    ----------
    folder
        The attempt's own; sources are fetched there.
    done
        Where they go once they are complete.
    proceed
        Called often in the caller's thread; raises to stop.
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
        done: Path,
        proceed: Callable[[], None],
        counted: Callable[[int], None] = lambda _: None,
    ) -> None:
        self._files = {file.location: file for file in specification.files}
        self._specification = specification
        self._transfers = transfers
        self._marks = marks
        self._folder = folder
        self._done = done
        self._proceed = proceed
        self._counted = counted
        self._stop = Event()
        self._alerts: list[Alert] = []

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
        hosts = {self._transfer(one).host(one.location) for one in self._files.values()}
        free = {host: BoundedSemaphore(_PER_HOST) for host in hosts}
        if self._small():
            return self._gathered([self._now(number, free) for number in self._numbers])
        with ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="collect") as pool:
            work = [
                pool.submit(self._collect, number, file, free)
                for number, file in enumerate(self._files.values())
            ]
            try:
                while wait(work, timeout=_LOOK).not_done:
                    self._proceed()
            except BaseException:
                self._stop.set()
                for one in work:
                    one.cancel()
                raise
        return self._gathered(work)

    @property
    def _numbers(self) -> range:
        return range(len(self._files))

    def _small(self) -> bool:
        """Return whether all sources are here, and not worth a thread."""
        total = 0
        for file in self._files.values():
            transfer = self._transfer(file)
            if transfer.host(file.location):
                return False
            with suppress(TransferProblem):
                total += transfer.size(file.location)
        return total < _WORTH_THREADS

    def _now(
        self, number: int, free: dict[str, BoundedSemaphore]
    ) -> Future[CollectedSource]:
        """Return a source that is collected in this thread."""
        self._proceed()
        done: Future[CollectedSource] = Future()
        try:
            file = list(self._files.values())[number]
            done.set_result(self._collect(number, file, free))
        except (TransferProblem, SourceProblem) as problem:
            done.set_exception(problem)
        return done

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
            sources=sources, owned=self._owned(sources), alerts=tuple(self._alerts)
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
        self, number: int, file: FitsFile, free: dict[str, BoundedSemaphore]
    ) -> CollectedSource:
        transfer = self._transfer(file)
        with free[transfer.host(file.location)]:
            self._count(0)
            former = self._former(number, file, transfer)
            if former is not None:
                return former
            name = source_name(number)
            part = self._folder / name
            target = self._specification.target.source
            private = target is not None and target.location == file.location
            with self._gone_on_with(name):
                fetched = transfer.fetch(
                    file.location, part, private=private, proceed=self._count
                )
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
