"""The server's memory while documents come in, run after run.

python benchmarks/memory.py [SECONDS]

One client sends runs of 2,000 events as fast as they are acknowledged, every tenth
without its stop. After a fifth of the time, in which caches fill, the memory in use
(the resident set) is to stay flat: its slope is fitted, and the target is less than a
megabyte a minute, or 2 % of the whole over the time that was measured.
"""

import os
import statistics
import sys
import tempfile
import time
from pathlib import Path

from quire.testing.bench_documents import BenchClient, bodies_of, run_of
from quire.testing.campaigns.server import ServerProcess

EVENTS = 2000
BATCH = 500
EVERY = 10
TARGET = 1.0  # megabytes a minute
SHARE = 0.02
MEGABYTE = 2**20


def resident(pid: int) -> float:
    """Return the resident set of a process in megabytes (Linux)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


def fill(server: ServerProcess, seconds: float) -> list[tuple[float, float]]:
    """Send runs for some time; return when, and the memory then."""
    client = BenchClient(server)
    pid = server.pid or 0
    begun, done, sent = time.monotonic(), 0, 0
    taken: list[tuple[float, float]] = []
    try:
        while (elapsed := time.monotonic() - begun) < seconds:
            opening, events, stop = run_of(EVENTS)
            client.send(bodies_of(opening, 2))
            client.send(bodies_of(events, BATCH))
            done += 1
            sent += EVENTS
            if done % EVERY:
                client.send(bodies_of(stop, 1))
            taken.append((elapsed, resident(pid)))
    finally:
        client.close()
    print(f"{done:,} runs, {sent:,} events in {elapsed:.0f} s")
    return taken


def main(seconds: float) -> None:
    """Print the memory at several times, and its slope."""
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        server = ServerProcess(Path(name) / "quire")
        server.start()
        try:
            taken = fill(server, seconds)
        finally:
            server.stop()
    for at in range(0, len(taken), max(1, len(taken) // 10)):
        print(f"{taken[at][0]:6.0f} s  {taken[at][1]:7.1f} MB")
    settled = [one for one in taken if one[0] >= seconds / 5]
    times, sizes = zip(*settled, strict=True)
    slope = statistics.linear_regression(times, sizes).slope
    grown = slope * (times[-1] - times[0])
    flat = slope * 60 < TARGET or grown < SHARE * sizes[0]
    print(
        f"slope {slope * 60:.2f} MB/min, {grown:.1f} MB in {times[-1] - times[0]:.0f} s"
        f" of {sizes[0]:.0f} MB (target: flat: {'met' if flat else 'MISSED'})"
    )


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 600.0)
