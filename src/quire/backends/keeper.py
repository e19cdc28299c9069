"""The process that keeps one lab: `python -m quire.backends.keeper < ORDER`.

It runs as the lab's user and is the parent of all that the lab starts, also of what
daemons leave behind, so that nothing outlives it. It outlives the server.
"""

import contextlib
import json
import os
import resource
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import TypedDict

from quire.backends.processes import (
    become_subreaper,
    descendants,
    die_with,
    kill_descendants,
    proportional_bytes,
    reap,
    resident_bytes,
    send_signal,
)

# Seconds that the lab's program has to end in order.
_GRACE_SECONDS = 3
# Seconds between two looks at what the lab uses.
_LOOK_SECONDS = 1.0


class Order(TypedDict):
    """What the keeper reads from its standard input.

    `folder` is the lab's own, `shown` the one that it shows, `settings` those in which
    the lab keeps what its user has set; `memory` is in bytes, for each process and for
    all together, 0 for no limit; `processors` are those that it may run on.
    """

    program: list[str]
    folder: str
    shown: str
    settings: list[str]
    reset: bool
    memory: int
    processors: list[int]


def main() -> int:
    """Run the lab's program to its end; return its exit code."""
    order: Order = json.load(sys.stdin)
    become_subreaper()
    _prepare(order)
    lab = subprocess.Popen(  # noqa: S603 - the server's own order
        order["program"],
        stdin=subprocess.DEVNULL,
        preexec_fn=_dying_with(os.getpid()),  # noqa: PLW1509 - there are no threads
    )
    _end_by_signal(lab.pid)
    code = _wait(lab.pid, order["memory"])
    kill_descendants()
    return code


def _prepare(order: Order) -> None:
    os.umask(0o077)
    if order["reset"]:
        _set_aside(order["settings"])
    for folder in (order["folder"], order["shown"], *order["settings"]):
        Path(folder).mkdir(parents=True, exist_ok=True, mode=0o700)
    os.chdir(order["shown"])
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if order["memory"]:
        # Not the address space: numerical libraries reserve far more than they use.
        bound = (order["memory"], order["memory"])
        resource.setrlimit(resource.RLIMIT_DATA, bound)
    if order["processors"]:
        os.sched_setaffinity(0, order["processors"])


def _set_aside(folders: Sequence[str]) -> None:
    """Give the folders another name: what made a lab fail can still be looked at."""
    for folder in map(Path, folders):
        with contextlib.suppress(FileNotFoundError):
            folder.rename(folder.with_name(f"{folder.name}.{time.time_ns()}"))


def _dying_with(keeper: int) -> Callable[[], None]:
    return lambda: die_with(keeper)


def _end_by_signal(lab: int) -> None:
    def kill(_: int, __: FrameType | None) -> None:
        send_signal(lab, signal.SIGKILL)

    def end(_: int, __: FrameType | None) -> None:
        send_signal(lab, signal.SIGTERM)
        signal.alarm(_GRACE_SECONDS)

    signal.signal(signal.SIGALRM, kill)
    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGINT, end)


def _wait(lab: int, memory: int) -> int:
    """Take in everything that ends, until the lab's program has."""
    ending = os.pidfd_open(lab)
    while True:
        select.select([ending], [], [], _LOOK_SECONDS)
        statuses: dict[int, int] = {}
        reap(statuses)
        if lab in statuses:
            return os.waitstatus_to_exitcode(statuses[lab])
        if memory:
            _hold(lab, memory)


def _hold(lab: int, memory: int) -> None:
    """End the process that uses most, if all together use too much."""
    every = list(descendants(os.getpid()))
    if sum(map(resident_bytes, every)) <= memory:
        return
    used = {pid: proportional_bytes(pid) for pid in every}
    together = sum(used.values())
    if together > memory:
        greedy = max(used, key=lambda pid: (pid != lab, used[pid]))
        words = f"{together} bytes are in use, of {memory} that this lab may have"
        sys.stderr.write(
            f"{words}: process {greedy} is killed ({used[greedy]} bytes)\n"
        )
        sys.stderr.flush()
        send_signal(greedy, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(abs(main()))
