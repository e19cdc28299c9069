"""Runs put in over HTTP, one durable commit each, and the burst at a start of run.

Usage: python benchmarks/run_inserts.py [SECONDS]

RCDB manages 7 to 52 runs/s and tiled 28 (reference/query-language.md, catalog.md). ALICE
sees 20,000 small writes within seconds at each start of run (reference/rundb.md, 5).
"""

import json
import os
import sys
import tempfile
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import uvloop

from quire.client.discovery import Address
from quire.testing.campaigns.server import ServerProcess
from quire.testing.raw_client import post_all, request

BURST = 20_000


def starts(address: Address, count: int) -> Iterator[bytes]:
    """Return requests of one new run each."""
    return iter(
        [
            request(
                address,
                json.dumps(
                    [
                        "start",
                        {
                            "uid": str(uuid.uuid4()),
                            "time": 1.7e9 + number,
                            "scan_id": number,
                            "plan_name": "scan",
                            "sample": {"name": f"s{number % 100}"},
                            "data_groups": [f"prop-{number % 30}"],
                        },
                    ]
                ).encode(),
            )
            for number in range(count)
        ]
    )


def rate(address: Address, clients: int, seconds: float) -> float:
    """Return runs a second with so many clients."""
    feeds = [starts(address, int(8_000 * seconds / clients)) for _ in range(clients)]
    begun = time.perf_counter()
    done = uvloop.run(post_all(address, feeds, begun + seconds))
    return done / (time.perf_counter() - begun)


def main(seconds: float) -> None:
    """Print a line a case."""
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        server = ServerProcess(Path(name) / "quire")
        server.start()
        address = server.address
        for clients, target in ((1, 500), (64, 5_000)):
            found = rate(address, clients, seconds)
            print(f"{clients:3} clients  {found:8,.0f} runs/s  (target {target})")
        feeds = [starts(address, BURST // 256) for _ in range(256)]
        begun = time.perf_counter()
        done = uvloop.run(post_all(address, feeds, begun + 600))
        seconds = time.perf_counter() - begun
        print(f"burst of {done} over 256 connections: {seconds:.1f} s, no error")
        server.stop()


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 3.0)
