"""Giving a finished product its public name: whole, once, and for good."""

import errno
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType

from quire.errors import Conflict, InputError, NotFound
from quire.products.manifest import Manifest, decode_manifest

_NO_LINKS = frozenset({errno.EPERM, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK})


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
    crash at any point ends in the same state.

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
    if file.exists():
        _require_same(part, file, manifest, sha256)
    else:
        for found, name in {**beside, part_manifest: manifest}.items():
            if found.exists():
                found.replace(name)
        sync_folder(manifest.parent)
        _require_manifest(manifest, sha256)
        if not part.exists():
            raise NotFound("finished product", str(part), "merge it again")
        _give_name(part, file)
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
    try:
        os.link(part, file)
    except FileExistsError:
        raise Conflict("product", file.name, "another one appeared there") from None
    except OSError as problem:
        if problem.errno not in _NO_LINKS:
            raise
        part.rename(file)


def _require_same(part: Path, file: Path, manifest: Path, sha256: str) -> None:
    if part.exists() and part.samefile(file):
        return
    stated = _read(manifest)
    if stated is None or stated.sha256 != sha256 or stated.size != file.stat().st_size:
        raise Conflict("product", file.name, "another product has that name")


def _require_manifest(manifest: Path, sha256: str) -> None:
    stated = _read(manifest)
    if stated is None:
        raise NotFound("manifest", str(manifest), "merge it again")
    if stated.sha256 != sha256:
        raise Conflict("manifest", manifest.name, "it belongs to another product")


def _read(manifest: Path) -> Manifest | None:
    try:
        return decode_manifest(manifest.read_bytes())
    except (FileNotFoundError, InputError):
        return None
