"""The folders that attempts write in, each in its own."""

import contextlib
import errno
import logging
import os
import shutil
from collections.abc import Collection, Iterable
from pathlib import Path

LOG_NAME = "log.txt"
DONE = "done"
"""The folder of what a job has finished, beside those of its attempts."""

_log = logging.getLogger(__name__)


def source_name(number: int) -> str:
    """Return what a collected source is called, by its place among its product's."""
    return f"source-{number}.fits"


def make_folder(folder: Path) -> None:
    """Make an attempt's folder, readable by its owner alone."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)


def clear_folder(folder: Path, *, kept: Collection[Path]) -> None:
    """Remove everything in a folder except its log and the files to keep."""
    spared = {*kept, folder / LOG_NAME}
    for path in sorted(folder.rglob("*"), reverse=True):
        if path in spared:
            continue
        # What cannot go now is a folder with kept files, or is gone already.
        with contextlib.suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                path.rmdir()
            else:
                path.unlink()
    with contextlib.suppress(OSError):
        folder.rmdir()


def discard_done(job_folder: Path) -> None:
    """Remove what a job has finished, where nothing will become of it any more.

    Raises
    ------
    OSError
        It cannot be removed.
    """
    if os.path.lexists(job_folder / DONE):
        shutil.rmtree(job_folder / DONE)
    with contextlib.suppress(OSError):  # logs and results are kept
        job_folder.rmdir()


def discard_unfinished(job_folder: Path, *, kept: Collection[Path]) -> None:
    """Remove all that a job has left behind except logs and the files to keep.

    Raises
    ------
    OSError
        Something of it cannot be removed.
    """
    discard_done(job_folder)
    for folder in job_folder.glob("[0-9]*"):
        clear_folder(folder, kept=kept)
        left = [path for path in folder.rglob("*") if not path.is_dir()]
        stuck = [one for one in left if one not in kept and one.name != LOG_NAME]
        if stuck:
            raise OSError(errno.EBUSY, "it cannot be removed", str(stuck[0]))


def remove_begun(files: Iterable[Path]) -> None:
    """Remove what killed attempts have begun elsewhere; what stays is told in the log."""
    for one in files:
        try:
            one.unlink(missing_ok=True)
        except OSError as problem:
            _log.warning("an aborted job leaves %s: %s", one, problem.strerror)
