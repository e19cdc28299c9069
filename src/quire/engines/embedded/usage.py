"""What a supervisor's descendants use together, and whether that is too much.

A limit of processes per user (RLIMIT_NPROC) would count those of all slots, of the
server and of whoever else works as the same user, and holds for nobody who is root; so
they are counted.
"""

import os
import resource
from pathlib import Path

import msgspec

from quire.backends.processes import proportional_bytes, resident_bytes
from quire.engines.embedded.messages import Watch
from quire.engines.embedded.processes import descendants
from quire.jobs.limits import Excess

_TICKS = os.sysconf("SC_CLK_TCK")
_PROC = Path("/proc")


class Usage(msgspec.Struct, frozen=True, kw_only=True):
    """What descendants use.

    Attributes
    ----------
    processes
        Their ids.
    resident
        Bytes of memory in use; what several share counts for each of them.
    cpu_seconds
        CPU time of them and of those that have ended.
    """

    processes: tuple[int, ...] = ()
    resident: int = 0
    cpu_seconds: float = 0.0


def usage() -> Usage:
    """Return what this process's descendants use."""
    processes = tuple(descendants(os.getpid()))
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = ended.ru_utime + ended.ru_stime
    resident = 0
    for process in processes:
        resident += resident_bytes(process)
        cpu += _cpu_seconds(process)
    return Usage(processes=processes, resident=resident, cpu_seconds=cpu)


class Watcher:
    """Compares usage with limits, from one order on."""

    def __init__(self, order: Watch) -> None:
        self.order = order
        self._before = usage().cpu_seconds

    def excess(self) -> Excess | None:
        """Return the limit that is passed now, None if none is."""
        order, now = self.order, usage()
        count = len(now.processes)
        if 0 < order.processes < count:
            return Excess(limit="processes", allowed=order.processes, used=count)
        cpu = now.cpu_seconds - self._before
        if 0 < order.cpu_seconds < cpu:
            return Excess(limit="cpu_seconds", allowed=order.cpu_seconds, used=cpu)
        # Only what may be too much is measured exactly: it takes milliseconds.
        if 0 < order.memory < now.resident:
            memory = sum(proportional_bytes(process) for process in now.processes)
            if memory > order.memory:
                return Excess(limit="memory", allowed=order.memory, used=memory)
        return None


def _cpu_seconds(process: int) -> float:
    try:
        stat = (_PROC / str(process) / "stat").read_bytes()
    except OSError:
        return 0.0
    # proc(5): utime, stime, cutime, cstime are fields 14 to 17; the name, which may
    # hold anything, is the second.
    fields = stat.rpartition(b")")[2].split()
    return sum(int(field) for field in fields[11:15]) / _TICKS
