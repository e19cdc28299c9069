"""The keeper of one attempt: forks its worker, and leaves nothing of it alive.

It is subreaper for the attempt alone, hears by a held request when it must end, and
tells the server once all is swept. It ends as well, in order, at SIGTERM.
"""

import contextlib
import os
import select
import signal
import threading
import time
import traceback
from collections.abc import Callable
from types import FrameType
from typing import NoReturn

from quire.engines.embedded.messages import Watch
from quire.engines.embedded.processes import (
    become_subreaper,
    die_with,
    kill_descendants,
    limit,
    limit_attempt,
    reap,
)
from quire.engines.embedded.supervisor import GRACE
from quire.engines.embedded.usage import Watcher
from quire.engines.embedded.worker import Terminated
from quire.engines.http_link import LEAVE_PATIENCE, HttpLink
from quire.errors import AttemptLost
from quire.jobs.limits import Excess
from quire.ports.attempt_link import AttemptLink
from quire.ports.launcher import RunnerOrder

Runner = Callable[[AttemptLink, RunnerOrder], None]
# Seconds for which the server holds the request for orders.
_HELD = 30
# Seconds between two looks at what the attempt uses.
_LOOK = 0.05
_TERMINATED = 128 + signal.SIGTERM
_CUT = "what had launched it ended"
# Seconds for which that is told: whoever ends a runner wants its place.
_CUT_PATIENCE = 1.0


class Keeper:
    """Keeps one attempt; for a process of its own.

    Parameters
    ----------
    order
        The attempt.
    runner
        What the worker does with it.
    name
        As `quire.engines.http_link.runner_name` gives it.
    """

    def __init__(self, order: RunnerOrder, runner: Runner, *, name: str) -> None:
        self._order = order
        self._runner = runner
        self._name = name
        self._claimed = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._wakeup = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._orders = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._pipes = (self._wakeup, self._orders, self._claimed)
        self._begun = time.monotonic()
        self._link = HttpLink(order, runner=name)
        self._worker = 0
        self._watcher: Watcher | None = None

    def run(self) -> None:
        """Keep the attempt to its end; nothing of it is left when this returns."""
        with contextlib.suppress(PermissionError):  # it leads a session already
            os.setsid()
        become_subreaper()
        signal.set_wakeup_fd(self._wakeup[1], warn_on_full_buffer=False)
        for number in (signal.SIGCHLD, signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: None)
        self._fork()
        # Only now: a process with threads is no good parent for forks.
        threading.Thread(target=self._hear, daemon=True).start()
        reason, excess, overrun = "", None, False
        try:
            reason, excess, overrun = self._until_over()
        finally:
            self._end_worker()
        with contextlib.suppress(AttemptLost, RuntimeError):
            patience = _CUT_PATIENCE if reason == _CUT else LEAVE_PATIENCE
            self._link.leave(reason, excess=excess, overrun=overrun, patience=patience)

    def _until_over(self) -> tuple[str, Excess | None, bool]:
        """Return why it is over: reason, limit passed, deadline passed."""
        order = self._order
        watched = order.memory or order.cpu_seconds or order.processes
        due, watching = float("inf"), [fd[0] for fd in self._pipes]
        while True:
            pause = min(_LOOK if watched else _HELD, max(due - time.monotonic(), 0.0))
            ready = select.select(watching, [], [], pause)[0]
            if self._wakeup[0] in ready and self._told_by_signal():
                return _CUT, None, False
            status = self._death()
            if status is not None:
                return _ended(status), self._by_the_kernel(status), False
            if self._orders[0] in ready:
                return "", None, False
            if self._claimed[0] in ready:
                watching.remove(self._claimed[0])
                due = time.monotonic() + (order.deadline or float("inf"))
            if time.monotonic() >= due:
                return "", None, True
            if watched and (excess := self._excess()):
                return "", excess, False

    def _told_by_signal(self) -> bool:
        heard = os.read(self._wakeup[0], 4096)
        return signal.SIGTERM in heard or signal.SIGINT in heard

    def _death(self) -> int | None:
        statuses: dict[int, int] = {}
        reap(statuses)
        status = statuses.get(self._worker)
        if status is not None:
            self._worker = 0
        return status

    def _excess(self) -> Excess | None:
        if self._watcher is None:
            if time.monotonic() - self._begun < _LOOK:
                return None  # most attempts are over by then
            order = self._order
            self._watcher = Watcher(
                Watch(
                    watch=1,
                    processes=order.processes,
                    memory=order.memory,
                    cpu_seconds=order.cpu_seconds,
                )
            )
        excess = self._watcher.excess()
        if excess is not None and self._worker:
            # All at once: whoever forks faster than it is swept belongs to the group.
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._worker, signal.SIGKILL)
        return excess

    def _by_the_kernel(self, status: int) -> Excess | None:
        seconds = self._order.cpu_seconds
        if not seconds or os.waitstatus_to_exitcode(status) != -signal.SIGXCPU:
            return None
        return Excess(limit="cpu_seconds", allowed=seconds, used=seconds)

    def _hear(self) -> None:
        """Wait until the server says that the attempt must end."""
        with contextlib.suppress(RuntimeError):
            while self._link.orders(_HELD):
                pass
        os.write(self._orders[1], b"!")

    def _tell_claim(self) -> None:
        os.write(self._claimed[1], b"!")

    def _end_worker(self) -> None:
        if self._worker:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(self._worker, signal.SIGTERM)
            deadline = time.monotonic() + GRACE
            while reap() and time.monotonic() < deadline:
                time.sleep(0.002)
            self._worker = 0
        kill_descendants()

    def _fork(self) -> None:
        parent = os.getpid()
        self._worker = os.fork()
        if self._worker == 0:
            self._be_worker(parent)
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.setpgid(self._worker, self._worker)

    def _be_worker(self, parent: int) -> NoReturn:
        status = 1
        try:
            os.setpgid(0, 0)
            die_with(parent)
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGTERM, _terminate)
            for number in (signal.SIGCHLD, signal.SIGINT):
                signal.signal(number, signal.SIG_DFL)
            for descriptor in (*self._wakeup, *self._orders, self._claimed[0]):
                os.close(descriptor)
            limit(0)
            order = self._order
            limit_attempt(memory=order.memory, cpu_seconds=order.cpu_seconds)
            process = os.getpid()
            link = HttpLink(order, runner=self._name, on_claim=self._tell_claim)
            self._runner(link, order)
            # A fork of the work that came back here ends without a word.
            status = 0 if os.getpid() == process else 1
        except Terminated:
            status = _TERMINATED
        except BaseException:  # noqa: BLE001  # told to the log, whatever it is
            traceback.print_exc()
        finally:
            os._exit(status)


def _ended(status: int) -> str:
    """Return how a worker died, in words; nobody minds if it had given its verdict."""
    code = os.waitstatus_to_exitcode(status)
    if code < 0:
        return f"its process was killed by {signal.Signals(-code).name}"
    if code == _TERMINATED:  # as a scheduler does that signals all of a job at once
        return "its process was told to end by SIGTERM"
    return f"its process ended by itself with code {code}"


def _terminate(_number: int, _frame: FrameType | None) -> NoReturn:
    raise Terminated
