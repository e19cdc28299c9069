"""Merging FITS files into one product, byte by byte, without an image library."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import msgspec

from quire.errors import AttemptLost
from quire.jobs.job import Alert
from quire.products.manifest import Manifest, ManifestPart, encode_manifest
from quire.products.source_problem import SourceProblem
from quire.products.specification import DataProductSpecification
from quire.writers.fits.blocks import OpenSource
from quire.writers.fits.checksum import checksum_fault
from quire.writers.fits.copy import Copier, CopyEngine, CutShort, engines
from quire.writers.fits.hashing import Digest, ProductHashes, Stretch
from quire.writers.fits.planning import MergePlan, plan
from quire.writers.fits.publish import publish_files, sync_folder
from quire.writers.fits.sources import open_sources, require_unchanged

MIME_TYPE = "application/fits"
# Seconds between two looks whether to stop, while only threads work.
_LOOK = 0.05
_FETCH = "fetch the file again from where it was made"


class ProductIdentity(msgspec.Struct, frozen=True, kw_only=True):
    """Who makes the product: it goes into the manifest.

    Attributes
    ----------
    runs
        uids of the runs that it is made from.
    """

    job: str
    attempt: int
    runs: tuple[str, ...] = ()
    code_version: str


class MergedPart(msgspec.Struct, frozen=True, kw_only=True):
    """A product that is durable but not yet published.

    Attributes
    ----------
    file, manifest
        Where both lie now.
    file_name, manifest_name
        What they will be called.
    size, sha256
        Bytes and hash of the product.
    """

    file: Path
    manifest: Path
    file_name: str
    manifest_name: str
    size: int
    sha256: str
    mime_type: str = MIME_TYPE
    runs: tuple[str, ...] = ()
    alerts: tuple[Alert, ...] = ()


class _Course:
    """Where a merge stands: tells the caller, and asks whether to go on."""

    def __init__(
        self,
        identity: ProductIdentity,
        report: Callable[[str, int], None],
        cancelled: Callable[[], bool],
    ) -> None:
        self._identity = identity
        self._report = report
        self._cancelled = cancelled
        self._told = ("", 0)
        self._copied = 0
        self.message = ""
        self.size = 1

    def proceed(self) -> None:
        """Go on, or raise `AttemptLost`."""
        if self._cancelled():
            raise AttemptLost(self._identity.job, self._identity.attempt)

    def tell(self, message: str, percent: int) -> None:
        """Report what is new."""
        news = (message, max(percent, self._told[1]))
        if news != self._told:
            self._told = news
            self._report(*news)

    def copied(self, count: int) -> None:
        """Count copied bytes: they are 5 to 80 percent of the work."""
        self._copied += count
        self.proceed()
        self.tell(self.message, 5 + 75 * self._copied // self.size)


def plan_merge(
    specification: DataProductSpecification,
    sources: Mapping[str, Path],
    *,
    made: datetime,
) -> MergePlan:
    """Return what `merge` would write, and write nothing.

    Raises
    ------
    SourceProblem
        A source is missing or cannot be used.
    """
    paths = _paths(specification, sources)
    with open_sources(specification.files, paths) as opened:
        return plan(specification, opened, made=made, proceed=lambda: None)


def merge(
    specification: DataProductSpecification,
    sources: Mapping[str, Path],
    attempt_folder: Path,
    *,
    made: datetime,
    identity: ProductIdentity,
    report: Callable[[str, int], None],
    cancelled: Callable[[], bool],
    copy_engines: Sequence[CopyEngine] | None = None,
) -> MergedPart:
    """Write a product and its manifest into an attempt's folder, durably.

    Parameters
    ----------
    sources
        Local path of each file, by its location as the specification writes it.
    attempt_folder
        Exists; nobody else writes there. What is left there under the product's
        names is overwritten.
    made
        What the product says when it was made, with its time zone.
    report
        Told what is going on and how far it is: 0 to 100 percent, never less than
        before. Called in this thread, as `cancelled` is.
    cancelled
        Asked at least every 8 MiB.
    copy_engines
        The best first; by default those of the platform.

    Raises
    ------
    SourceProblem
        A source is missing, damaged, or changed meanwhile.
    AttemptLost
        `cancelled` said so; nothing of it is left.
    OSError
        The disk refuses: ENOSPC, EDQUOT, EFBIG, EIO.
    """
    course = _Course(identity, report, cancelled)
    paths = _paths(specification, sources)
    with open_sources(specification.files, paths) as opened:
        course.tell("Reading headers", 1)
        course.proceed()
        planned = plan(specification, opened, made=made, proceed=course.proceed)
        name = f"{specification.target.file_id}.fits"
        part = attempt_folder / f"{name}.part"
        manifest_path = attempt_folder / f"{specification.target.file_id}.manifest.json"
        with _fresh(part) as descriptor, _removed_on_error(manifest_path):
            copier = Copier(copy_engines or engines(), course.copied)
            digests, whole = _write(planned, opened, descriptor, course, copier)
            parts = tuple(_parts(planned, opened, digests))
            manifest = _manifest(
                specification, parts, whole, made=made, identity=identity
            )
            course.tell("Flushing to disk", 95)
            os.fsync(descriptor)
            _write_durably(manifest_path, encode_manifest(manifest))
            sync_folder(attempt_folder)
            course.proceed()
    course.tell("Merged", 100)
    return MergedPart(
        file=part,
        manifest=manifest_path,
        file_name=name,
        manifest_name=manifest_path.name,
        size=manifest.size,
        sha256=whole,
        runs=identity.runs,
        alerts=planned.alerts,
    )


def _paths(
    specification: DataProductSpecification, sources: Mapping[str, Path]
) -> Mapping[str, Path]:
    for file in specification.files:
        if file.location not in sources:
            raise SourceProblem(
                file.source_name,
                file.location,
                "it is not on this machine",
                "put it there, then retry",
            )
    return sources


@contextmanager
def _removed_on_error(path: Path) -> Iterator[None]:
    try:
        yield
    except BaseException:
        path.unlink(missing_ok=True)
        raise


@contextmanager
def _fresh(path: Path) -> Iterator[int]:
    """Open a new file for writing and reading back; it is removed on an error."""
    path.unlink(missing_ok=True)
    flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW
    descriptor = os.open(path, flags, 0o666)
    try:
        with _removed_on_error(path):
            yield descriptor
    finally:
        os.close(descriptor)


def _write_durably(path: Path, content: bytes) -> None:
    with _fresh(path) as descriptor:
        done = 0
        while done < len(content):
            done += os.write(descriptor, content[done:])
        os.fsync(descriptor)


def _write(
    planned: MergePlan,
    sources: Sequence[OpenSource],
    descriptor: int,
    course: _Course,
    copier: Copier,
) -> tuple[tuple[Digest, ...], str]:
    """Write the product; return the digests of header and parts, and of the whole."""
    course.size = planned.layout.size
    with ProductHashes(descriptor, _stretches(planned)) as hashes:
        done = 0
        while done < len(planned.header):
            done += os.pwrite(descriptor, planned.header[done:], done)
        hashes.written()
        for part in planned.layout.parts:
            source = sources[part.source]
            course.message = f"Copying {source.name}"
            try:
                copier.copy(
                    source.descriptor,
                    descriptor,
                    part.length,
                    source_offset=part.source_offset,
                    offset=part.offset,
                )
            except CutShort:
                raise source.problem(
                    "it became shorter while it was copied", _FETCH
                ) from None
            hashes.written()
        course.tell("Verifying", 85)
        while not hashes.done(timeout=_LOOK):
            course.proceed()
        digests, whole = hashes.results()
    _require_whole(planned, sources, digests)
    return digests, whole


def _stretches(planned: MergePlan) -> tuple[Stretch, ...]:
    header = Stretch(offset=0, length=len(planned.header))
    return (
        header,
        *(
            Stretch(
                offset=part.offset,
                length=part.length,
                # In place, the target's primary HDU gives its data alone.
                header_length=len(planned.hdus[part.source][part.hdu].header)
                if part.hdu
                else 0,
            )
            for part in planned.layout.parts
        ),
    )


def _require_whole(
    planned: MergePlan, sources: Sequence[OpenSource], digests: Sequence[Digest]
) -> None:
    """Require that what was copied is what was planned, checksums included."""
    for source in sources:
        require_unchanged(source)
    for part, digest in zip(planned.layout.parts, digests[1:], strict=True):
        source, hdu = sources[part.source], planned.hdus[part.source][part.hdu]
        if part.hdu and digest.header != hdu.header:
            raise source.problem(
                f"HDU {part.hdu}: its header changed while it was merged",
                "retry when nobody writes to it any more",
            )
        header = hdu.header if part.hdu else planned.header
        if fault := checksum_fault(header, digest.data_sum):
            raise source.problem(f"HDU {part.hdu}: {fault}", _FETCH)


def _manifest(
    specification: DataProductSpecification,
    parts: tuple[ManifestPart, ...],
    whole: str,
    *,
    made: datetime,
    identity: ProductIdentity,
) -> Manifest:
    return Manifest(
        id=specification.id,
        file=f"{specification.target.file_id}.fits",
        size=parts[-1].offset + parts[-1].length,
        sha256=whole,
        made=made.astimezone(UTC).isoformat(timespec="milliseconds"),
        code_version=identity.code_version,
        job=identity.job,
        attempt=identity.attempt,
        runs=identity.runs,
        parts=parts,
    )


def _parts(
    planned: MergePlan, sources: Sequence[OpenSource], digests: Sequence[Digest]
) -> Iterator[ManifestPart]:
    yield ManifestPart(offset=0, length=len(planned.header), sha256=digests[0].sha256)
    for part, digest in zip(planned.layout.parts, digests[1:], strict=True):
        source = sources[part.source]
        yield ManifestPart(
            source=source.name,
            path=source.path,
            hdu=part.hdu,
            source_offset=part.source_offset,
            offset=part.offset,
            length=part.length,
            sha256=digest.sha256,
        )


def publish(part: MergedPart, destination: Path) -> Path:
    """Give a merged product its name in the folder `destination`; return its path.

    May be repeated; see `quire.writers.fits.publish.publish_files`.
    """
    file = destination / part.file_name
    publish_files(
        part.file,
        part.manifest,
        file=file,
        manifest=destination / part.manifest_name,
        sha256=part.sha256,
    )
    return file
