"""Durable documents a second into PostgreSQL, and wake-ups across processes.

    python -m benchmarks.documents_postgres --servers 1 2 4 --seconds 10

A PostgreSQL of its own. First the bare database: one connection that copies rows of the
same size, a thousand to a commit. Then clients that post batches of 100 documents, each
once the one before is acknowledged, through so many `quire serve` processes. Last, how
long a listener at one server waits for what was decided at another.
"""

import argparse
import asyncio
import statistics
import tempfile
import threading
import time
from collections.abc import Sequence
from pathlib import Path

import msgspec
import psycopg

from quire.ports.store import Decision
from quire.progress.event import info
from quire.progress.log import Entry, Head, append
from quire.storage.postgres.doorbell import PostgresDoorbell
from quire.storage.postgres.store import PostgresStore
from quire.storage.postgres.target import Target
from quire.testing.bench_documents import BenchClient, bodies_of, run_of
from quire.testing.campaigns.server import ServerProcess
from quire.testing.postgres.server import PostgresServer

BATCH = 100
EVENTS = 2000
CLIENTS_A_SERVER = 4
ROWS = 1000


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


def _told(head: Head, entry: Entry) -> Decision[None]:
    return lambda tx: tx.progress.append(head, entry)


async def wake_ups(url: str, rounds: int) -> list[float]:
    """Return seconds from a decision's commit at one store to a listener at another."""
    target = Target(url)
    bells = [PostgresDoorbell(target) for _ in range(2)]
    for bell in bells:
        await asyncio.to_thread(bell.start)
    store = await PostgresStore.open(target, doorbell=bells[0])
    waits = []
    head = Head(operation="bench")
    for number in range(rounds):
        ticket = bells[1].ticket("bench")
        head, entry = append(head, info(str(number)), at=0.0)
        assert entry is not None
        await store.decide(_told(head, entry))
        begun = time.perf_counter()
        assert await bells[1].wait("bench", ticket, 10.0)
        waits.append(time.perf_counter() - begun)
    await store.aclose()
    for bell in bells:
        await asyncio.to_thread(bell.close)
    return waits


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--servers", type=int, nargs="+", default=[1, 2, 4])
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--rounds", type=int, default=300)
    chosen = parser.parse_args()
    with PostgresServer(
        Path(tempfile.mkdtemp(prefix="quire-bench-postgres-")),
        ["shared_buffers=512MB", "max_wal_size=8GB"],
    ) as server:
        with server.database("bare") as url:
            most = bare(url, min(chosen.seconds, 5.0))
        print(f"bare COPY, {ROWS} rows a commit   {most:10,.0f} rows/s")
        for count in chosen.servers:
            with server.database(f"through_{count}") as url:
                rate = through_servers(url, count, chosen.seconds)
            print(
                f"{count} server(s), batches of {BATCH}   {rate:10,.0f} documents/s"
                f"   {rate / most:.0%} of bare"
            )
        with server.database("wake") as url:
            waits = asyncio.run(wake_ups(url, chosen.rounds))
        waits = sorted(wait * 1000 for wait in waits)
        print(
            f"wake-up across processes   p50 {statistics.median(waits):.1f} ms"
            f"   p99 {waits[int(len(waits) * 0.99)]:.1f} ms"
        )


if __name__ == "__main__":
    main()
