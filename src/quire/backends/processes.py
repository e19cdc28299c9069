"""Processes of Linux: who descends from whom, who is who, and how to end them all."""

import contextlib
import ctypes
import math
import os
import resource
import signal
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

# linux/prctl.h
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

_PROC = Path("/proc")
_PAGE = resource.getpagesize()


def become_subreaper() -> None:
    """Become the parent of all descendants whose own parent dies (prctl(2))."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with(parent: int, number: signal.Signals = signal.SIGKILL) -> None:
    """Get a signal when the parent dies; ends at once if it is dead already."""
    _prctl(_PR_SET_PDEATHSIG, number)
    if os.getppid() != parent:
        os._exit(1)


def children(pid: int) -> list[int]:
    """Return the processes whose parent is `pid` (proc(5), ``children``)."""
    # As plain text, and not as paths: it is asked behind every attempt.
    if not os.path.exists("/proc/thread-self/children"):  # noqa: PTH110
        return _children_by_search(pid)  # a kernel without CONFIG_PROC_CHILDREN
    found: list[int] = []
    tasks = f"/proc/{pid}/task"
    try:
        for thread in os.listdir(tasks):  # noqa: PTH208
            with open(f"{tasks}/{thread}/children", "rb") as listed:  # noqa: PTH123
                found.extend(map(int, listed.read().split()))
    except OSError:
        pass  # it has ended meanwhile
    return found


def _children_by_search(parent: int) -> list[int]:
    found = []
    for entry in _PROC.iterdir():
        try:
            # The name, in parentheses, may hold anything; the parent follows the state.
            after_name = (entry / "stat").read_text().rpartition(")")[2]
            if int(after_name.split()[1]) == parent:
                found.append(int(entry.name))
        except (OSError, ValueError, IndexError):
            continue  # no process, or ended meanwhile
    return found


def descendants(pid: int) -> Iterator[int]:
    """Yield everything that descends from `pid`, parents first."""
    for child in children(pid):
        yield child
        yield from descendants(child)


def kill_descendants(*, pause: float = 0.001) -> None:
    """Kill everything that descends from this subreaper, and reap it.

    Orphans come to a subreaper as its children, so that nothing is left once it has
    none.
    """
    while True:
        for pid in descendants(os.getpid()):
            send_signal(pid, signal.SIGKILL)
        if not reap():
            return
        time.sleep(pause)


def reap(statuses: dict[int, int] | None = None) -> bool:
    """Take in all children that have ended; return whether any lives.

    Parameters
    ----------
    statuses
        Gets the wait status of each.
    """
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return False
        if pid == 0:
            return True
        if statuses is not None:
            statuses[pid] = status


def send_signal(pid: int, number: signal.Signals) -> None:
    """Send a signal to a process that may have ended already."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.kill(pid, number)


def marked(name: str, value: str) -> Iterator[int]:
    """Yield all other processes in whose environment a variable begins so.

    A process that was started without its parent's environment is not found.
    """
    for pid, environment in environments():
        if _has(environment, name, value):
            yield pid


def is_marked(pid: int, name: str, value: str) -> bool:
    """Return whether a variable begins so in the environment of a process."""
    try:
        environment = (_PROC / str(pid) / "environ").read_bytes()
    except OSError:
        return False  # ended, or not ours
    return _has(environment, name, value)


def _has(environment: bytes, name: str, value: str) -> bool:
    needle = f"{name}={value}".encode()
    return any(pair.startswith(needle) for pair in environment.split(b"\0"))


def environments() -> Iterator[tuple[int, bytes]]:
    """Yield all other processes whose environment may be read, with it (proc(5))."""
    for entry in _PROC.iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue  # ended, or not ours
        yield int(entry.name), environment


def started(pid: int) -> int | None:
    """Return when a process was started, in clock ticks since the machine was.

    Two processes of one number differ by it. None if there is none, or if all that is
    left of it is its exit status.
    """
    try:
        text = (_PROC / str(pid) / "stat").read_text()
    except OSError:
        return None
    # The name, in parentheses, may hold anything; the state is the third field.
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else int(fields[19])


def resident_bytes(pid: int) -> int:
    """Return the memory in use by a process; what several share counts for each."""
    try:
        return int((_PROC / str(pid) / "statm").read_bytes().split()[1]) * _PAGE
    except (OSError, IndexError):
        return 0  # it has ended meanwhile


def proportional_bytes(pid: int) -> int:
    """Return a process's memory; what several share is divided among them.

    Exact, and takes milliseconds.
    """
    try:
        lines = (_PROC / str(pid) / "smaps_rollup").read_bytes().splitlines()
    except OSError:
        return 0
    for line in lines:
        if line.startswith(b"Pss:"):
            return int(line.split()[1]) * 1024
    return 0


def kill_all(
    find: Callable[[], Iterable[int]], *, pause: float = 0.005, limit: float = math.inf
) -> int:
    """Kill what is found until nothing is; return how many there were.

    Parameters
    ----------
    pause
        Seconds between two looks.
    limit
        Seconds after which it is given up.

    Raises
    ------
    TimeoutError
        Something is still there; names it.
    """
    deadline = time.monotonic() + limit
    killed: set[int] = set()
    while found := list(find()):
        if time.monotonic() > deadline:
            raise TimeoutError(f"processes {sorted(found)} do not end")
        for pid in found:
            send_signal(pid, signal.SIGKILL)
        killed.update(found)
        time.sleep(pause)
    return len(killed)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
