"""Ports for servers that have to be told theirs before they start."""

import random
import socket
from pathlib import Path

_LEAST = 10_000
_RANGE = Path("/proc/sys/net/ipv4/ip_local_port_range")


def free_port() -> int:
    """Return a TCP port that nobody listens at on loopback.

    It lies below those that the system hands out by itself: one of these would be free
    now, and the end of somebody's connection when the server comes to take it.

    Raises
    ------
    OSError
        A hundred of them are taken.
    """
    first = int(_RANGE.read_text().split()[0]) if _RANGE.exists() else 32_768
    dice = random.SystemRandom()
    problem: OSError | None = None
    for _ in range(100):
        port = dice.randrange(_LEAST, max(first, _LEAST + 1000))
        try:
            with socket.create_server(("127.0.0.1", port)):
                return port
        except OSError as taken:
            problem = taken
    raise OSError(f"no free port from {_LEAST} to {first}") from problem
