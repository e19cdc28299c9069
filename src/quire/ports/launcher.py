"""The launcher: how a facility's own scheduler is asked to run attempts elsewhere.

A launcher for one more scheduler is one file that keeps this protocol;
`quire.engines.distributed.DistributedEngine` makes an engine of it. It starts the same
program everywhere (`quire.engines.launching.runner_command`), and that program does the
rest over HTTP: it claims, beats, hears of an abort, sweeps what it started, finishes.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import Annotated, Protocol

import msgspec

from quire.errors import QuireError

_Count = Annotated[int, msgspec.Meta(ge=0)]


class Resources(msgspec.Struct, frozen=True, kw_only=True):
    """What an attempt asks of a scheduler; 0 and empty leave it to the scheduler.

    Attributes
    ----------
    memory
        Bytes.
    wall_clock
        Seconds.
    partition
        Queue or partition.
    tags
        What else the scheduler knows by ``name`` or ``name=value``, such as ``gpu=1``.
    """

    cores: _Count = 0
    memory: _Count = 0
    wall_clock: _Count = 0
    partition: str = ""
    tags: tuple[str, ...] = ()


class RunnerOrder(msgspec.Struct, frozen=True, kw_only=True):
    """One attempt, with all that its runner must know.

    Attributes
    ----------
    url
        Where the runner finds the server.
    others
        Where it finds further servers of the same store, asked in turn while one does
        not answer.
    token
        Good for this attempt alone and no longer than it; never in a command line.
    deadline
        Seconds from its claim after which the runner ends it, 0 for no limit.
    memory
        Bytes for one process, and for all together, 0 for no limit.
    cpu_seconds, processes
        For all processes together, 0 for no limit.
    data_folder
        Where the runner sees the server's data folder, empty for the same place.
    address_file
        Where the server leaves its address when it is started again, for runners on its
        own machine; empty where the address stays.
    scratch
        Folder on the runner's own machine to work in, where results travel through an
        object store; empty where they lie in the data folder.
    kinds
        What makes the kinds of job, as ``module:function``.
    tables
        Handed to that function, as JSON; empty for nothing.
    beat
        Seconds between two signs of life.
    """

    job: str
    attempt: int
    kind: str
    url: str
    token: str
    others: tuple[str, ...] = ()
    deadline: float = 0.0
    memory: int = 0
    cpu_seconds: float = 0.0
    processes: int = 0
    data_folder: str = ""
    address_file: str = ""
    scratch: str = ""
    kinds: str = "quire.kinds.registry:built_in"
    tables: str = ""
    beat: float = 1.5
    resources: Resources = Resources()

    def __repr__(self) -> str:
        """Return what may stand in a log."""
        return f"RunnerOrder({self.job}, attempt {self.attempt}, {self.kind})"


AttemptKey = tuple[str, int]
"""A job's id and an attempt's number."""


class There(StrEnum):
    """How an attempt stands with its scheduler: advice, never the truth."""

    WAITING = "waiting"
    RUNNING = "running"
    GONE = "gone"
    UNKNOWN = "unknown"


class Seen(msgspec.Struct, frozen=True, kw_only=True):
    """What a scheduler says of an attempt.

    Attributes
    ----------
    why
        For whoever waits for the job: why it does not begin, or how it ended if not
        well, in a few words; empty where nothing is to be said.
    """

    there: There
    why: str = ""


UNSEEN = Seen(there=There.UNKNOWN)
"""What holds for whom a scheduler leaves out."""


class LauncherAway(QuireError):
    """The scheduler cannot be asked now; to be tried again."""

    code = "launcher_away"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the scheduler cannot do it now: {reason}")


class LaunchRefused(QuireError):
    """The scheduler does not take such an attempt, now or later."""

    code = "launch_refused"

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the scheduler refuses it: {reason}")


class Launcher(Protocol):
    """Asks one scheduler.

    Guarantees
    ----------
    - `launch` is idempotent on job and attempt, also after a restart of the server.
    - None of it is needed for correctness: the job's row decides, and a runner that was
      started twice claims once.
    """

    async def start(self) -> None:
        """Get ready; what an earlier server launched is left alone."""
        ...

    async def launch(self, order: RunnerOrder) -> None:
        """Have the runner of an attempt started, now or when its turn comes.

        Raises
        ------
        LauncherAway
            The scheduler cannot be asked now.
        LaunchRefused
            It does not take such an attempt.
        """
        ...

    async def kill(self, key: AttemptKey) -> None:
        """Have an attempt ended by force, or taken from the queue; idempotent.

        Called after the runner was told to end and has had its time to sweep.

        Raises
        ------
        LauncherAway
            The scheduler cannot be asked now.
        """
        ...

    async def poll(self, keys: Sequence[AttemptKey]) -> Mapping[AttemptKey, Seen]:
        """Return how attempts stand; what is left out is unknown.

        Raises
        ------
        LauncherAway
            The scheduler cannot be asked now.
        """
        ...

    async def stop(self) -> None:
        """Let go of the scheduler; what runs there goes on."""
        ...
