"""A group of processes that cannot grow (Linux: cgroups, the pids controller)."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

_MOUNT = Path("/sys/fs/cgroup")
_TABLE = Path("/proc/self/cgroup")
_PREFIX = "quire-calculating-"
_TRIES, _PAUSE_SECONDS = 100, 0.01


def join_group(most: int) -> Path | None:
    """Move this process into a group of its own with at most so many processes.

    Returns
    -------
    Path
        Of the group, to be removed once it is empty; None where none can be had.
    """
    for above in _above():
        for left in above.glob(f"{_PREFIX}*"):
            with contextlib.suppress(OSError):
                left.rmdir()  # only what a killed runner has left can be removed
        found = above / f"{_PREFIX}{os.getpid()}"
        with contextlib.suppress(OSError):
            found.mkdir()
            try:
                # Version 2 gives this file only where the controller was handed down.
                (found / "pids.max").write_text(str(most))
                (found / "cgroup.procs").write_text(str(os.getpid()))
            except OSError:
                found.rmdir()
                continue
            return found
    return None


def remove_group(group: Path) -> None:
    """Remove a group whose processes have ended, or are about to."""
    for _ in range(_TRIES):
        try:
            group.rmdir()
        except FileNotFoundError:
            return
        except OSError:
            time.sleep(_PAUSE_SECONDS)
        else:
            return


def _above() -> Iterator[Path]:
    """Yield the places of this process's group in hierarchies that may count pids."""
    with contextlib.suppress(OSError):
        for line in _TABLE.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers == "pids":
                yield _MOUNT / "pids" / path.lstrip("/")
            elif not controllers:
                yield _MOUNT / path.lstrip("/")
