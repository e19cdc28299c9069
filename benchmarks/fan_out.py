"""One operation's events to many listeners: deliveries, latency, memory, stalled ones.

python benchmarks/fan_out.py [--seconds 6] [--listeners 1000] [CASE...]

One server process; each event is durable before it goes out. The listeners are raw
sockets in three processes of their own. Latency is from the telling (before the
commit) to the read. Cases: flood, steady, crowd, memory, stalled, ingest, peer.
"""

import argparse
import importlib.util
import math
import os
import resource
import select
import sqlite3
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import uvloop

from quire.testing.bench_documents import bodies_of, run_of
from quire.testing.campaigns.server import ServerProcess
from quire.testing.raw_client import post_all, request
from quire.testing.raw_listeners import Heard, Listeners, latencies, opened

_STALLED = 20
_SEARCHES = 10
_RUNS = 3000
_HEAVY = 'comment ~ "*none*" or plan_name ~ "*x*y*"'


class Server(ServerProcess):
    """One that tells as often as it is asked to."""

    def __init__(self, folder: Path) -> None:
        super().__init__(
            folder,
            module="quire.testing.telling_server",
            environment={"QUIRE_STREAMS_A_PRINCIPAL": "100000"},
        )

    def operation(self) -> str:
        """Return the id of a new operation that nobody else tells of."""
        with self.http() as http:
            asked = {"kind": "wait", "parameters": {}, "run": False}
            answer = http.post("/api/v1/jobs", json=asked)
            return str(answer.raise_for_status().json()["id"])

    def tell(self, operation: str, rate: float, seconds: float) -> None:
        """Tell of it, and return once that is done."""
        asked = {"operation": operation, "rate": f"{rate}", "seconds": f"{seconds}"}
        with self.http() as http:
            http.post("/tell", params=asked, timeout=seconds + 60).raise_for_status()

    def told(self, operation: str) -> dict[int, float]:
        """Return by its number when each event was told."""
        with sqlite3.connect(self.folder / "quire.sqlite") as store:
            rows = store.execute(
                "SELECT number, at FROM progress_entry e JOIN progress_head h"
                " USING (operation) WHERE h.last = (SELECT max(last) FROM"
                " progress_head) AND e.message LIKE 'Acquiring%'"
            ).fetchall()
        del operation  # it is the one with the longest log
        return dict(rows)


@contextmanager
def serving() -> Iterator[Server]:
    """Give a server with an empty store."""
    with tempfile.TemporaryDirectory() as name:
        server = Server(Path(name) / "quire")
        server.start()
        try:
            yield server
        finally:
            server.stop()


def heard_of(
    server: Server, listeners: int, rate: float, seconds: float
) -> tuple[list[float], float]:
    """Return the latencies in seconds, and the deliveries a second."""
    operation = server.operation()
    many = Listeners(server.address, operation, listeners)
    many.wait()
    server.tell(operation, rate, seconds)
    time.sleep(1.0)
    heard = many.stop()
    told = server.told(operation)
    found = latencies(heard, told)
    return found, len(found) / _span(heard, told)


def _span(heard: list[Heard], told: dict[int, float]) -> float:
    return max(one.at for one in heard) - min(told.values())


def spread(server_rate: str, listeners: int, rate: float, seconds: float) -> None:
    """Print how one rate reaches so many listeners."""
    with serving() as server:
        process = psutil.Process(server.pid)
        before = process.cpu_times()
        found, deliveries = heard_of(server, listeners, rate, seconds)
        after = process.cpu_times()
    spent = after.user + after.system - before.user - before.system
    print(
        f"{listeners:,} listeners x {rate:,.0f}/s: {deliveries:,.0f} deliveries/s,"
        f" p50 {_percentile(found, 50):.0f} ms, p99 {_percentile(found, 99):.0f} ms,"
        f" {spent:.1f} s of processor (target: {server_rate})",
        flush=True,
    )


def memory(listeners: int) -> None:
    """Print what a listener takes."""
    with serving() as server:
        process = psutil.Process(server.pid)
        operation = server.operation()
        warm = Listeners(server.address, operation, 50)
        warm.wait()
        warm.stop()
        time.sleep(1.0)
        before = process.memory_info().rss
        many = Listeners(server.address, operation, listeners)
        many.wait()
        server.tell(operation, 20, 2)
        each = (process.memory_info().rss - before) / listeners / 1024
        many.stop()
    print(f"memory: {each:.1f} KiB a listener (target: 25 KiB)", flush=True)


