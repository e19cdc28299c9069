"""A file system whose files can share blocks: XFS on a loop device."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

_LEAST = 320 * 1024**2  # mkfs.xfs makes none that is smaller


def cannot_share() -> str:
    """Return why there can be no such file system here; empty if there can."""
    if os.geteuid() != 0:
        return "mounting needs root"
    for program in ("mkfs.xfs", "mount", "umount"):
        if shutil.which(program) is None:
            return f"{program} is not installed (Debian: apt install xfsprogs mount)"
    return ""


@contextlib.contextmanager
def sharing_disk(folder: Path, size: int = _LEAST) -> Iterator[Path]:
    """Mount one within a folder; yields where.

    Parameters
    ----------
    size
        Bytes of its image, which is sparse.

    Raises
    ------
    subprocess.CalledProcessError
        It cannot be mounted, as in most containers.
    """
    image, place = folder / "disk.xfs", folder / "disk"
    with image.open("wb") as stream:
        stream.truncate(max(size, _LEAST))
    place.mkdir()
    _run("mkfs.xfs", "-q", "-m", "reflink=1", image)
    _run("mount", "-o", "loop", image, place)
    try:
        yield place
    finally:
        _run("umount", place)
        image.unlink()


def _run(*words: str | Path) -> None:
    subprocess.run(words, check=True, capture_output=True)  # noqa: S603 - our own words
