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

from quire.backends.bounded_log import BoundedLog
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
_PIECE = 64 * 1024


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
    said, saying = os.pipe()
    os.set_blocking(said, False)
    lab = subprocess.Popen(  # noqa: S603 - the server's own order
        order["program"],
        stdin=subprocess.DEVNULL,
        stdout=saying,
        stderr=saying,
        preexec_fn=_dying_with(os.getpid()),  # noqa: PLW1509 - there are no threads
    )
    os.close(saying)
    _end_by_signal(lab.pid)
    log = BoundedLog(sys.stdout.fileno())
    code = _wait(lab.pid, order["memory"], said, log)
    kill_descendants()
    while _take_down(said, log):
        pass
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


def _wait(lab: int, memory: int, said: int, log: BoundedLog) -> int:
    """Take in everything that ends and is said, until the lab's program has ended."""
    ending = os.pidfd_open(lab)
    heard = [said]
    looked = time.monotonic()
    while True:
        ready, _, _ = select.select([ending, *heard], [], [], _LOOK_SECONDS)
        if said in ready and not _take_down(said, log):
            heard = []  # it has closed its output
        if ending not in ready and time.monotonic() - looked < _LOOK_SECONDS:
            continue
        looked = time.monotonic()
        statuses: dict[int, int] = {}
        reap(statuses)
        if lab in statuses:
            return os.waitstatus_to_exitcode(statuses[lab])
        if memory:
            _hold(lab, memory, log)


def _take_down(said: int, log: BoundedLog) -> bool:
    """Write a piece of what was said into the log; return whether there was any."""
    try:
        piece = os.read(said, _PIECE)
    except BlockingIOError:
        return False
    # A full disk must not end the lab.
    with contextlib.suppress(OSError):
        log.write(piece)
    return bool(piece)


def _hold(lab: int, memory: int, log: BoundedLog) -> None:
    """End the process that uses most, if all together use too much."""
    every = list(descendants(os.getpid()))
    if sum(map(resident_bytes, every)) <= memory:
        return
    used = {pid: proportional_bytes(pid) for pid in every}
    together = sum(used.values())
    if together > memory:
        greedy = max(used, key=lambda pid: (pid != lab, used[pid]))
        words = f"{together} bytes are in use, of {memory} that this lab may have"
        told = f"{words}: process {greedy} is killed ({used[greedy]} bytes)\n"
        with contextlib.suppress(OSError):
            log.write(told.encode())
        send_signal(greedy, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(abs(main()))
