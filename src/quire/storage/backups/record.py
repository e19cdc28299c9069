"""What a backup says of itself: ``backup.json`` in its folder, written last."""

import hashlib
import os
from pathlib import Path

import msgspec

from quire.errors import InputError

NAME = "backup.json"
_CHUNK = 2**20


class BackedUpFile(msgspec.Struct, frozen=True, kw_only=True):
    """One file of a backup.

    Attributes
    ----------
    path
        Relative to the folder ``files`` of the backup, and to the data folder.
    """

    path: str
    size: int
    sha256: str


class Backup(msgspec.Struct, frozen=True, kw_only=True):
    """A whole backup.

    Attributes
    ----------
    made
        Unix seconds: the records are as they were then, or a moment later.
    code_version
        The Quire that made it.
    kind
        ``sqlite`` or ``postgres``: where the records came from, and can go to.
    database
        The copy of the records, relative to the backup's folder.
    missing
        Files that records name and that were not there.
    """

    made: float
    code_version: str
    kind: str
    database: BackedUpFile
    files: tuple[BackedUpFile, ...]
    missing: tuple[str, ...] = ()


def hashed(path: Path, named: str) -> BackedUpFile:
    """Return what a file comes to."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
    return BackedUpFile(path=named, size=size, sha256=digest.hexdigest())


def read(folder: Path) -> Backup:
    """Return what a backup says of itself.

    Raises
    ------
    InputError
        The folder holds no whole backup.
    """
    try:
        return msgspec.json.decode((folder / NAME).read_bytes(), type=Backup)
    except FileNotFoundError:
        raise InputError(
            str(folder), f"holds no {NAME}: no backup, or one that was cut short"
        ) from None
    except (OSError, msgspec.MsgspecError) as error:
        raise InputError(str(folder / NAME), f"cannot be read: {error}") from None


def write(folder: Path, backup: Backup) -> None:
    """Write it durably: from now on the backup counts."""
    part = folder / f".{NAME}.part"
    with part.open("wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(backup)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / NAME)
    sync(folder)


def sync(folder: Path) -> None:
    """Make the names in a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
