"""A limit to what an attempt may compute: a hostile source must not hold a slot for ever.

Set anew for each attempt, since a warm worker has used some already (setrlimit(2)).
"""

import resource
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

SECONDS = 20
_BYTES_PER_SECOND = 100_000_000


class CpuSpent(Exception):
    """The attempt has used all the time that it may."""


class CpuBudget:
    """What the process may still compute.

    Parameters
    ----------
    seconds
        Of CPU time, for no bytes at all; None for no limit.
    """

    def __init__(self, seconds: int | None) -> None:
        self._size = 0
        self._seconds = seconds
        used = resource.getrusage(resource.RUSAGE_SELF)
        self._used = int(used.ru_utime + used.ru_stime)
        limits = resource.getrlimit(resource.RLIMIT_CPU)
        # What the settings allow to the kind is kept to as well.
        self._bounds = [one for one in limits if one != resource.RLIM_INFINITY]

    def more(self, size: int) -> None:
        """Allow for so many more bytes."""
        if self._seconds is None:
            return
        self._size += size
        wanted = self._used + self._seconds + self._size // _BYTES_PER_SECOND
        _, hard = resource.getrlimit(resource.RLIMIT_CPU)
        resource.setrlimit(resource.RLIMIT_CPU, (min([wanted, *self._bounds]), hard))


@contextmanager
def cpu_limit(size: int, *, seconds: int = SECONDS) -> Iterator[CpuBudget]:
    """Let the process compute for `seconds` more, and one for each 100 MB.

    Does nothing outside the main thread, where no signal can be received.

    Parameters
    ----------
    size
        Bytes of all sources, as far as they are known.

    Raises
    ------
    CpuSpent
        Within, once the time is up.
    """
    if threading.current_thread() is not threading.main_thread():
        yield CpuBudget(None)
        return
    limits = resource.getrlimit(resource.RLIMIT_CPU)
    former = signal.signal(signal.SIGXCPU, _spent)
    budget = CpuBudget(seconds)
    budget.more(size)
    try:
        yield budget
    finally:
        resource.setrlimit(resource.RLIMIT_CPU, limits)
        signal.signal(signal.SIGXCPU, former)


def _spent(_number: int, _frame: FrameType | None) -> None:
    raise CpuSpent
