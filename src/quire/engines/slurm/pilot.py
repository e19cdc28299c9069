"""A pilot: a job of Slurm that keeps its place and does attempts one after another.

``python -m quire.engines.slurm.pilot`` takes orders from a mailbox, and hands them to a
warm runner, so that an attempt begins without Slurm's start. It ends once it has had
nothing to do for a while, or is too old to begin another one.
"""

import argparse
import contextlib
import signal
import sys
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from quire.engines.slurm.mailbox import Mailbox
from quire.engines.warm_runners import WarmRunners
from quire.ports.launcher import RunnerOrder

# Seconds between two looks into the mailbox.
_LOOK = 0.03


class Pilot:
    """Does the orders of a mailbox.

    Parameters
    ----------
    name
        Its own, as Slurm has it.
    idle
        Seconds without an order after which it ends.
    life
        Seconds after which it begins nothing any more.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        runners: WarmRunners,
        *,
        name: str,
        idle: float,
        life: float,
    ) -> None:
        self._mailbox = mailbox
        self._runners = runners
        self._name = name
        self._idle = idle
        self._life = life
        self._stopped = threading.Event()

    def stop(self, _number: int = 0, _frame: FrameType | None = None) -> None:
        """End, with all that runs here."""
        self._stopped.set()

    def run(self) -> None:
        """Take orders until none has come for a while."""
        begun = busy = time.monotonic()
        self._runners.start()
        try:
            while not self._stopped.is_set():
                now = time.monotonic()
                order = self._mailbox.take(self._name)
                if order is not None:
                    self._do(order)
                    busy = time.monotonic()
                elif now - busy > self._idle:
                    break
                else:
                    self._stopped.wait(_LOOK)
                if time.monotonic() - begun > self._life:
                    break
        except FileNotFoundError:
            pass  # the data folder has gone
        finally:
            self._runners.close()
            self._mailbox.discard(self._name)

    def _do(self, order: RunnerOrder) -> None:
        key = order.job, order.attempt
        work = threading.Thread(target=self._runners.run, args=(order,), daemon=True)
        work.start()
        try:
            while work.is_alive():
                if self._stopped.is_set() or self._mailbox.must_end(self._name, key):
                    self._runners.end(key)
                work.join(_LOOK)
        finally:
            with contextlib.suppress(OSError):
                self._mailbox.done(self._name, key)


def main(arguments: Sequence[str] | None = None) -> int:
    """Be a pilot until there is nothing to do; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m quire.engines.slurm.pilot")
    parser.add_argument("--mailbox", type=Path, required=True)
    parser.add_argument("--name", required=True)
    parser.add_argument("--idle", type=float, required=True, help="seconds")
    parser.add_argument("--life", type=float, required=True, help="seconds")
    parser.add_argument("--kinds", required=True)
    parser.add_argument("--tables", default="", help="for the kinds, as JSON")
    given = parser.parse_args(arguments)
    pilot = Pilot(
        Mailbox(given.mailbox),
        WarmRunners(kinds=given.kinds, tables=given.tables),
        name=given.name,
        idle=given.idle,
        life=given.life,
    )
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, pilot.stop)
    pilot.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
