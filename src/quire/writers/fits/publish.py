"""Giving a finished product its public name: whole, once, and for good."""

import contextlib
import errno
import os
from collections.abc import Mapping
from enum import Enum, auto
from pathlib import Path
from types import MappingProxyType

from quire.errors import Conflict, InputError, NotFound
from quire.products.manifest import Manifest, decode_manifest

_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})
_CHUNK = 1024 * 1024

DAMAGED = ".damaged"
"""What is added to the name of a file that stood in a product's place."""


class _Standing(Enum):
    """How a product stands at its public name."""

    ABSENT = auto()
    WHOLE = auto()
    BARE = auto()  # its manifest is lost
    DAMAGED = auto()  # its manifest says so


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def publish_files(  # a fact each
    part: Path,
    part_manifest: Path,
    *,
    file: Path,
    manifest: Path,
    sha256: str,
    beside: Mapping[Path, Path] = MappingProxyType({}),
) -> None:
    """Move a durable product and its manifest to their public names.

    The manifest is durable before the product's name appears. Repeating it after a
    crash at any point ends in the same state. Where this very product stands there
    and is damaged, or has lost its manifest, it is put right; what stood there is kept
    with `DAMAGED` behind its name.

    Parameters
    ----------
    part, part_manifest
        Where both lie now, fsynced, on the file system of `file`.
    file, manifest
        Their public names, in one folder; it is made if missing.
    sha256
        Hash of the product, as its manifest has it.
    beside
        Public names of other durable files, by where they lie now.

    Raises
    ------
    Conflict
        Another product has that name.
    NotFound
        The product is neither here nor there.
    """
    _make_folder(file.parent)
    stands = _standing(part, file, manifest, sha256)
    for found, name in {**beside, part_manifest: manifest}.items():
        if found.exists() and not (stands is _Standing.WHOLE and name.exists()):
            found.replace(name)
    if stands is not _Standing.WHOLE:
        sync_folder(manifest.parent)
        _require_manifest(manifest, sha256)
    if stands is _Standing.ABSENT:
        _give_name(part, file)
    elif stands is _Standing.DAMAGED:
        _put_right(part, file)
    sync_folder(file.parent)
    part.unlink(missing_ok=True)
    for left in (part_manifest, *beside):
        left.unlink(missing_ok=True)


def _make_folder(folder: Path) -> None:
    if not folder.is_dir():
        _make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync_folder(folder.parent)


def _give_name(part: Path, file: Path) -> None:
    """Name the product without ever replacing another."""
    if not part.exists():
        raise NotFound("finished product", str(part), "make it again")
    try:
        os.link(part, file)
    except FileExistsError:
        # Two jobs may make the same at one time.
        if not _same(part, file):
            reason = "another one appeared there"
            raise Conflict("product", file.name, reason) from None
    except OSError as problem:
        if problem.errno not in _NO_LINKS:
            raise
        part.rename(file)


def _put_right(part: Path, file: Path) -> None:
    """Put a product in the place of what has become of it, which is kept beside."""
    aside = file.with_name(file.name + DAMAGED)
    with contextlib.suppress(FileNotFoundError):
        aside.unlink()
    with contextlib.suppress(OSError):  # a file system without links
        os.link(file, aside)
    part.replace(file)


def _standing(part: Path, file: Path, manifest: Path, sha256: str) -> _Standing:
    if not file.exists():
        return _Standing.ABSENT
    made = part.exists()
    if made and part.samefile(file):
        return _Standing.WHOLE
    stated = _read(manifest)
    ours = stated is not None and stated.sha256 == sha256
    sized = stated is not None and stated.size == file.stat().st_size
    if ours and sized and (not made or _same(part, file)):
        return _Standing.WHOLE
    if ours and made:
        return _Standing.DAMAGED
    if stated is None and made and _same(part, file):
        return _Standing.BARE
    raise Conflict("product", file.name, "another product has that name")


def _same(one: Path, other: Path) -> bool:
    if one.stat().st_size != other.stat().st_size:
        return False
    with one.open("rb") as first, other.open("rb") as second:
        while chunk := first.read(_CHUNK):
            if chunk != second.read(_CHUNK):
                return False
    return True


def _require_manifest(manifest: Path, sha256: str) -> None:
    stated = _read(manifest)
    if stated is None:
        raise NotFound("manifest", str(manifest), "make it again")
    if stated.sha256 != sha256:
        raise Conflict("manifest", manifest.name, "it belongs to another product")


def _read(manifest: Path) -> Manifest | None:
    try:
        return decode_manifest(manifest.read_bytes())
    except (FileNotFoundError, InputError):
        return None
