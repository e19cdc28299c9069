"""Disks that fill up for real: a small tmpfs, and a limit on the size of files."""

import os
import resource
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


def cannot_mount() -> str:
    """Return why no tmpfs can be mounted here, empty if one can."""
    if os.geteuid() != 0:
        return "only root may mount a tmpfs"
    if shutil.which("mount") is None or shutil.which("umount") is None:
        return "there is no mount(8)"
    return ""


@contextmanager
def small_disk(folder: Path, size: int) -> Iterator[Path]:
    """Mount a tmpfs of so many bytes for a while.

    Raises
    ------
    PermissionError
        Root, but without the right to mount (a container).
    """
    folder.mkdir(parents=True, exist_ok=True)
    options = [
        "-t",
        "tmpfs",
        "-o",
        f"size={size},mode=0700",
        "quire-small",
        str(folder),
    ]
    done = subprocess.run(["mount", *options], check=False, capture_output=True)  # noqa: S603, S607
    if done.returncode:
        raise PermissionError(done.stderr.decode(errors="replace").strip())
    try:
        yield folder
    finally:
        subprocess.run(["umount", "-l", folder], check=True)  # noqa: S603, S607


def limit_files(pid: int, size: int) -> None:
    """Let a running process write no file beyond so many bytes.

    Its writes then fail with EFBIG (setrlimit(2); Python ignores SIGXFSZ).
    """
    _, hard = resource.prlimit(pid, resource.RLIMIT_FSIZE)
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (size, hard))


def lift_limit(pid: int) -> None:
    """Take `limit_files` back."""
    limit_files(pid, resource.RLIM_INFINITY)
