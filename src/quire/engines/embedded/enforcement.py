"""By what the limits of attempts are kept on this machine, tried out in a child.

What a kernel or a sandbox around us leaves out shows here, before a job finds it.
"""

import json
import os
import resource
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec

from quire.backends.processes import (
    become_subreaper,
    descendants,
    proportional_bytes,
    resident_bytes,
)
from quire.engines.embedded.supervisor import LOOK

_CONTROLLERS = Path("/sys/fs/cgroup/cgroup.controllers")
_HIERARCHIES = Path("/proc/self/cgroup")
_MEGABYTE = 2**20
_SECONDS = 30.0


class Enforcement(msgspec.Struct, frozen=True, kw_only=True):
    """How one limit is kept.

    Attributes
    ----------
    limit
        As in the settings.
    means
        By what.
    holds
        Whether it did when it was tried.
    """

    limit: str
    means: str
    holds: bool


def enforcements(program: Sequence[str] = ()) -> tuple[Enforcement, ...]:
    """Return how each limit is kept; takes about 0.2 s.

    Parameters
    ----------
    program
        What tries them and prints what held, as JSON; this module if empty.
    """
    held = _tried(program or (sys.executable, "-m", __name__))
    held["wall_clock"] = True  # a timer of our own
    look = f"all together are looked at every {LOOK:g} s"
    means = {
        "memory": f"each process by RLIMIT_AS, {look} (proportional set size)",
        "cpu_seconds": f"each process by RLIMIT_CPU, {look}",
        "processes": f"they are counted every {LOOK:g} s",
        "wall_clock": "the server's clock",
        "end": "a subreaper sweeps what an attempt has started",
    }
    return tuple(
        Enforcement(limit=limit, means=how, holds=held.get(limit, False))
        for limit, how in means.items()
    )


def control_groups() -> str:
    """Return what the machine has of cgroups, which no limit of attempts rests on."""
    try:
        controllers = _CONTROLLERS.read_text().split()
    except OSError:
        try:
            older = _HIERARCHIES.read_text().strip()
        except OSError:
            older = ""
        return "cgroups of version 1 only" if older else "no cgroups"
    if not controllers:
        return "cgroups of version 2 without controllers"
    return f"cgroups of version 2 with {', '.join(sorted(controllers))}"


def _tried(program: Sequence[str]) -> dict[str, bool]:
    try:
        done = subprocess.run(  # noqa: S603  # our own program
            program, capture_output=True, check=True, timeout=_SECONDS
        )
        return dict(json.loads(done.stdout))
    except (OSError, subprocess.SubprocessError, ValueError):
        return {}


def _try() -> dict[str, bool]:
    """Try each in this process, which is of no more use afterwards."""
    become_subreaper()
    return {
        "end": _orphan_comes_home(),
        "processes": _child_is_seen(),
        "cpu_seconds": _is_set(resource.RLIMIT_CPU, 60),
        "memory": _memory_ends(),
    }


def _is_set(what: int, soft: int) -> bool:
    _, hard = resource.getrlimit(what)
    soft = soft if hard == resource.RLIM_INFINITY else min(soft, hard)
    resource.setrlimit(what, (soft, hard))
    return resource.getrlimit(what)[0] == soft


def _memory_ends() -> bool:
    own = os.getpid()
    if not (resident_bytes(own) and proportional_bytes(own)):
        return False
    if not _is_set(resource.RLIMIT_AS, 2048 * _MEGABYTE):
        return False
    try:
        bytearray(4096 * _MEGABYTE)
    except MemoryError:
        return True
    return False


def _child_is_seen() -> bool:
    child = os.fork()
    if child == 0:
        time.sleep(_SECONDS)
        os._exit(0)
    seen = child in descendants(os.getpid())
    os.kill(child, 9)
    os.waitpid(child, 0)
    return seen


def _orphan_comes_home() -> bool:
    """Return whether a child whose parent has ended is ours (prctl(2))."""
    reading, writing = os.pipe()
    between = os.fork()
    if between == 0:
        if (orphan := os.fork()) == 0:
            time.sleep(_SECONDS)
            os._exit(0)
        os.write(writing, str(orphan).encode())
        os._exit(0)
    os.waitpid(between, 0)
    orphan = int(os.read(reading, 20))
    home = orphan in descendants(os.getpid())
    os.kill(orphan, 9)
    if home:
        os.waitpid(orphan, 0)
    return home


if __name__ == "__main__":
    sys.stdout.write(json.dumps(_try()))
