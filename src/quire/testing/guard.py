"""Kills what tests have started once they themselves were killed.

``python -m quire.testing.guard WORD PID...``: waits for the end of any of the
processes, then ends the others and every process that has the word in its environment.
"""

import contextlib
import os
import select
import signal
import sys
import time

from quire.backends.processes import marked

MARK = "STARTED_BY_TESTS"
"""Environment variable with the word; whatever a test starts inherits it."""

_LOOK = 0.05


def main(word: str, *pids: int) -> None:
    """Wait for the end of one of the processes, and end what there is of them."""
    ours: list[int] = []
    with contextlib.suppress(ProcessLookupError):
        ours.extend(os.pidfd_open(pid) for pid in pids)
        ended = select.poll()
        for one in ours:
            ended.register(one, select.POLLIN)
        ended.poll()
    for one in ours:
        with contextlib.suppress(ProcessLookupError):
            signal.pidfd_send_signal(one, signal.SIGKILL)
    while left := list(marked(MARK, word)):
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(_LOOK)


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
