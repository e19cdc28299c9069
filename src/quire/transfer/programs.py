"""Programs that transfers run."""

import errno
import os
import resource
import subprocess

from quire.ports.transfer import Proceed

NO_SPACE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""What the system says where a disk is full, or a quota used up."""

_LOOK = 0.1


def waited(child: subprocess.Popen[bytes], proceed: Proceed) -> int:
    """Wait for a program and return its status; it is ended if `proceed` raises.

    Its CPU time is its own: what limits the attempt is meant for what reads sources.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_CPU)
    try:
        resource.prlimit(child.pid, resource.RLIMIT_CPU, (hard, hard))
        while True:
            proceed(0)
            try:
                return child.wait(_LOOK)
            except subprocess.TimeoutExpired:
                continue
    finally:
        child.kill()
        child.wait()


def no_space_in(words: str) -> int:
    """Return the number of the error by which a program tells of a full disk, else 0."""
    return next((one for one in NO_SPACE if os.strerror(one) in words), 0)
