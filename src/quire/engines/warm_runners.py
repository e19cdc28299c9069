"""A warm runner on this machine, for whatever holds a place in a scheduler.

A worker of Dask, or a pilot job of a batch system, has its attempts begun here within
milliseconds: the runner's interpreter and the kinds of job are loaded already.
"""

import contextlib
import os
import socket
import subprocess
import sys
import threading

import msgspec

from quire.engines.fork_server import Begin, End
from quire.ports.launcher import AttemptKey, RunnerOrder

_PATIENCE = 5.0


class WarmRunners:
    """Hands attempts to one warm runner; may be used from several threads.

    Parameters
    ----------
    kinds, tables
        As in `quire.ports.launcher.RunnerOrder`.
    """

    def __init__(
        self, *, kinds: str = "quire.kinds.registry:built_in", tables: str = ""
    ) -> None:
        self._options = ("--kinds", kinds, "--tables", tables)
        self._lock = threading.Condition()
        self._running: set[AttemptKey] = set()
        self._control: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the runner, if it does not run."""
        with self._lock:
            self._started()

    def run(self, order: RunnerOrder) -> None:
        """Have one attempt done; nothing of it is left when this returns.

        An attempt that runs here already is not begun again.
        """
        key = order.job, order.attempt
        ours, theirs = socket.socketpair()
        with ours:
            with theirs, self._lock:
                if key in self._running:
                    return
                packet = msgspec.json.encode(Begin(order=order))
                socket.send_fds(self._started(), [packet], [theirs.fileno()])
                self._running.add(key)
            try:
                with contextlib.suppress(ConnectionError):
                    ours.recv(1)
            finally:
                with self._lock:
                    self._running.discard(key)
                    self._lock.notify_all()

    def end(self, key: AttemptKey) -> None:
        """Have an attempt ended; nothing of it is left when this returns."""
        with self._lock:
            if key not in self._running or self._control is None:
                return
            with contextlib.suppress(OSError):
                self._control.send(msgspec.json.encode(End(key=key)))
            self._lock.wait_for(lambda: key not in self._running, _PATIENCE)

    def close(self) -> None:
        """End the runner, with all that runs below it."""
        with self._lock:
            if self._control is not None:
                self._control.close()
                self._control = None
            if self._process is not None:
                try:
                    self._process.wait(_PATIENCE)
                except subprocess.TimeoutExpired:
                    self._process.kill()
                    self._process.wait()
                self._process = None

    def _started(self) -> socket.socket:
        if self._control is not None and self._process is not None:
            if self._process.poll() is None:
                return self._control
            self._control.close()
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        number = theirs.fileno()
        program = [sys.executable, "-m", "quire.runner", "--control", str(number)]
        with theirs:
            self._process = subprocess.Popen(  # noqa: S603  # our own program
                [*program, *self._options],
                pass_fds=[number],
                stdin=subprocess.DEVNULL,
                start_new_session=True,
                env=_environment(),
            )
        self._control = ours
        return ours


def _environment() -> dict[str, str]:
    # One thread each in numerical libraries: a process with threads is no good parent
    # for forks.
    return {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", **os.environ}
