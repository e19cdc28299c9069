"""One event a request, acknowledged durable, beside bare commits of the same disk.

python benchmarks/ingest_http.py [SECONDS]

The clients are raw sockets that wait for each answer, so that the server is what is
measured. Absolute figures say more about the disk than about us; read the ratios, and
the processor time that the server spends on a post.
"""

import asyncio
import math
import os
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import apsw
import psutil
import uvloop

from quire.client.discovery import Address
from quire.testing.bench_documents import bodies_of, run_of
from quire.testing.campaigns.clients import Item
from quire.testing.campaigns.server import ServerProcess
from quire.testing.raw_client import post_all, post_in_turn, request

TARGET_OF_BARE = 0.5
TARGET_POSTS = 5800
_MOST_A_SECOND = 12_000
"""Events that are made beforehand, for each second."""


def bare(folder: Path, rows: list[bytes], seconds: float) -> float:
    """Return single-row FULL commits a second of one bare apsw connection."""
    connection = apsw.Connection(str(folder / f"bare-{time.time_ns()}.sqlite"))
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", 2)
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB)")
    begun = time.perf_counter()
    done, elapsed = 0, 0.0
    while elapsed < seconds:
        row = rows[done % len(rows)]
        connection.execute("INSERT INTO t (body) VALUES (?)", (row,))
        done += 1
        elapsed = time.perf_counter() - begun
    connection.close()
    return done / elapsed


async def ours(server: ServerProcess, clients: int, seconds: float) -> float:
    """Return durable posts a second with so many clients, each with its own run."""
    address = server.address
    count = int(_MOST_A_SECOND * seconds / clients)
    feeds = []
    for _ in range(clients):
        opening, events, _stop = run_of(count)
        await post_all(address, [requests(address, opening)], math.inf)
        feeds.append(requests(address, events))
    begun = time.perf_counter()
    if clients == 1:
        done = await asyncio.to_thread(post_in_turn, address, feeds[0], begun + seconds)
    else:
        done = await post_all(address, feeds, begun + seconds)
    return done / (time.perf_counter() - begun)


def requests(address: Address, items: list[Item]) -> Iterator[bytes]:
    """Return whole HTTP requests of one document each."""
    # Made beforehand: the client is not to be what is measured.
    return iter([request(address, one) for one in bodies_of(items, 1)])


def main(seconds: float) -> None:
    """Print a line a case."""
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        rows = bodies_of(run_of(1000)[1], 1)
        server = ServerProcess(folder / "quire")
        server.start()
        try:
            uvloop.run(ours(server, 1, 0.3))
            # Before and behind: the disk's rate moves.
            base = bare(folder, rows, seconds / 2)
            one, one_cost = measured(server, 1, seconds)
            base = (base + bare(folder, rows, seconds / 2)) / 2
            many, many_cost = measured(server, 64, seconds)
        finally:
            server.stop()
    print(f"bare apsw, one row a commit  {base:8,.0f}/s  1.00")
    met = one / base >= TARGET_OF_BARE
    show("1 client, one event a post", one, base, one_cost, met=met)
    met = many >= TARGET_POSTS
    show("64 clients, one event a post", many, base, many_cost, met=met)


def measured(
    server: ServerProcess, clients: int, seconds: float
) -> tuple[float, float]:
    """Return posts a second, and the server's processor time for one, in seconds."""
    process = psutil.Process(server.pid)
    before = process.cpu_times()
    rate = uvloop.run(ours(server, clients, seconds))
    after = process.cpu_times()
    spent = after.user + after.system - before.user - before.system
    return rate, spent / (rate * seconds)


def show(label: str, rate: float, base: float, cost: float, *, met: bool) -> None:
    """Print a line."""
    told = "met" if met else "MISSED"
    print(
        f"{label:28} {rate:8,.0f}/s  {rate / base:.2f}"
        f"  {cost * 1e6:4.0f} us of processor a post  (target: {told})"
    )


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 3.0)
