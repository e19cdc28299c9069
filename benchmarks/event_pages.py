"""Pages of 1,000 events into Quire, beside the raw appends of the same disk.

python benchmarks/event_pages.py [PAGES]

The limit is a file that each page is appended to and that is synced after it
(fdatasync), by a program that does nothing else. Both write the same bytes, in turns:
ours come over HTTP from one client that waits for each answer. The target is 40 %.
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from quire.testing.bench_documents import BenchClient, bodies_of, pages_of, run_of
from quire.testing.campaigns.server import ServerProcess

ROWS = 1000
ROUNDS = 5
TARGET = 0.4


def timed(work: Callable[[], object]) -> float:
    """Return how many seconds something takes."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def append(file: Path, pages: Iterable[bytes]) -> None:
    """Append pages to a file, each on disk before the next."""
    descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        for page in pages:
            os.write(descriptor, page)
            os.fdatasync(descriptor)
    finally:
        os.close(descriptor)


def send(client: BenchClient, parts: Iterable[list[bytes]]) -> None:
    """Send a whole run."""
    for part in parts:
        client.send(part)


def main(count: int) -> None:
    """Print events a second of both, and the ratio."""
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    raw, ours = [], []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        server = ServerProcess(folder / "quire")
        server.start()
        client = BenchClient(server)
        try:
            for _ in range(ROUNDS):
                opening, events, stop = run_of(count * ROWS)
                pages = bodies_of(pages_of(events, ROWS), 1)
                raw.append(timed(partial(append, folder / "raw", pages)))
                around = [bodies_of(opening, 2), pages, bodies_of(stop, 1)]
                ours.append(timed(partial(send, client, around)))
        finally:
            client.close()
            server.stop()
    for label, seconds in (("raw append, fdatasync", raw), ("Quire", ours)):
        best, middle = min(seconds), statistics.median(seconds)
        rows = count * ROWS
        print(f"{label:24} best {rows / best:12,.0f} events/s"
              f"   median {rows / middle:12,.0f}")  # fmt: skip
    ratio = min(raw) / min(ours)
    told = "met" if ratio >= TARGET else "MISSED"
    print(f"ratio of the best {ratio:.2f} (target {TARGET}: {told})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 20)
