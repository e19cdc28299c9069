"""Processes of Linux: who descends from whom, and how to end them all."""

import contextlib
import ctypes
import math
import os
import resource
import signal
import time
from collections.abc import Iterator
from pathlib import Path

# Environment variable by which the processes of a slot are known.
MARKER = "QUIRE_SLOT"

# linux/prctl.h
_PR_SET_PDEATHSIG = 1
_PR_SET_CHILD_SUBREAPER = 36

_PROC = Path("/proc")


def become_subreaper() -> None:
    """Become the parent of all descendants whose own parent dies (prctl(2))."""
    _prctl(_PR_SET_CHILD_SUBREAPER, 1)


def die_with(parent: int) -> None:
    """Be killed when the parent dies; ends at once if it is dead already."""
    _prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def limit(memory_bytes: int) -> None:
    """Limit this process's address space (0: not at all) and forbid core files."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if memory_bytes:
        resource.setrlimit(resource.RLIMIT_AS, (memory_bytes, memory_bytes))


def limit_attempt(*, memory: int, cpu_seconds: float) -> None:
    """Limit what this process and each of its children may use from now on.

    The limits of an earlier attempt are replaced: they are soft ones (getrlimit(2)).

    Parameters
    ----------
    memory
        Bytes of address space, 0 for as much as the worker may have.
    cpu_seconds
        CPU time beyond what was used before, 0 for no limit.
    """
    _limit_softly(resource.RLIMIT_AS, memory)
    used = resource.getrusage(resource.RUSAGE_SELF)
    # One more, so that whoever watches all processes together can name the limit.
    seconds = math.ceil(used.ru_utime + used.ru_stime + cpu_seconds) + 1
    _limit_softly(resource.RLIMIT_CPU, seconds if cpu_seconds else 0)


def _limit_softly(what: int, wanted: int) -> None:
    _, hard = resource.getrlimit(what)
    bounds = [one for one in (wanted or hard, hard) if one != resource.RLIM_INFINITY]
    resource.setrlimit(what, (min(bounds, default=resource.RLIM_INFINITY), hard))


def children(pid: int) -> list[int]:
    """Return the processes whose parent is `pid` (proc(5), ``children``)."""
    if not (_PROC / "thread-self" / "children").exists():
        return _children_by_search(pid)  # a kernel without CONFIG_PROC_CHILDREN
    found: list[int] = []
    try:
        for thread in (_PROC / str(pid) / "task").iterdir():
            listed = (thread / "children").read_bytes()
            found.extend(int(word) for word in listed.split())
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


def kill_marked(marker: str, *, pause: float = 0.005) -> int:
    """Kill all other processes whose marker begins so; return how many there were.

    For what a dead supervisor left behind. A process that was started without its
    parent's environment is not found.
    """
    killed: set[int] = set()
    while marked := list(_marked(marker)):
        for pid in marked:
            send_signal(pid, signal.SIGKILL)
        killed.update(marked)
        time.sleep(pause)
    return len(killed)


def _marked(marker: str) -> Iterator[int]:
    needle = f"{MARKER}={marker}".encode()
    for entry in _PROC.iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            environment = (entry / "environ").read_bytes()
        except OSError:
            continue  # ended, or not ours
        if any(pair.startswith(needle) for pair in environment.split(b"\0")):
            yield int(entry.name)


def _prctl(option: int, value: int) -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(option, ctypes.c_ulong(value), 0, 0, 0) != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
