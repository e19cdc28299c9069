"""Durable documents a second into PostgreSQL, and wake-ups across processes.

    python -m benchmarks.documents_postgres --servers 1 2 4 --seconds 10

A PostgreSQL of its own. First the bare database: one connection that copies rows of the
same size, a thousand to a commit. Then clients that post batches of 100 documents, each
once the one before is acknowledged, through so many `quire serve` processes; the clients
of each server are a process of their own. Beside each rate stands who kept how many
processors busy: where none is idle, more servers bring no more. Last, how long a WAIT at
one server lasts once the job was aborted at another.
"""

import argparse
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Iterable
from itertools import pairwise
from pathlib import Path

import httpx
import msgspec
import psutil
import psycopg

from quire.testing.bench_documents import run_of
from quire.testing.campaigns.server import ServerProcess
from quire.testing.postgres.server import PostgresServer
from quire.testing.raw_load import Load

BATCH = 100
CLIENTS_A_SERVER = 4
ROWS = 1000
# Documents a second through one server: 70 % of the 30,000 rows that group COPY writes.
ENOUGH = 21_000
# Of the processors: from here on they are full.
FULL = 0.9
WAKE_UP = 0.1  # seconds, p99
WARM_UP = 1.0  # seconds


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


class Through(msgspec.Struct, frozen=True, kw_only=True):
    """What so many servers did.

    Attributes
    ----------
    rate
        Documents a second.
    busy
        Processors that were kept busy, by whom.
    idle
        Processors that were not.
    """

    servers: int
    rate: float
    busy: dict[str, float]
    idle: float

    @property
    def full(self) -> bool:
        """Whether the processors were."""
        every = os.cpu_count() or 1
        return self.idle < (1 - FULL) * every


def through_servers(postgres: PostgresServer, count: int, seconds: float) -> Through:
    """Measure documents a second through so many server processes."""
    with (
        tempfile.TemporaryDirectory(prefix="quire-bench-") as folder,
        postgres.database(f"through_{count}") as url,
    ):
        servers = _servers(folder, url, count)
        try:
            for server in servers:
                server.start()
            addresses = [server.address for server in servers]
            with Load(addresses, clients=CLIENTS_A_SERVER, batch=BATCH) as load:
                load.post(WARM_UP)
                whose = {
                    "servers": [one.pid for one in servers if one.pid],
                    "PostgreSQL": [postgres.pid],
                    "clients": load.processes,
                }
                begun, before = time.perf_counter(), _spent(whose)
                rate = load.post(seconds)
                elapsed, after = time.perf_counter() - begun, _spent(whose)
        finally:
            for server in servers:
                server.kill()
    busy = {name: (after[name] - before[name]) / elapsed for name in after}
    idle = busy.pop("idle")
    busy["others"] = (os.cpu_count() or 1) - idle - sum(busy.values())
    return Through(servers=count, rate=rate, busy=busy, idle=idle)


def _servers(folder: str, url: str, count: int) -> list[ServerProcess]:
    data, where = Path(folder) / "data", {"QUIRE_DATABASE": url}
    return [
        ServerProcess(data, environment=where, name=str(number))
        for number in range(count)
    ]


def _spent(whose: dict[str, list[int]]) -> dict[str, float]:
    """Return the processor seconds of some processes, and what was idle of all."""
    every = psutil.cpu_times()
    return {name: sum(map(_of, of)) for name, of in whose.items()} | {
        "idle": every.idle + every.iowait
    }


def _of(process: int) -> float:
    """Return the processor seconds of a process and all that it started."""
    here = psutil.Process(process)
    # Those that have ended count as children of whoever reaped them.
    return sum(
        sum(one.cpu_times()[:4]) for one in [here, *here.children(recursive=True)]
    )


def wake_ups(url: str, rounds: int) -> list[float]:
    """Return seconds from an abort at one server to the end of a WAIT at another."""
    with tempfile.TemporaryDirectory(prefix="quire-bench-") as folder:
        servers = _servers(folder, url, 2)
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


def growth(measured: Iterable[Through]) -> str:
    """Return whether more servers do more, or why they cannot."""
    for few, more in pairwise(measured):
        if more.rate <= few.rate:
            if few.full:
                return f"met: with {few.servers} the processors are full"
            return f"MISSED from {few.servers} to {more.servers}"
    return "met"


def show(one: Through, most: float) -> None:
    """Print a line of a rate, and one of what it took."""
    shares = ", ".join(f"{name} {busy:.1f}" for name, busy in one.busy.items())
    print(
        f"{one.servers} server(s), batches of {BATCH}   {one.rate:10,.0f} documents/s"
        f"   {one.rate / most:.0%} of bare"
    )
    print(f"    processors busy: {shares}; idle: {one.idle:.1f} of {os.cpu_count()}")


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
        found = []
        for count in chosen.servers:
            found.append(through_servers(server, count, chosen.seconds))
            show(found[-1], most)
        print(
            f"target: {ENOUGH:,} through {found[0].servers},"
            f" {told(met=found[0].rate >= ENOUGH)};"
            f" growing with processes, {growth(found)}"
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
