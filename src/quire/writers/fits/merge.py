"""Merging FITS files into one product, byte by byte, without an image library."""

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from math import lcm
from pathlib import Path

import msgspec

from quire.jobs.job import Alert
from quire.products.keyword_dictionary import Dictionaries
from quire.products.layout import BLOCK, LayoutPart
from quire.products.manifest import (
    Manifest,
    ManifestPart,
    encode_manifest,
    whole_hash,
)
from quire.products.source_problem import SourceProblem
from quire.products.specification import DataProductSpecification
from quire.writers.fits.blocks import OpenSource
from quire.writers.fits.collected import Known
from quire.writers.fits.copy import shift
from quire.writers.fits.course import END, FLUSH, READ, Course, ProductIdentity
from quire.writers.fits.hashing import Digest
from quire.writers.fits.linux import insert_range, preallocate
from quire.writers.fits.planning import MergePlan, plan
from quire.writers.fits.publish import publish_files, sync_folder
from quire.writers.fits.pump import write_all
from quire.writers.fits.sources import open_sources
from quire.writers.fits.writing import Writing, sharing_block

__all__ = ["MergedPart", "ProductIdentity", "merge", "plan_merge", "publish"]

MIME_TYPE = "application/fits"
_LARGEST_BLOCK = 64 * 1024
# Below this, reserving costs more than a full disk that is noticed late.
_WORTH_RESERVING = 16 * 1024 * 1024


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


def plan_merge(
    specification: DataProductSpecification,
    sources: Mapping[str, Path],
    *,
    made: datetime,
    dictionaries: Dictionaries | None = None,
) -> MergePlan:
    """Return what `merge` would write, and write nothing.

    Raises
    ------
    SourceProblem
        A source is missing or cannot be used.
    """
    paths = _paths(specification, sources)
    with open_sources(specification.files, paths) as opened:
        return plan(
            specification,
            opened,
            made=made,
            proceed=lambda: None,
            dictionaries=dictionaries,
        )


def merge(  # noqa: PLR0913 - what is merged, how, and whom it is told
    specification: DataProductSpecification,
    sources: Mapping[str, Path],
    attempt_folder: Path,
    *,
    made: datetime,
    identity: ProductIdentity,
    report: Callable[[str, int], None],
    cancelled: Callable[[], bool],
    dictionaries: Dictionaries | None = None,
    known: Known | None = None,
    owned: Path | None = None,
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
        Asked at least 20 times a second.
    dictionaries
        What keywords are compared with; None compares them with nothing.
    known
        What the sources were found to be when they were collected: what is not so
        any more is a problem of that source. What the product shares with a source,
        and what nobody else can write to, is not read again; of what is held the
        product has what it was, whatever has become of its file.
    owned
        A private copy of the target's source that the merge may use up, on the file
        system of `attempt_folder`: `sources` has it for the target's location. The
        product is made within it if the file system can move its data.

    Raises
    ------
    SourceProblem
        A source is missing, damaged, or changed meanwhile.
    AttemptLost
        `cancelled` said so; nothing of it is left.
    OSError
        The disk refuses: ENOSPC, EDQUOT, EFBIG, EIO.
    """
    course = Course(identity, report, cancelled)
    paths = _paths(specification, sources)
    name = f"{specification.target.file_id}.fits"
    part = attempt_folder / f"{name}.part"
    manifest_path = attempt_folder / f"{specification.target.file_id}.manifest.json"
    with (
        open_sources(specification.files, paths) as opened,
        _part(part, owned) as descriptor,
        _removed_on_error(manifest_path),
    ):
        course.tell("Reading headers", READ)
        course.proceed()
        planned, parts = _write(
            specification,
            opened,
            descriptor,
            course=course,
            made=made,
            dictionaries=dictionaries,
            known=known,
            owned=owned is not None,
        )
        manifest = _manifest(specification, parts, made=made, identity=identity)
        course.tell("Flushing to disk", FLUSH)
        _flush(descriptor, manifest, manifest_path)
        course.proceed()
    course.tell("Merged", END)
    return MergedPart(
        file=part,
        manifest=manifest_path,
        file_name=name,
        manifest_name=manifest_path.name,
        size=manifest.size,
        sha256=manifest.sha256,
        runs=identity.runs,
        alerts=planned.alerts,
    )


def _write(  # what the merge was given
    specification: DataProductSpecification,
    opened: Sequence[OpenSource],
    descriptor: int,
    *,
    course: Course,
    made: datetime,
    dictionaries: Dictionaries | None,
    known: Known | None,
    owned: bool,
) -> tuple[MergePlan, tuple[ManifestPart, ...]]:
    """Plan the product and write it; return the plan, and what it is made of."""
    block = 0 if owned else sharing_block(descriptor, opened)
    planned = plan(
        specification,
        opened,
        made=made,
        proceed=course.proceed,
        dictionaries=dictionaries,
        align=block,
        grow=_growth(descriptor) if owned else 0,
        known=known,
    )
    _make_room(planned, descriptor, owned=owned, block=block)
    writing = Writing(
        planned,
        opened,
        descriptor,
        course=course,
        block=block,
        known=known,
        owned=owned,
    )
    return planned, tuple(_parts(planned, opened, writing.run()))


def _flush(descriptor: int, manifest: Manifest, path: Path) -> None:
    """Write a manifest, and make it and its product durable."""
    with _fresh(path) as beside:
        write_all(beside, encode_manifest(manifest), 0)
        # One after the other: the first commit of the journal takes all along.
        os.fsync(descriptor)
        os.fsync(beside)
    sync_folder(path.parent)


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


@contextmanager
def _part(path: Path, owned: Path | None) -> Iterator[int]:
    """Open the product's file, which may be one that is there; removed on an error."""
    if owned is None:
        with _fresh(path) as descriptor:
            yield descriptor
        return
    owned.rename(path)
    with _removed_on_error(path):
        descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


def _growth(descriptor: int) -> int:
    """Return the bytes by which a file can grow at its start."""
    block = os.fstatvfs(descriptor).f_bsize
    # Network file systems state what they like to send; they move no data anyway.
    return lcm(BLOCK, block) if block <= _LARGEST_BLOCK else BLOCK


def _make_room(planned: MergePlan, descriptor: int, *, owned: bool, block: int) -> None:
    """Reserve the product's room on the disk, and move what is there already."""
    if owned:
        more = len(planned.header) - len(planned.hdus[0][0].header)
        if more and not insert_range(descriptor, more):
            shift(descriptor, more)
    elif not block and planned.layout.size >= _WORTH_RESERVING:
        preallocate(descriptor, planned.layout.size)


def _manifest(
    specification: DataProductSpecification,
    parts: tuple[ManifestPart, ...],
    *,
    made: datetime,
    identity: ProductIdentity,
) -> Manifest:
    return Manifest(
        id=specification.id,
        file=f"{specification.target.file_id}.fits",
        size=parts[-1].offset + parts[-1].length,
        sha256=whole_hash(one.sha256 for one in parts),
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
            length=part.length + part.padding,
            header_length=_header_length(planned, part),
            sha256=digest.sha256,
        )


def _header_length(planned: MergePlan, part: LayoutPart) -> int:
    # In place, the target's primary HDU gives its data alone.
    if not part.hdu:
        return 0
    return len(planned.hdus[part.source][part.hdu].header) + part.padding


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
