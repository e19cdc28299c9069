"""What server, supervisor and worker say to each other, as JSON in frames.

A worker and the server exchange frames (four bytes of length, then JSON) over a
stream socket: one request, one answer, but none to what is told in passing. A supervisor and the server exchange packets
over a socket that keeps their borders. JSON rather than MessagePack, because the
parameters of a job may hold integers of any size.
"""

import struct
from typing import Any

import msgspec

from quire.jobs.job import Assignment, JobResult, Outcome, Standing
from quire.jobs.limits import Excess
from quire.progress.event import ProgressEvent

LENGTH = struct.Struct("!I")
# A frame beyond this is no message of ours.
LONGEST = 64 * 2**20


class Claim(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Ask what is to be done."""


class Beat(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Say that the runner lives."""


class Tell(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Append to the job's progress log.

    Attributes
    ----------
    quiet
        It gets no answer: what comes of it shows in the answer to the next request.
    """

    event: ProgressEvent
    standing: Standing | None = None
    quiet: bool = False


class Deliver(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Make a finished file known."""

    result: JobResult


class Finish(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """End the attempt."""

    outcome: Outcome


class Idle(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Say that the worker has nothing to do; it gets no answer.

    Attributes
    ----------
    clean
        Whether the last attempt left no thread and no process behind.
    """

    clean: bool = True


Request = Claim | Beat | Tell | Deliver | Finish | Idle


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What the server says to a request.

    Attributes
    ----------
    lost
        The attempt may no longer change its job.
    unavailable
        The store takes no writes now; ask again.
    problem
        What else went wrong, empty if nothing did.
    """

    lost: bool = False
    unavailable: bool = False
    problem: str = ""
    assignment: Assignment | None = None


class Start(msgspec.Struct, frozen=True, kw_only=True):
    """What the server says to an idle worker: begin this attempt.

    Attributes
    ----------
    memory
        Bytes of address space, 0 for no limit.
    cpu_seconds
        CPU time of the worker itself, 0 for no limit.
    assignment
        What is to be done; None where the worker has to ask, and is told why not.
    """

    job: str
    attempt: int
    memory: int = 0
    cpu_seconds: float = 0.0
    assignment: Assignment | None = None


class Spawn(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """To a supervisor: fork a worker; its end of a socket comes with the packet."""

    generation: int


class Kill(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """To a supervisor: end the worker and everything that it started."""

    generation: int


class Watch(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """To a supervisor: end the worker if it goes beyond these; 0 means no limit.

    They hold for all its descendants together, from now on, until the next such order.

    Attributes
    ----------
    watch
        Number of the order; the supervisor names it if a limit is passed.
    memory
        Bytes.
    """

    watch: int
    processes: int = 0
    memory: int = 0
    cpu_seconds: float = 0.0


class Gone(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """From a supervisor: no process of that worker is left.

    Attributes
    ----------
    status
        What ended the worker, in words.
    signal
        Number of the signal that ended it by itself, 0 for none.
    excess
        The limit that the supervisor killed it for, None if it did not.
    watch
        Number of the order that set the limit, 0 for none.
    """

    generation: int
    status: str
    signal: int = 0
    excess: Excess | None = None
    watch: int = 0


Order = Spawn | Kill | Watch


def encode(message: Any) -> bytes:
    """Return a message's bytes, without a length."""
    return msgspec.json.encode(message)


def frame(message: Any) -> bytes:
    """Return a message's bytes behind their length."""
    body = encode(message)
    return LENGTH.pack(len(body)) + body
