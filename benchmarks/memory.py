"""The server's memory while documents come in, run after run, at a steady pace.

python benchmarks/memory.py [SECONDS [RUNS_A_SECOND]]

First the server's bounded caches are filled: with as many runs as the longest of them
remembers, and as many events. Then one client sends runs of 2,000 events, every tenth
without its stop: two a second, or as many as are said (0 for as fast as they are
acknowledged). The memory in use (the resident set) is measured after each run, and a
line is fitted to it. The target is met if even the upper end of the slope's interval of
95 % confidence makes less than 2 % of the whole in that time.
"""

import os
import sys
import tempfile
import time
from pathlib import Path

from quire.testing.bench_documents import BenchClient, bodies_of, run_of
from quire.testing.campaigns.server import ServerProcess
from quire.testing.growth import growth

EVENTS = 2000
BATCH = 500
EVERY = 10
SHARE = 0.02
PACE = 2.0  # runs a second
SHORT, LONG = (5_000, 20), (500, EVENTS)  # runs and events to fill caches with
MEGABYTE = 2**20


def resident(pid: int) -> float:
    """Return the resident set of a process in megabytes (Linux)."""
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / MEGABYTE


def warm_up(server: ServerProcess) -> None:
    """Send more runs, and more events, than any cache of the server remembers."""
    client = BenchClient(server)
    begun = time.monotonic()
    try:
        for runs, events in (SHORT, LONG):
            for _ in range(runs):
                opening, rows, stop = run_of(events)
                client.send(bodies_of([*opening, *rows, *stop], BATCH))
    finally:
        client.close()
    print(f"caches filled in {time.monotonic() - begun:.0f} s")


def fill(
    server: ServerProcess, seconds: float, pace: float
) -> list[tuple[float, float]]:
    """Send runs for some time; return when, and the memory then."""
    client = BenchClient(server)
    pid = server.pid or 0
    begun, done, sent, late = time.monotonic(), 0, 0, 0
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
            if pace:
                due = begun + done / pace
                time.sleep(max(0.0, due - time.monotonic()))
                late += time.monotonic() > due + 1 / pace
    finally:
        client.close()
    behind = f", {late:,} of them behind the pace" if pace else ""
    print(f"{done:,} runs, {sent:,} events in {elapsed:.0f} s{behind}")
    return taken


def main(seconds: float, pace: float) -> int:
    """Print the memory at several times, and its slope; return 1 if it grows."""
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        server = ServerProcess(Path(name) / "quire")
        server.start()
        try:
            warm_up(server)
            taken = fill(server, seconds, pace)
        finally:
            server.stop()
    for at in range(0, len(taken), max(1, len(taken) // 10)):
        print(f"{taken[at][0]:6.0f} s  {taken[at][1]:7.1f} MB")
    found = growth(taken)
    flat = found.most < SHARE * found.level
    print(
        f"slope {found.slope * 60:.2f} ± {found.error * 60:.2f} MB/min:"
        f" {found.least:.1f} to {found.most:.1f} MB in {found.seconds:.0f} s"
        f" of {found.level:.0f} MB"
        f" (target: below {SHARE:.0%}: {'met' if flat else 'MISSED'})"
    )
    return 0 if flat else 1


if __name__ == "__main__":
    given = [float(word) for word in sys.argv[1:]]
    sys.exit(main(*given, *(600.0, PACE)[len(given) :]))
