"""Programs that transfers run."""

import resource
import subprocess

from quire.ports.transfer import Proceed

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