def stalled(listeners: int) -> None:
    """Print when stalled listeners are dropped, and what the others hear meanwhile."""
    with serving() as server:
        operation = server.operation()
        sleepers = [
            opened(server.address, operation, buffer=4096) for _ in range(_STALLED)
        ]
        many = Listeners(server.address, operation, listeners)
        many.wait()
        gone: list[float] = []
        watch = select.poll()
        for one in sleepers:
            watch.register(one, select.POLLRDHUP | select.POLLHUP)
        begun = time.monotonic()

        def notice() -> None:
            while len(gone) < _STALLED and time.monotonic() < begun + 45:
                for number, event in watch.poll(100):
                    if event & (select.POLLHUP | select.POLLERR | select.POLLRDHUP):
                        gone.append(time.monotonic() - begun)
                        watch.unregister(number)

        noticing = threading.Thread(target=notice)
        noticing.start()
        server.tell(operation, 1000, 36)
        noticing.join()
        heard = many.stop()
        found = latencies(heard, server.told(operation))
    when = f"after {min(gone):.1f} to {max(gone):.1f} s" if gone else "never"
    print(
        f"{_STALLED} stalled among {listeners:,}, 1,000/s: {len(gone)} dropped {when}"
        f" (target: within 30 s of a full socket); others p99"
        f" {_percentile(found, 99):.0f} ms",
        flush=True,
    )


def ingest(seconds: float) -> None:
    """Print how long posts of one event take beside listeners and heavy searches."""
    with serving() as server:
        for begin in range(0, _RUNS, 100):
            starts = [run_of(0)[0][0] for _ in range(begin, begin + 100)]
            uvloop.run(
                post_all(
                    server.address,
                    [
                        iter(
                            request(server.address, one)
                            for one in bodies_of(starts, 100)
                        )
                    ],
                    math.inf,
                )
            )
        operation = server.operation()
        many = Listeners(server.address, operation, 200)
        many.wait()
        over = threading.Event()
        threads = [
            threading.Thread(target=_search, args=(server, over))
            for _ in range(_SEARCHES)
        ]
        threads.append(
            threading.Thread(target=server.tell, args=(operation, 20, seconds))
        )
        for thread in threads:
            thread.start()
        opening, events, _ = run_of(int(seconds * 2000))
        took: list[float] = []
        with server.http() as http:
            http.post("/api/v1/documents", json=opening).raise_for_status()
            begun = time.monotonic()
            for event in events:
                if time.monotonic() > begun + seconds:
                    break
                at = time.perf_counter()
                http.post("/api/v1/documents", json=[event]).raise_for_status()
                took.append(time.perf_counter() - at)
        over.set()
        for thread in threads:
            thread.join()
        many.stop()
    print(
        f"ingest beside 200 listeners and {_SEARCHES} searches: {len(took)} posts,"
        f" p50 {_percentile(took, 50):.1f} ms, p99 {_percentile(took, 99):.1f} ms"
        " (target: p99 100 ms)",
        flush=True,
    )


def _search(server: Server, over: threading.Event) -> None:
    with server.http() as http:
        while not over.is_set():
            http.get("/api/v1/runs", params={"q": _HEAVY, "limit": 100})


def peer() -> None:
    """Say why the peer is not measured here."""
    if importlib.util.find_spec("sse_starlette") is None:
        print("peer: sse-starlette is not installed; its figures are those of the page")
    else:
        print("peer: sse-starlette is there, but this program does not drive it")


def _percentile(seconds: list[float], which: int) -> float:
    """Return a percentile in milliseconds."""
    if len(seconds) < 2:
        return math.nan
    return statistics.quantiles(seconds, n=100)[which - 1] * 1000


def _allow_descriptors(listeners: int) -> int:
    """Return how many listeners the limits of this process let it have."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = listeners + 512
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))
    # The server keeps 256 descriptors for all else, and takes 8192 at most.
    most = min(hard, 8192) - 512
    if listeners > most:
        print(f"only {most} listeners: no more descriptors", flush=True)
    return min(listeners, most)


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cases", nargs="*", metavar="CASE")
    parser.add_argument("--seconds", type=float, default=6.0)
    parser.add_argument("--listeners", type=int, default=1000)
    given = parser.parse_args()
    many = _allow_descriptors(given.listeners)
    crowd = _allow_descriptors(5 * given.listeners)
    cases: dict[str, Callable[[], None]] = {
        "flood": lambda: spread("900,000/s, p99 250 ms", many, 1000, given.seconds),
        "steady": lambda: spread("p99 100 ms", many, 20, given.seconds),
        "crowd": lambda: spread("95,000/s, p99 500 ms", crowd, 20, given.seconds),
        "memory": lambda: memory(many),
        "stalled": lambda: stalled(many),
        "ingest": lambda: ingest(given.seconds),
        "peer": peer,
    }
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}", flush=True)
    for name in given.cases or cases:
        cases[name]()


if __name__ == "__main__":
    main()
