"""The runner's end of the line to the server: a socket."""

import os
import socket
import threading
import time

import msgspec

from quire.engines.embedded.messages import (
    LENGTH,
    Answer,
    Beat,
    Claim,
    Deliver,
    Finish,
    Request,
    Start,
    Tell,
    frame,
)
from quire.errors import AttemptLost
from quire.jobs.job import Assignment, JobResult, Outcome, Standing
from quire.progress.event import ProgressEvent

# Seconds between two questions while the store takes no writes.
_PAUSE = 0.5


class SocketLink:
    """A `quire.ports.attempt_link.AttemptLink` over a stream socket.

    May be used from several threads: one request is under way at a time.

    Parameters
    ----------
    assignment
        What came with the order to begin: the attempt is claimed already.
    """

    def __init__(
        self,
        connection: socket.socket,
        *,
        job: str,
        attempt: int,
        assignment: Assignment | None = None,
    ) -> None:
        self._assignment = assignment
        self._socket = connection
        self._job = job
        self._attempt = attempt
        self._lock = threading.Lock()
        self._process = os.getpid()
        self._in_passing = False
        self._decoder = msgspec.json.Decoder(Answer)

    def claim(self) -> Assignment:
        """Return what is to be done."""
        assignment = self._assignment or self._ask(Claim()).assignment
        if assignment is None:
            raise AttemptLost(self._job, self._attempt)
        return assignment

    def beat(self) -> None:
        """Say that the runner lives; renews the lease."""
        self._ask(Beat())

    def tell(self, event: ProgressEvent, standing: Standing | None = None) -> None:
        """Append to the job's progress log.

        Every other time it does not wait for an answer, unless it says how the attempt
        stands: what comes of it shows in the next call.
        """
        if standing is not None or self._in_passing:
            self._ask(Tell(event=event, standing=standing))
            return
        self._mine()
        with self._lock:
            self._in_passing = True
            self._socket.sendall(frame(Tell(event=event, quiet=True)))

    def deliver(self, result: JobResult) -> None:
        """Make a finished file known while the attempt goes on."""
        self._ask(Deliver(result=result))

    def finish(self, outcome: Outcome) -> None:
        """End the attempt; durable when it returns."""
        self._ask(Finish(outcome=outcome))

    def _mine(self) -> None:
        if os.getpid() != self._process:
            os._exit(1)  # a fork of the work: the attempt is not its own

    def _ask(self, request: Request) -> Answer:
        self._mine()
        with self._lock:
            self._in_passing = False
            while True:
                self._socket.sendall(frame(request))
                answer = self._decoder.decode(receive(self._socket))
                if not answer.unavailable:
                    break
                time.sleep(_PAUSE)
        if answer.lost:
            raise AttemptLost(self._job, self._attempt)
        if answer.problem:
            raise RuntimeError(answer.problem)
        return answer


def receive_start(connection: socket.socket) -> Start:
    """Return the next attempt to begin.

    Raises
    ------
    EOFError
        The server has gone.
    """
    return msgspec.json.decode(receive(connection), type=Start)


def receive(connection: socket.socket) -> bytes:
    """Return the body of the next frame."""
    (length,) = LENGTH.unpack(_exactly(connection, LENGTH.size))
    return _exactly(connection, length)


def _exactly(connection: socket.socket, size: int) -> bytes:
    chunk = connection.recv(size)
    if len(chunk) == size:
        return chunk
    gathered = bytearray()
    while chunk:
        gathered += chunk
        if len(gathered) == size:
            return bytes(gathered)
        chunk = connection.recv(size - len(gathered))
    raise EOFError("the server has gone")
