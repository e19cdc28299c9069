"""The supervisor of one slot: forks its worker and leaves none of it alive.

It is subreaper for its slot alone, so that whatever a worker starts, however often it
forks, stays among its descendants. It ends, and everything below it, when the
server's end of the control socket is closed: a killed server closes it too. It asks
for no death signal of its own, since that would take it away before it has swept.
"""

import contextlib
import gc
import os
import select
import signal
import socket
import time
import traceback

import msgspec

from quire.engines.embedded.messages import (
    Gone,
    Kill,
    Order,
    Spawn,
    Watch,
    encode,
)
from quire.engines.embedded.processes import (
    become_subreaper,
    die_with,
    kill_descendants,
    limit,
    reap,
)
from quire.engines.embedded.usage import Watcher
from quire.engines.embedded.worker import Runner, Terminated, work
from quire.jobs.limits import Excess

# Seconds between a worker's SIGTERM and its SIGKILL.
GRACE = 0.3
# Seconds between two looks at what the worker and its descendants use.
LOOK = 0.05
_PACKET = 65536
# Wait status of a worker that heard its SIGTERM: the exit code that shells give it.
_TERMINATED = (128 + signal.SIGTERM) << 8


class Supervisor:
    """Owns one slot.

    Parameters
    ----------
    control
        Its end of the control socket; packets keep their borders.
    runner
        What a worker does with an attempt.
    memory_bytes
        Limit of a worker's address space, 0 for none.
    """

    def __init__(
        self, control: socket.socket, runner: Runner, *, memory_bytes: int = 0
    ) -> None:
        self._control = control
        self._runner = runner
        self._memory_bytes = memory_bytes
        self._wakeup = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._worker = 0
        self._generation = 0
        self._status, self._signal = "it had not begun", 0
        self._watcher: Watcher | None = None

    def run(self) -> None:
        """Follow the server's orders until it has gone."""
        become_subreaper()
        signal.set_wakeup_fd(self._wakeup[1], warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        # What is loaded by now is shared with all workers: keep their pages shared.
        gc.freeze()
        try:
            while self._step():
                pass
        finally:
            self._end_worker()

    def _step(self) -> bool:
        control = self._control.fileno()
        pause = None if self._watcher is None else LOOK
        ready, _, _ = select.select([control, self._wakeup[0]], [], [], pause)
        if self._wakeup[0] in ready and self._told_to_end():
            return False
        self._notice_death()
        self._notice_excess()
        if control not in ready:
            return True
        packet, descriptors, _, _ = socket.recv_fds(self._control, _PACKET, 1)
        if not packet:
            return False
        self._obey(msgspec.json.decode(packet, type=Order), descriptors)
        return True

    def _told_to_end(self) -> bool:
        return signal.SIGTERM in os.read(self._wakeup[0], _PACKET)

    def _obey(self, order: Order, descriptors: list[int]) -> None:
        match order:
            case Spawn():
                self._end_worker()
                self._generation = order.generation
                self._fork(socket.socket(fileno=descriptors[0]))
            case Kill(generation=generation) if generation == self._generation:
                self._end_worker()
                self._report()
            case Kill():
                pass  # of a worker that was replaced long ago
            case Watch():
                wanted = order.processes or order.memory or order.cpu_seconds
                self._watcher = Watcher(order) if wanted and self._worker else None

    def _fork(self, connection: socket.socket) -> None:
        self._watcher = None
        parent = os.getpid()
        self._worker = os.fork()
        if self._worker == 0:
            self._be_worker(connection, parent)
        connection.close()
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.setpgid(self._worker, self._worker)

    def _be_worker(self, connection: socket.socket, parent: int) -> None:
        status = 1
        try:
            os.setpgid(0, 0)
            die_with(parent)
            signal.set_wakeup_fd(-1)
            for number in (signal.SIGCHLD, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            for descriptor in (*self._wakeup, self._control.detach()):
                os.close(descriptor)
            limit(self._memory_bytes)
            work(connection, self._runner)
            status = 0
        except Terminated:
            status = os.waitstatus_to_exitcode(_TERMINATED)
        except BaseException:  # noqa: BLE001  # told to the log, whatever it is
            traceback.print_exc()
        finally:
            os._exit(status)

    def _notice_death(self) -> None:
        statuses: dict[int, int] = {}
        reap(statuses)
        if self._worker and self._worker in statuses:
            self._note(statuses[self._worker])
            kill_descendants()
            self._report()

    def _notice_excess(self) -> None:
        if self._watcher is None or not self._worker:
            return
        excess = self._watcher.excess()
        if excess is None:
            return
        # All at once: whoever forks faster than it is swept belongs to the group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._worker, signal.SIGKILL)
        self._worker = 0
        kill_descendants()
        watch = self._watcher.order.watch
        self._status, self._signal = f"it was killed by its limit of {excess.limit}", 0
        self._report(excess=excess, watch=watch)

    def _end_worker(self) -> None:
        if self._worker:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._worker, signal.SIGTERM)
            deadline = time.monotonic() + GRACE
            statuses: dict[int, int] = {}
            while reap(statuses) and time.monotonic() < deadline:
                time.sleep(0.002)
            # It may have died just before: its line to the server is cut first.
            self._note(statuses.get(self._worker, _TERMINATED))
        kill_descendants()

    def _note(self, status: int) -> None:
        """Remember what ended the worker."""
        self._status, self._signal, self._worker = "it was killed", 0, 0
        if status != _TERMINATED:
            self._status = _in_words(status)
            self._signal = max(-os.waitstatus_to_exitcode(status), 0)

    def _report(self, *, excess: Excess | None = None, watch: int = 0) -> None:
        self._watcher = None
        gone = Gone(
            generation=self._generation,
            status=self._status,
            signal=self._signal,
            excess=excess,
            watch=watch,
        )
        with contextlib.suppress(OSError):
            self._control.send(encode(gone))


def _in_words(status: int) -> str:
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return f"its process was killed by {signal.Signals(-code).name}"
    return f"its process ended by itself with code {code}"
