"""The worker: a warm process that runs one attempt at a time."""

import os
import signal
import socket
import threading
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from quire.engines.beating import THREAD
from quire.engines.embedded.link import SocketLink, receive_start
from quire.engines.embedded.messages import Idle, frame
from quire.engines.embedded.processes import children, limit_attempt
from quire.ports.attempt_link import AttemptLink

Runner = Callable[[AttemptLink], None]


class Terminated(BaseException):
    """The worker was told to end; no work catches it by mistake."""


def work(connection: socket.socket, runner: Runner) -> None:
    """Run attempts until the server has gone.

    Parameters
    ----------
    runner
        Runs one attempt; see `quire.engines.attempt.run_attempt`.
    """
    # So that what is asleep or in Python code cleans up and ends at once.
    signal.signal(signal.SIGTERM, _end)
    process = os.getpid()
    clean = True
    try:
        while True:
            connection.sendall(frame(Idle(clean=clean)))
            start = receive_start(connection)
            limit_attempt(memory=start.memory, cpu_seconds=start.cpu_seconds)
            link = SocketLink(
                connection,
                job=start.job,
                attempt=start.attempt,
                assignment=start.assignment,
            )
            runner(link)
            if os.getpid() != process:
                os._exit(1)  # a fork of the work that came back here
            clean = _clean()
    except (EOFError, ConnectionError):
        return


def _clean() -> bool:
    alone = not children(os.getpid()) and len(children(os.getppid())) == 1
    return alone and all(
        thread.name == THREAD or thread is threading.main_thread()
        for thread in threading.enumerate()
    )


def _end(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated
