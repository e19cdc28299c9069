"""What the attempts of a kind may use, and how many jobs an owner may have."""

from collections.abc import Mapping
from typing import Annotated

import msgspec
from msgspec.structs import replace

from quire.errors import InputError, QuireError

_Count = Annotated[int, msgspec.Meta(ge=0)]
_Seconds = Annotated[float, msgspec.Meta(ge=0)]
# POSIX knows no smaller limit of CPU time, and an interpreter needs memory to start.
_LEAST_CPU_SECONDS = 1.0
_LEAST_MEMORY = 128 * 1024**2


class Limits(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A table ``[kinds.NAME]``; in limits other than `retries` 0 means none.

    Attributes
    ----------
    processes
        An attempt's processes at one time, its worker among them.
    memory
        Bytes: of address space for each process of an attempt, and of memory in use
        for all of them together; None for what the server's ``job_memory`` says.
    cpu_seconds
        That all processes of an attempt may use together.
    wall_clock
        Seconds that an attempt may take; a job that asks for less gets less.
    concurrency
        Attempts of this kind at one time.
    priority
        Of an owner's jobs those of the highest priority run first.
    retries
        New attempts after a transient error, None for the usual.
    engine
        Name of the engine that runs it, empty for the server's own.
    cores, partition, tags
        What is asked of that engine; what it says itself where they are left out.
    """

    processes: _Count = 256
    memory: _Count | None = None
    cpu_seconds: _Seconds = 0.0
    wall_clock: _Count = 0
    concurrency: _Count = 0
    priority: int = 0
    retries: _Count | None = None
    engine: str = ""
    cores: _Count = 0
    partition: str = ""
    tags: tuple[str, ...] = ()

    def seconds(self, asked: int) -> int:
        """Return the seconds that an attempt may take.

        Parameters
        ----------
        asked
            What its job asks for, 0 for no limit.
        """
        return min(asked or self.wall_clock, self.wall_clock or asked)


class KindLimits:
    """The limits of every kind.

    Parameters
    ----------
    given
        By the kind's name; others have the usual.
    memory
        Bytes for kinds that say nothing of memory.

    Raises
    ------
    InputError
        No work can be done within one of them.
    """

    def __init__(
        self, given: Mapping[str, Limits] | None = None, *, memory: int = 0
    ) -> None:
        self._usual = Limits(memory=memory)
        self._given = {
            name: limits
            if limits.memory is not None
            else replace(limits, memory=memory)
            for name, limits in (given or {}).items()
        }
        _check_memory("job_memory", memory)
        for name, limits in self._given.items():
            _check(f"kinds.{name}", limits)

    def of(self, kind: str) -> Limits:
        """Return the limits of a kind."""
        return self._given.get(kind, self._usual)

    def check_names(self, known: Mapping[str, object]) -> None:
        """Do nothing if all kinds with limits exist.

        Raises
        ------
        InputError
            One does not.
        """
        for name in self._given:
            if name not in known:
                mend = f"there are: {', '.join(sorted(known))}"
                raise InputError(f"kinds.{name}", "no such kind of job", mend)

    def check_engines(self, known: Mapping[str, object]) -> None:
        """Do nothing if all engines that kinds run on exist.

        Raises
        ------
        InputError
            One does not.
        """
        for name, limits in self._given.items():
            if limits.engine and limits.engine not in known:
                mend = f"there are: {', '.join(sorted(known))}"
                place = f"kinds.{name}.engine"
                raise InputError(place, f"no engine {limits.engine!r}", mend)


class Excess(msgspec.Struct, frozen=True, kw_only=True):
    """A limit that an attempt went beyond.

    Attributes
    ----------
    limit
        Its name, as in `Limits`.
    allowed, used
        Processes, bytes or seconds.
    """

    limit: str
    allowed: float
    used: float

    def describe(self, kind: str) -> str:
        """Return what happened, and where the limit is set."""
        what = _WORDS.get(self.limit, "{used:g}").format(used=self.used)
        setting = f"[kinds.{kind}] {self.limit} = {self.allowed:.0f}"
        return f"killed by its limit: it {what}; allowed is {setting}"


_WORDS = {
    "processes": "had {used:.0f} processes at one time",
    "memory": "had {used:.0f} bytes of memory in use",
    "cpu_seconds": "used {used:.1f} s of CPU time",
}


class Quotas(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The table ``[quotas]``: what one owner may have; 0 means no limit.

    Attributes
    ----------
    jobs
        Jobs in the queue and under way together; more are refused.
    running
        Attempts at one time; more wait in the queue.
    """

    jobs: _Count = 0
    running: _Count = 0


class QuotaExceeded(QuireError):
    """An owner has as many jobs in the queue and under way as allowed."""

    code = "quota_exceeded"

    def __init__(self, owner: str, jobs: int) -> None:
        self.owner = owner
        self.jobs = jobs
        super().__init__(
            f"{owner} has {jobs} jobs queued and running, the most that are allowed "
            "([quotas] jobs); wait until one has ended, or abort one"
        )


def _check(place: str, limits: Limits) -> None:
    if 0 < limits.cpu_seconds < _LEAST_CPU_SECONDS:
        raise InputError(f"{place}.cpu_seconds", "is too little", "1 or more, or 0")
    _check_memory(f"{place}.memory", limits.memory or 0)


def _check_memory(place: str, memory: int) -> None:
    if memory and memory < _LEAST_MEMORY:
        mend = f"{_LEAST_MEMORY} or more, or 0"
        raise InputError(place, "is too little for an interpreter", mend)
