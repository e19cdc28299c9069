"""The folders that attempts write in, each in its own."""

import contextlib
from collections.abc import Collection
from pathlib import Path

LOG_NAME = "log.txt"


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
