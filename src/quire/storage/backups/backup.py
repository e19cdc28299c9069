"""Making a backup, checking one, and going back to one."""

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

from quire.errors import InputError, StoreUnavailable
from quire.storage.backups import files, record
from quire.storage.backups.record import BackedUpFile, Backup
from quire.storage.backups.sources import Records

FILES = "files"

Told = Callable[[str], None]


def back_up(
    records: Records,
    data_folder: Path,
    destination: Path,
    *,
    code_version: str,
    told: Told,
) -> Backup:
    """Copy records and files into a new folder; servers may go on meanwhile.

    The records come first: a file that they name is there before them, and stays.

    Parameters
    ----------
    told
        Is told what is being copied.

    Raises
    ------
    InputError
        The destination holds something, or lies in the data folder.
    StoreUnavailable
        The records cannot be copied, or the copy is not whole.
    """
    _refuse(data_folder, destination)
    destination.mkdir(parents=True, exist_ok=True, mode=0o700)
    try:
        return _backed_up(records, data_folder, destination, code_version, told)
    except BaseException:
        # So that it can be repeated with the same words.
        for made in destination.iterdir():
            shutil.rmtree(made) if made.is_dir() else made.unlink()
        raise


def verify(folder: Path) -> tuple[Backup, tuple[str, ...]]:
    """Return a backup and what is wrong with it, a line each.

    Raises
    ------
    InputError
        The folder holds no whole backup.
    """
    backup = record.read(folder)
    wrong = []
    for one, path in _all(backup, folder):
        try:
            found = record.hashed(path, one.path)
        except OSError as error:
            wrong.append(f"{one.path}: {error.strerror}")
            continue
        if found != one:
            wrong.append(f"{one.path}: is not as it was backed up")
    return backup, tuple(wrong)


def restore(folder: Path, records: Records, data_folder: Path, *, told: Told) -> Backup:
    """Make a data folder as it was, from a backup that is whole.

    The folder appears by rename, once all of it is on disk.

    Raises
    ------
    InputError
        The backup is damaged, is of another store, or the data folder holds something.
    """
    if data_folder.exists() and any(data_folder.iterdir()):
        raise InputError(str(data_folder), "is not empty", "restore into a new folder")
    told("checking the backup")
    backup, wrong = verify(folder)
    if wrong:
        raise InputError(str(folder), "is damaged: " + "; ".join(wrong[:10]))
    if backup.kind != records.kind:
        mend = (
            "give --database" if backup.kind == "postgres" else "leave out --database"
        )
        raise InputError(str(folder), f"is a backup of {backup.kind}", mend)
    data_folder.parent.mkdir(parents=True, exist_ok=True)
    part = data_folder.with_name(f".{data_folder.name}.restoring")
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(mode=0o700)
    try:
        for one in backup.files:
            told(one.path)
            files.copy(folder / FILES / one.path, part / one.path, one.path)
        told("records")
        records.restore(folder / records.name, part)
        files.sync_folders(part)
    except BaseException:
        shutil.rmtree(part, ignore_errors=True)
        raise
    if data_folder.exists():
        data_folder.rmdir()
    os.rename(part, data_folder)  # noqa: PTH104  # replaces nothing: it is gone
    record.sync(data_folder.parent)
    return backup


def _copied_files(
    data_folder: Path, destination: Path, told: Told
) -> tuple[BackedUpFile, ...]:
    held = []
    for path in files.wanted(data_folder):
        told(str(path))
        try:
            held.append(files.copy(data_folder / path, destination / path, str(path)))
        except FileNotFoundError:
            continue  # an attempt's, gone meanwhile; products are missed by name
    return tuple(held)


def _backed_up(
    records: Records, data_folder: Path, destination: Path, code: str, told: Told
) -> Backup:
    made = time.time()
    told("records")
    copied = destination / records.name
    records.copy(copied)
    wrong = records.check(copied)
    if wrong:
        raise StoreUnavailable(f"the copy of the records is damaged: {wrong}")
    held = _copied_files(data_folder, destination / FILES, told)
    named = {
        path
        for one in records.products(copied)
        if one.removed is None
        for path in (one.file, one.manifest)
    }
    backup = Backup(
        made=made,
        code_version=code,
        kind=records.kind,
        database=record.hashed(copied, records.name),
        files=held,
        missing=tuple(sorted(named - {one.path for one in held})),
    )
    files.sync_folders(destination)
    record.write(destination, backup)
    return backup


def _refuse(data_folder: Path, destination: Path) -> None:
    if not data_folder.is_dir():
        raise InputError(str(data_folder), "is no data folder")
    if destination.resolve().is_relative_to(data_folder.resolve()):
        raise InputError(str(destination), "lies in the data folder", "choose another")
    if destination.exists() and any(destination.iterdir()):
        raise InputError(str(destination), "is not empty", "name a new folder")


def _all(backup: Backup, folder: Path) -> list[tuple[BackedUpFile, Path]]:
    return [
        (backup.database, folder / backup.database.path),
        *((one, folder / FILES / one.path) for one in backup.files),
    ]
