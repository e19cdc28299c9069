"""The folder of a store: fit for SQLite, and taken by one server alone."""

import fcntl
import os
import re
from pathlib import Path

from quire.errors import StoreUnavailable

_MOUNTS = Path("/proc/self/mountinfo")
# SQLite's WAL needs shared memory and locks that these do not keep between hosts.
_NETWORK = re.compile(
    r"nfs\d*|gpfs|lustre|cifs|smb\d*|smbfs|beegfs|ceph|afs|panfs|glusterfs|pvfs2"
    r"|fuse\.(sshfs|glusterfs|ceph|gpfs)"
)


def prepare(file: Path) -> int:
    """Make the store's folder and file; return the lock, to be closed at the end.

    The file is readable by its owner alone.

    Raises
    ------
    StoreUnavailable
        The folder lies on a network file system, or another server has it.
    """
    folder = file.parent
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    _refuse_network(folder)
    lock = _lock(folder / "quire.lock")
    try:
        _make(file)
    except BaseException:
        os.close(lock)
        raise
    return lock


def _make(file: Path) -> None:
    folder = file.parent
    if not file.exists():
        # Before the file: whoever finds it may take it that its folders are durable.
        _sync_above(folder)
    os.close(os.open(file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    file.chmod(0o600)
    _sync(folder)


def file_system(folder: Path, mounts: str) -> str:
    """Return the type of the file system that a folder lies on, empty if unknown.

    Parameters
    ----------
    mounts
        What ``/proc/self/mountinfo`` says (proc(5)).
    """
    found, longest = "", -1
    for line in mounts.splitlines():
        before, dash, after = line.partition(" - ")
        fields = before.split()
        if not dash or len(fields) < 5:  # noqa: PLR2004  # the fifth is the mount point
            continue
        point = Path(re.sub(r"\\(\d{3})", lambda m: chr(int(m[1], 8)), fields[4]))
        if folder.is_relative_to(point) and len(point.parts) >= longest:
            found, longest = after.split()[0], len(point.parts)
    return found


def is_network(kind: str) -> bool:
    """Return whether hosts share a file system of this type."""
    return _NETWORK.fullmatch(kind) is not None


def _refuse_network(folder: Path) -> None:
    try:
        mounts = _MOUNTS.read_text(errors="replace")
    except OSError:
        return  # no such list on this system
    kind = file_system(folder.resolve(), mounts)
    if is_network(kind):
        raise StoreUnavailable(
            f"{folder} lies on a network file system ({kind}), where SQLite cannot"
            " promise durability; choose a folder on a local disk"
        )


def _lock(path: Path) -> int:
    lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as problem:
        os.close(lock)
        raise unlocked(path.parent, problem) from problem
    return lock


def unlocked(folder: Path, problem: OSError) -> StoreUnavailable:
    """Return what it means that a folder cannot be locked."""
    if isinstance(problem, BlockingIOError):
        return StoreUnavailable(
            f"another server uses {folder}; stop it or choose another folder"
        )
    return StoreUnavailable(
        f"{folder} cannot be locked ({problem.strerror}): its file system keeps no"
        " locks; choose a folder on a local disk"
    )


def _sync_above(folder: Path) -> None:
    """Make the names durable that lead to a folder, on its own file system."""
    folder = folder.resolve()
    device = folder.stat().st_dev
    for above in folder.parents:
        if above.stat().st_dev != device or not os.access(above, os.R_OK):
            return  # whatever lies there was not made by us
        _sync(above)


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
