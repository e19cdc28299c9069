"""Processes of attempts: their limits, and the marker by which they are known."""

import math
import resource

from quire.backends.processes import (
    become_subreaper,
    children,
    descendants,
    die_with,
    kill_all,
    kill_descendants,
    marked,
    reap,
    send_signal,
)

__all__ = [
    "MARKER",
    "become_subreaper",
    "children",
    "descendants",
    "die_with",
    "kill_descendants",
    "kill_marked",
    "limit",
    "limit_attempt",
    "reap",
    "send_signal",
]

# Environment variable by which the processes of a slot are known.
MARKER = "QUIRE_SLOT"


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


def kill_marked(marker: str, *, pause: float = 0.005) -> int:
    """Kill all other processes whose marker begins so; return how many there were.

    For what a dead supervisor left behind. A process that was started without its
    parent's environment is not found.
    """
    return kill_all(lambda: marked(MARKER, marker), pause=pause)
