"""A warm process that forks a keeper for every attempt, and sweeps behind it.

It is subreaper too: what a killed keeper leaves behind becomes its own child. It ends,
with all that runs below it, when its control socket is closed or at SIGTERM.
"""

import contextlib
import gc
import os
import select
import signal
import socket
import time
import traceback
from typing import NoReturn

import msgspec

from quire.engines.embedded.processes import (
    become_subreaper,
    children,
    descendants,
    die_with,
    reap,
    send_signal,
)
from quire.engines.http_link import HttpLink, runner_name
from quire.engines.keeper import Keeper, Runner
from quire.errors import AttemptLost
from quire.ports.launcher import AttemptKey, RunnerOrder

LONGEST_ORDER = 2**17
# Seconds that a keeper has to sweep before it is killed itself.
_PATIENCE = 1.5
# Seconds for which the death of a keeper is told, at the end of all and else.
_REPORTING, _LONGER = 0.5, 30.0
# Seconds between two looks at what is to be swept.
_PAUSE = 0.002


class Begin(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Begin an attempt; a socket comes along, closed once nothing of it is left."""

    order: RunnerOrder


class End(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """End an attempt, if it is under way here."""

    key: AttemptKey


class _Kept(msgspec.Struct, kw_only=True):
    order: RunnerOrder
    name: str
    notice: socket.socket | None
    kill_at: float = float("inf")


class ForkServer:
    """Forks keepers.

    Parameters
    ----------
    runner
        What a worker does with an attempt.
    """

    def __init__(self, runner: Runner) -> None:
        self._runner = runner
        self._wakeup = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._kept: dict[int, _Kept] = {}
        self._reporters: set[int] = set()
        self._control: socket.socket | None = None
        self._ending = False

    def serve(self, control: socket.socket) -> None:
        """Take orders until the socket is closed."""
        self._prepare()
        self._control = control
        while not self._ending:
            if control.fileno() not in self._look([control.fileno()]):
                continue
            packet, given, _, _ = socket.recv_fds(control, LONGEST_ORDER, 1)
            if not packet:
                break
            self._obey(msgspec.json.decode(packet, type=Begin | End), given)
        self._end_all()
        while self._kept or self._reporters:
            self._look([])
        self._sweep()

    def run(self, order: RunnerOrder) -> None:
        """Keep one attempt to its end."""
        self._prepare()
        self._fork(order, None)
        while self._kept or self._reporters:
            self._look([])

    def _prepare(self) -> None:
        become_subreaper()
        signal.set_wakeup_fd(self._wakeup[1], warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        gc.freeze()  # what is loaded by now stays shared with all workers

    def _obey(self, message: Begin | End, given: list[int]) -> None:
        if isinstance(message, Begin):
            self._fork(message.order, socket.socket(fileno=given[0]))
            return
        for pid, kept in self._kept.items():
            if (kept.order.job, kept.order.attempt) == message.key:
                _end(pid, kept)

    def _end_all(self) -> None:
        self._ending = True
        for pid, kept in self._kept.items():
            _end(pid, kept)
        for reporter in self._reporters:
            send_signal(reporter, signal.SIGTERM)

    def _look(self, others: list[int]) -> list[int]:
        """Wait until something is to be done, do our part, return what is readable."""
        due = min((kept.kill_at for kept in self._kept.values()), default=float("inf"))
        pause = None if due == float("inf") else max(due - time.monotonic(), 0.0)
        ready = select.select([self._wakeup[0], *others], [], [], pause)[0]
        if self._wakeup[0] in ready:
            heard = os.read(self._wakeup[0], 4096)
            if signal.SIGTERM in heard or signal.SIGINT in heard:
                self._end_all()
        for pid, kept in self._kept.items():
            if time.monotonic() >= kept.kill_at:
                send_signal(pid, signal.SIGKILL)
        self._reap()
        return ready

    def _reap(self) -> None:
        statuses: dict[int, int] = {}
        reap(statuses)
        self._reporters -= statuses.keys()
        ended = {pid: self._kept.pop(pid) for pid in statuses if pid in self._kept}
        for pid, kept in ended.items():
            if statuses[pid]:  # killed: whatever it kept is ours now
                self._sweep()
                self._report(kept)
            if kept.notice is not None:
                kept.notice.close()

    def _sweep(self) -> None:
        """Kill what no living keeper keeps."""
        while strays := self._strays():
            for stray in strays:
                for pid in (*descendants(stray), stray):
                    send_signal(pid, signal.SIGKILL)
            time.sleep(_PAUSE)
            for pid in strays:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(pid, os.WNOHANG)

    def _strays(self) -> list[int]:
        spared = self._kept.keys() | self._reporters
        return [pid for pid in children(os.getpid()) if pid not in spared]

    def _report(self, kept: _Kept) -> None:
        """Tell the server of a killed keeper, in a process of its own: it may be away."""
        pid = os.fork()
        if pid:
            self._reporters.add(pid)
            return
        try:
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGTERM, signal.SIG_DFL)
            self._close_inherited()
            with contextlib.suppress(AttemptLost, RuntimeError):
                link = HttpLink(kept.order, runner=kept.name)
                reason = "its process was killed, with its keeper"
                link.leave(reason, patience=_REPORTING if self._ending else _LONGER)
        finally:
            os._exit(0)

    def _fork(self, order: RunnerOrder, notice: socket.socket | None) -> None:
        name, parent = runner_name(), os.getpid()
        pid = os.fork()
        if pid == 0:
            if notice is not None:
                notice.close()
            self._be_keeper(order, name, parent)
        self._kept[pid] = _Kept(order=order, name=name, notice=notice)

    def _be_keeper(self, order: RunnerOrder, name: str, parent: int) -> NoReturn:
        status = 1
        try:
            signal.set_wakeup_fd(-1)
            self._close_inherited()
            keeper = Keeper(order, self._runner, name=name)
            die_with(parent, signal.SIGTERM)  # so that it sweeps before it ends
            keeper.run()
            status = 0
        except BaseException:  # noqa: BLE001  # told to the log, whatever it is
            traceback.print_exc()
        finally:
            os._exit(status)

    def _close_inherited(self) -> None:
        """Let go of what would keep others from noticing an end."""
        for descriptor in self._wakeup:
            os.close(descriptor)
        for kept in self._kept.values():
            if kept.notice is not None:
                kept.notice.close()
        if self._control is not None:
            self._control.close()


def _end(pid: int, kept: _Kept) -> None:
    if kept.kill_at == float("inf"):
        kept.kill_at = time.monotonic() + _PATIENCE
        send_signal(pid, signal.SIGTERM)
