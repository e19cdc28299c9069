"""The files beside the records: which belong to a backup, and copying them."""

import hashlib
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from fnmatch import fnmatchcase
from pathlib import Path

from quire.storage.backups.record import BackedUpFile, sync

# What is made again, belongs to one process, or is the database itself.
_LEFT_OUT = (
    *("streams", "log", ".*"),
    *("quire.lock", "server.json", "server-*.json"),
    *("quire.sqlite", "quire.sqlite-*"),
)
_CHUNK = 2**20


def wanted(data_folder: Path) -> Iterator[Path]:
    """Yield the files of a data folder that a backup holds, relative to it.

    Views of runs, logs of the server and what says that it runs are no part of it;
    nor are the folders of attempts, which die with their server.
    """
    for top in sorted(data_folder.iterdir()):
        if any(fnmatchcase(top.name, one) for one in _LEFT_OUT):
            continue
        if top.is_file():
            yield top.relative_to(data_folder)
            continue
        for folder, _, names in os.walk(top):
            for name in sorted(names):
                path = Path(folder) / name
                if path.is_file() and not path.is_symlink():
                    yield path.relative_to(data_folder)


def copy(source: Path, destination: Path, named: str) -> BackedUpFile:
    """Copy a file durably; return what was read.

    Raises
    ------
    FileNotFoundError
        It has gone meanwhile.
    OSError
        The copy cannot be written.
    """
    destination.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as read, destination.open("wb") as written:
        while chunk := read.read(_CHUNK):
            digest.update(chunk)
            size += len(chunk)
            with _naming(destination):
                written.write(chunk)
        with _naming(destination):
            written.flush()
            os.fsync(written.fileno())
    shutil.copystat(source, destination)
    return BackedUpFile(path=named, size=size, sha256=digest.hexdigest())


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Have a failure to write name the file: of an open one it does not."""
    try:
        yield
    except OSError as problem:
        problem.filename = str(path)
        raise


def sync_folders(folder: Path) -> None:
    """Make all names below a folder durable."""
    for below, _, _ in os.walk(folder):
        sync(Path(below))
