"""Durable documents a second into PostgreSQL, and wake-ups across processes.

    python -m benchmarks.documents_postgres --servers 1 2 4 --seconds 10

A PostgreSQL of its own. First the bare database: one connection that copies rows of the
same size, a thousand to a commit. Then clients that post batches of 100 documents, each
once the one before is acknowledged, through so many `quire serve` processes. Last, how long
a WAIT at one server lasts once the job was aborted at another.
"""

import argparse
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

import httpx
import msgspec
import psycopg

from quire.testing.bench_documents import BenchClient, bodies_of, run_of
from quire.testing.campaigns.server import ServerProcess
from quire.testing.postgres.server import PostgresServer

BATCH = 100
EVENTS = 2000
CLIENTS_A_SERVER = 4
ROWS = 1000
# Of the bare database's rows; seconds, p99.
SHARE, WAKE_UP = 0.7, 0.1


def bare(url: str, seconds: float) -> float:
    """Return rows a second that one connection copies durably."""
    _, events, _ = run_of(ROWS)
    rows = [msgspec.json.encode(document) for _, document in events]
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE bare (id uuid PRIMARY KEY, body bytea)")
        begun, written = time.perf_counter(), 0
        while time.perf_counter() - begun < seconds:
            with (
                connection.transaction(),
                connection.cursor() as cursor,
                cursor.copy("COPY bare FROM STDIN") as target,
            ):
                for (_, document), row in zip(run_of(ROWS)[1], rows, strict=True):
                    target.write_row((document["uid"], row))
            written += ROWS
        rate = written / (time.perf_counter() - begun)
        connection.execute("DROP TABLE bare")
    return rate


class Load:
    """Clients that post runs to a server until they are told to end."""

    def __init__(self, servers: Sequence[ServerProcess], clients: int) -> None:
        self._ended = threading.Event()
        self._acknowledged = [0] * (len(servers) * clients)
        self._threads = [
            threading.Thread(target=self._post, args=(place, server))
            for place, server in enumerate([*servers] * clients)
        ]

    def rate(self, seconds: float) -> float:
        """Return documents a second over all clients."""
        for thread in self._threads:
            thread.start()
        time.sleep(1.0)
        before, begun = sum(self._acknowledged), time.perf_counter()
        time.sleep(seconds)
        after, ended = sum(self._acknowledged), time.perf_counter()
        self._ended.set()
        for thread in self._threads:
            thread.join()
        return (after - before) / (ended - begun)

    def _post(self, place: int, server: ServerProcess) -> None:
        client = BenchClient(server)
        while not self._ended.is_set():
            for part in run_of(EVENTS):
                for body in bodies_of(part, BATCH):
                    client.send([body])
                    self._acknowledged[place] += body.count(b"\n")
                    if self._ended.is_set():
                        break
        client.close()


def through_servers(url: str, count: int, seconds: float) -> float:
    """Return documents a second through so many server processes."""
    folder = Path(tempfile.mkdtemp(prefix="quire-bench-"))
    servers = [
        ServerProcess(
            folder / "data", environment={"QUIRE_DATABASE": url}, name=str(number)
        )
        for number in range(count)
    ]
    try:
        for server in servers:
            server.start()
        return Load(servers, CLIENTS_A_SERVER).rate(seconds)
    finally:
        for server in servers:
            server.kill()


def wake_ups(url: str, rounds: int) -> list[float]:
    """Return seconds from an abort at one server to the end of a WAIT at another."""
    folder = Path(tempfile.mkdtemp(prefix="quire-bench-"))
    servers = [
        ServerProcess(
            folder / "data", environment={"QUIRE_DATABASE": url}, name=str(number)
        )
        for number in range(2)
    ]
    try:
        for server in servers:
            server.start()
        with servers[0].http() as deciding, servers[1].http() as waiting:
            return [_wake_up(deciding, waiting) for _ in range(rounds)]
    finally:
        for server in servers:
            server.kill()


def _wake_up(deciding: httpx.Client, waiting: httpx.Client) -> float:
    wanted = {"kind": "wait", "parameters": {}, "run": False}
    job = deciding.post("/api/v1/jobs", json=wanted).raise_for_status().json()["id"]
    ended: list[float] = []

    def wait() -> None:
        asked = {"WAIT": "30", "PHASE": "PENDING"}
        answer = waiting.get(f"/uws/wait/jobs/{job}", params=asked, timeout=60.0)
        ended.append(time.perf_counter())
        assert "ABORTED" in answer.raise_for_status().text

    listener = threading.Thread(target=wait)
    listener.start()
    time.sleep(0.1)  # it waits by now; one that came later would be told at once
    begun = time.perf_counter()
    deciding.post(f"/api/v1/jobs/{job}/abort").raise_for_status()
    listener.join()
    return ended[0] - begun


def told(*, met: bool) -> str:
    """Return whether a target was met, in a word."""
    return "met" if met else "MISSED"


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--servers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=200)
    chosen = parser.parse_args()
    with PostgresServer(
        Path(tempfile.mkdtemp(prefix="quire-bench-postgres-")),
        ["shared_buffers=512MB", "max_wal_size=8GB"],
    ) as server:
        with server.database("bare") as url:
            most = bare(url, min(chosen.seconds, 5.0))
        print(f"bare COPY, {ROWS} rows a commit   {most:10,.0f} rows/s")
        rates = []
        for count in chosen.servers:
            with server.database(f"through_{count}") as url:
                rate = through_servers(url, count, chosen.seconds)
            rates.append(rate)
            print(
                f"{count} server(s), batches of {BATCH}   {rate:10,.0f} documents/s"
                f"   {rate / most:.0%} of bare"
            )
        grows = all(more > few for few, more in pairwise(rates))
        print(
            f"target: {SHARE:.0%} of bare, {told(met=max(rates) >= SHARE * most)};"
            f" growing with processes, {told(met=grows)}"
        )
        with server.database("wake") as url:
            waits = sorted(wake_ups(url, chosen.rounds))
        late = waits[int(len(waits) * 0.99)]
        print(
            "WAIT at one server, decided at another"
            f"   p50 {1e3 * statistics.median(waits):.1f} ms   p99 {1e3 * late:.1f} ms"
            f"   target: {1e3 * WAKE_UP:.0f} ms, {told(met=late <= WAKE_UP)}"
        )


if __name__ == "__main__":
    main()
