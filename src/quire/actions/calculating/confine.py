"""Giving up what a calculating process does not need, for good."""

import contextlib
import ctypes
import os
import resource
from pathlib import Path

from quire.actions.calculating.seccomp import refuse_the_rest

_NOBODY = 65534
# clone(2): user, process, network and IPC namespaces.
_NAMESPACES = 0x10000000 | 0x20000000 | 0x40000000 | 0x08000000
_PR_SET_PDEATHSIG = 1
_SIGKILL = 9


def confine(*, seconds: float, memory_bytes: int, keep: int) -> list[str]:
    """Confine this process; return what holds it now.

    Where it may have namespaces, what returns is a fork of the process that called, the
    first one in its namespace of processes; the caller itself waits for it and ends with
    it, or takes it along when it is killed.

    Parameters
    ----------
    seconds
        Of processor time.
    memory_bytes
        Of address space beyond what is taken now.
    keep
        The one file descriptor that stays open, beside the three standard ones.

    Returns
    -------
    Of ``uid``, ``namespaces`` and ``seccomp`` those that could be had. The process is
    to be in a group of few processes before, if it is to be
    (`quire.actions.calculating.cgroup`).
    """
    # First, for nothing can be loaded once this is nobody's process.
    space = _address_space() + memory_bytes
    os.closerange(3, keep)
    os.closerange(keep + 1, resource.getrlimit(resource.RLIMIT_NOFILE)[0])
    libc = ctypes.CDLL(None, use_errno=True)
    libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
    held = []
    if os.geteuid() == 0:
        with contextlib.suppress(OSError):
            os.setgroups([])
            os.setresgid(_NOBODY, _NOBODY, _NOBODY)
            os.setresuid(_NOBODY, _NOBODY, _NOBODY)
            # A change of user takes it away.
            libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
            held.append("uid")
    if libc.unshare(_NAMESPACES) == 0:
        _go_on_as_first(keep)
        libc.prctl(_PR_SET_PDEATHSIG, _SIGKILL, 0, 0, 0)
        held.append("namespaces")
    _limit(seconds, space)
    if refuse_the_rest():
        held.append("seccomp")
    return held


def _go_on_as_first(keep: int) -> None:
    """Return in a fork: whoever asks for a namespace of processes stays outside of it."""
    child = os.fork()
    if child == 0:
        return
    os.close(keep)
    _, status = os.waitpid(child, 0)
    os._exit(min(255, abs(os.waitstatus_to_exitcode(status))))


def _limit(seconds: float, space: int) -> None:
    whole = int(seconds) + 1
    for which, most in (
        (resource.RLIMIT_CPU, whole),
        (resource.RLIMIT_AS, space),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_CORE, 0),
    ):
        _, hard = resource.getrlimit(which)
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(which, (least, least))


def _address_space() -> int:
    pages = Path("/proc/self/statm").read_bytes().split()[0]
    return int(pages) * resource.getpagesize()
