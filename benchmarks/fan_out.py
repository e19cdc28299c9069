"""One operation's events to many listeners: deliveries, latency, memory, stalled ones.

python benchmarks/fan_out.py [--seconds 6] [--listeners 1000] [--peer PYTHON] [CASE...]

One server process; each event is durable before it goes out. The listeners are raw
sockets in three processes of their own. Latency is from the telling (before the
commit) to the read. Cases: flood, steady, crowd, memory, stalled, ingest, peer. The
peer's Python is one of an environment with ``requirements/sse.in``.
"""

import argparse
import itertools
import math
import os
import resource
import select
import socket
import sqlite3
import statistics
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import httpx
import psutil
import uvloop

from quire.client.discovery import Address
from quire.testing.bench_documents import bodies_of, run_of
from quire.testing.campaigns.server import ServerProcess
from quire.testing.raw_client import post_all, request
from quire.testing.raw_listeners import Heard, Listeners, latencies, opened

_STALLED = 20
_SEARCHES = 10
_RUNS = 20_000
# None of it is answered by an index alone: patterns, text, a field of the metadata that
# has none, and counts of all that there is.
_HEAVY: tuple[tuple[str, dict[str, str]], ...] = (
    ("/api/v1/runs", {"q": 'start.comment ~ "*none*" or plan_name ~ "*x*y*"'}),
    ("/api/v1/runs", {"q": 'text ~ "simulated scan"'}),
    ("/api/v1/runs", {"q": "bench_number > 19990"}),
    ("/api/v1/runs/facets", {}),
)


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


def stalled(listeners: int, seconds: float) -> None:
    """Print when stalled listeners are dropped, and what the others hear meanwhile."""
    with serving() as server:
        alone, _ = heard_of(server, listeners, 1000, seconds)
    with serving() as server:
        operation = server.operation()
        sleepers = [
            opened(server.address, operation, buffer=4096) for _ in range(_STALLED)
        ]
        many = Listeners(server.address, operation, listeners)
        many.wait()
        gone: list[float] = []
        full: dict[int, float] = {}
        watch = select.poll()
        over = threading.Event()
        filling = threading.Thread(target=_fill, args=(sleepers, full, over))
        for one in sleepers:
            watch.register(one, select.POLLRDHUP | select.POLLHUP)
        begun = time.monotonic()

        def notice() -> None:
            while len(gone) < _STALLED and time.monotonic() < begun + 45:
                for number, event in watch.poll(100):
                    if event & (select.POLLHUP | select.POLLERR | select.POLLRDHUP):
                        gone.append(time.monotonic() - full.get(number, begun))
                        watch.unregister(number)

        noticing = threading.Thread(target=notice)
        noticing.start()
        filling.start()
        server.tell(operation, 1000, 36)
        noticing.join()
        over.set()
        filling.join()
        heard = many.stop()
        found = latencies(heard, server.told(operation))
    when = f"after {min(gone):.1f} to {max(gone):.1f} s" if gone else "never"
    print(
        f"{_STALLED} stalled among {listeners:,}, 1,000/s: {len(gone)} dropped {when}"
        f" of their full sockets (target: within 30 s); others p99"
        f" {_percentile(found, 99):.0f} ms, without stalled ones"
        f" {_percentile(alone, 99):.0f} ms",
        flush=True,
    )


def _fill(
    sleepers: list[socket.socket], full: dict[int, float], over: threading.Event
) -> None:
    """Note when each socket has taken all that it can: no more comes, unread."""
    taken: dict[int, int] = {}
    while not over.wait(0.05):
        for one in sleepers:
            number = one.fileno()
            try:
                waiting = len(one.recv(1 << 20, socket.MSG_PEEK | socket.MSG_DONTWAIT))
            except OSError:
                continue  # it is reset
            if waiting != taken.get(number):
                taken[number], full[number] = waiting, time.monotonic()


def ingest(seconds: float, runs: int) -> None:
    """Print how long posts of one event take beside listeners and heavy searches."""
    with serving() as server:
        for begin in range(0, runs, 100):
            starts = [_start(number) for number in range(begin, begin + 100)]
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
        searched: list[float] = []
        threads = [
            threading.Thread(target=_search, args=(server, over, first, searched))
            for first in range(_SEARCHES)
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
        f"ingest beside 200 listeners and {_SEARCHES} searchers of {runs:,} runs"
        f" ({len(searched)} searches, p50 {_percentile(searched, 50):.0f} ms):"
        f" {len(took)} posts,"
        f" p50 {_percentile(took, 50):.1f} ms, p99 {_percentile(took, 99):.1f} ms"
        " (target: p99 100 ms)",
        flush=True,
    )


def _start(number: int) -> Any:
    name, body = run_of(0)[0][0]
    return name, {**body, "bench_number": number, "comment": "a simulated scan"}


def _search(
    server: Server, over: threading.Event, first: int, took: list[float]
) -> None:
    with server.http() as http:
        for path, query in itertools.islice(itertools.cycle(_HEAVY), first, None):
            if over.is_set():
                return
            begun = time.perf_counter()
            http.get(path, params=query).raise_for_status()
            took.append(time.perf_counter() - begun)


def peer(python: str, listeners: int, rate: float, seconds: float) -> None:
    """Print what the peer does, and how many times that ours does."""
    if not python:
        print("peer: no --peer PYTHON; its figures are those of the page")
        return
    program = str(Path(__file__).with_name("sse_peer.py"))
    with subprocess.Popen(
        [python, program], stdout=subprocess.PIPE, text=True
    ) as child:
        try:
            assert child.stdout is not None
            url = f"http://127.0.0.1:{int(child.stdout.readline())}"
            many = Listeners(Address(url=url, token=""), "peer", listeners)
            many.wait()
            asked = {"rate": f"{rate}", "seconds": f"{seconds}"}
            answer = httpx.post(f"{url}/tell", params=asked, timeout=600)
            times = answer.raise_for_status().json()
            time.sleep(1.0)
            heard = many.stop()
        finally:
            child.kill()
    told = dict(enumerate(times, 1))
    found = latencies(heard, told)
    theirs = len(found) / _span(heard, told)
    with serving() as server:
        own, ours = heard_of(server, listeners, rate, seconds)
    print(
        f"peer, {listeners:,} listeners x {rate:,.0f}/s: {theirs:,.0f} deliveries/s,"
        f" p99 {_percentile(found, 99):.0f} ms; ours {ours:,.0f}/s, p99"
        f" {_percentile(own, 99):.0f} ms: {ours / theirs:.1f} times",
        flush=True,
    )


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
    parser.add_argument("--runs", type=int, default=_RUNS)
    parser.add_argument("--peer", default="", metavar="PYTHON")
    given = parser.parse_args()
    many = _allow_descriptors(given.listeners)
    crowd = _allow_descriptors(5 * given.listeners)
    cases: dict[str, Callable[[], None]] = {
        "flood": lambda: spread("900,000/s, p99 250 ms", many, 1000, given.seconds),
        "steady": lambda: spread("p99 100 ms", many, 20, given.seconds),
        "crowd": lambda: spread("95,000/s, p99 500 ms", crowd, 20, given.seconds),
        "memory": lambda: memory(many),
        "stalled": lambda: stalled(many, given.seconds),
        "ingest": lambda: ingest(given.seconds, given.runs),
        "peer": lambda: peer(given.peer, many, 1000, given.seconds),
    }
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}", flush=True)
    for name in given.cases or cases:
        cases[name]()


if __name__ == "__main__":
    main()
