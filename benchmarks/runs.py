"""Searching many runs over HTTP: p50 of each query of the runs issue's table.

Usage: python -m benchmarks.runs [--runs 1000000] [--folder DIR] [--repeat 40] [--small]
                                 [--decisions | --database postgresql://... | --postgres]

The folder is filled once with made-up runs and kept if it is named; a real server in
its own process then answers over loopback. Runs go into SQLite in bulk, some 10,000 a
second, as `quire.testing.made_up.filling` has it; with ``--decisions`` as a server puts
them there. ``--small`` leaves out of them what no question asks for. With ``--database``
the runs are copied into that database of PostgreSQL instead, once, and kept;
``--postgres`` starts one of its own, with a quarter of the memory for its buffers, that
is gone afterwards.
"""

import argparse
import asyncio
import contextlib
import http.client
import itertools
import json
import os
import random
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

import psycopg

from quire.actions.index_runs import RunIndexer
from quire.app.run_parts import described_by
from quire.config import Settings
from quire.ports.store import Transaction
from quire.runs.run import Run
from quire.runs.searchable import searchable
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.postgres.changes import Changes
from quire.storage.postgres.connection import prepare
from quire.storage.postgres.run_copying import copy_runs
from quire.storage.postgres.run_index import PostgresRunIndex
from quire.storage.postgres.runs import PostgresRuns
from quire.storage.postgres.session import Session
from quire.storage.postgres.target import Target
from quire.storage.sqlite.store import SqliteStore
from quire.testing.campaigns.server import ServerProcess
from quire.testing.made_up.filling import fill as fill_in_bulk
from quire.testing.made_up.runs import BLOCK, FIRST_TIME, SPACING, runs
from quire.testing.postgres.server import PostgresServer

_COPIED = 5_000


def fill(folder: Path, count: int, *, small: bool = False, processes: int = 3) -> None:
    """Put so many runs into a folder, in bulk."""
    began = time.perf_counter()
    version = described_by(Settings.load(data_folder=folder))
    fill_in_bulk(folder, count, version, small=small, processes=processes)
    seconds = time.perf_counter() - began
    size = sum(each.stat().st_size for each in folder.iterdir() if each.is_file())
    print(f"filled: {count} runs in {seconds:.0f} s ({count / seconds:.0f}/s)")
    print(f"size: {size / count:.0f} bytes a run")


async def fill_by_decisions(folder: Path, count: int) -> None:
    """Put so many runs into a folder as a server does, and index them."""
    doorbell = LocalDoorbell()
    store = await SqliteStore.open(folder, doorbell=doorbell)
    source, began = runs(count), time.perf_counter()
    for first in range(0, count, BLOCK):
        block = [next(source) for _ in range(min(BLOCK, count - first))]

        def put(tx: Transaction, block: list[Run] = block) -> None:
            for run in block:
                tx.runs.put(run)

        await store.decide(put)
    seconds = time.perf_counter() - began
    print(f"filled: {count} runs in {seconds:.0f} s ({count / seconds:.0f}/s)")
    began = time.perf_counter()
    version = described_by(Settings.load(data_folder=folder))
    await RunIndexer(store, doorbell, version=version).feed_all()
    print(f"indexed: {count / (time.perf_counter() - began):.0f} runs/s")
    await store.aclose()


def fill_postgres(url: str, count: int, *, small: bool = False) -> None:
    """Copy so many runs into a database that has none yet, and index them."""
    prepare(Target(url))
    with psycopg.connect(url, autocommit=True) as connection:
        if connection.execute(b"SELECT 1 FROM run LIMIT 1").fetchone() is not None:
            return
        session = Session(connection, Changes(), deciding=True)
        index = PostgresRunIndex(session, PostgresRuns(session, searchable), searchable)
        source, began = runs(count, small=small), time.perf_counter()
        while block := list(itertools.islice(source, _COPIED)):
            with connection.transaction():
                copy_runs(session, searchable, block)
            session.ended()
        seconds = time.perf_counter() - began
        print(f"filled: {count} runs in {seconds:.0f} s ({count / seconds:.0f}/s)")
        with connection.transaction():
            index.described_as(described_by(Settings(data_folder=Path.cwd())))
        began, fed = time.perf_counter(), 1
        while fed:
            with connection.transaction():
                fed = index.feed(1_000)
            session.ended()
        connection.execute(b"VACUUM ANALYZE")
        print(f"counters folded, vacuumed: {time.perf_counter() - began:.0f} s")
        size = connection.execute(b"SELECT pg_database_size(current_database())")
        ((found,),) = size.fetchall()
        print(f"size: {found / count:.0f} bytes a run")


class Asker:
    """One keep-alive connection to the server."""

    def __init__(self, host: str, port: int, token: str) -> None:
        self._connection = http.client.HTTPConnection(host, port, timeout=120)
        self._headers = {"authorization": f"Bearer {token}"}

    def get(self, path: str) -> bytes:
        """Return the body of an answer; anything but 200 is an error."""
        self._connection.request("GET", path, headers=self._headers)
        answer = self._connection.getresponse()
        body = answer.read()
        assert answer.status == 200, (answer.status, path, body[:500])
        return body


def questions(
    count: int, dice: random.Random, *, small: bool
) -> dict[str, Callable[[], str]]:
    """Return the queries of the table, each drawing other values every time."""

    def q(text: str, limit: int = 100) -> str:
        return f"/api/v1/runs?limit={limit}&q={quote(text)}"

    uids = [run.uid for run in runs(min(count, BLOCK), small=small)]

    def moment() -> float:
        return FIRST_TIME + dice.randrange(max(count - 100, 1)) * SPACING

    def thousand() -> tuple[int, int]:
        first = dice.randrange(1, max(count - 1_000, 2))
        return first, first + 999

    def in_time() -> str:
        began = moment()
        return q(f"start.time >= {began} and start.time < {began + 100 * SPACING}")

    def four() -> str:
        first, last = thousand()
        return q(
            f"scan_id in {first}..{last} and run_type = physics"
            " and statistics.lumi_recorded > 50 and sample.temperature < 200"
        )

    def two(word: str) -> str:
        group, line = dice.randrange(3_000), dice.randrange(12)
        return q(f"data_groups = 'prop-{group}' {word} beamline_id = bl{line:02d}")

    return {
        "newest page of 50": lambda: "/api/v1/runs?limit=50",
        "scan_id": lambda: f"/api/v1/runs/{dice.randrange(1, count)}",
        "full uid": lambda: f"/api/v1/runs/{dice.choice(uids)}",
        "partial uid": lambda: f"/api/v1/runs/{dice.choice(uids)[:9]}",
        "-1": lambda: "/api/v1/runs/-1",
        "time range, 100 hits": in_time,
        "four conditions in 1,000 runs": four,
        "nested equality, newest 100": lambda: q(
            f"sample.name = 'sample-{dice.randrange(20_000)}'"
        ),
        "common equality, newest 100": lambda: q("sample.formula = Cu"),
        "two by and": lambda: two("and"),
        "two common by and": lambda: q("sample.formula = Cu and beamline_id = bl03"),
        "two by or": lambda: two("or"),
        "text, two common words": lambda: q('text ~ "laser copper"'),
        "text, one rare word": lambda: q(
            f'text ~ "needle{dice.randrange(max(count // 5_000, 1)) * 5_000}"'
        ),
        "RunDB: 100 of a range of runs": lambda: (
            "/rest/v1/runs/?run_type=physics&min_run={}&max_run={}".format(*thousand())
        ),
        "RunDB: 100 from a run on": lambda: (
            f"/rest/v1/runs/?from=0:{thousand()[0]}&expand=True"
        ),
        "search box: a range of numbers": lambda: (
            "/api/v1/runs?limit=100&box=true&q={}-{}".format(*thousand())
        ),
        "RunDB: 100 from a day on": lambda: (
            f"/rest/v1/runs/?min_date={datetime.fromtimestamp(moment(), UTC).date()}&expand=True"
        ),
        "facets over all": lambda: "/api/v1/runs/facets",
    }


def measure(
    server: ServerProcess, count: int, repeat: int, *, small: bool = False
) -> None:
    """Print the p50 of each query."""
    found = json.loads((server.folder / "server.json").read_bytes())
    host, _, port = found["url"].removeprefix("http://").partition(":")
    asker = Asker(host, int(port), found["token"])
    dice = random.Random(3)  # noqa: S311
    print(f"{'query':32} {'p50 ms':>8} {'max ms':>8} {'hits':>6}")
    for name, question in questions(count, dice, small=small).items():
        asker.get(question())
        times, hits = [], 0
        for _ in range(repeat):
            path = question()
            began = time.perf_counter()
            body = asker.get(path)
            times.append((time.perf_counter() - began) * 1e3)
            found = json.loads(body)
            hits = len(found.get("runs", found.get("results", ())))
        print(f"{name:32} {statistics.median(times):8.2f} {max(times):8.2f} {hits:6}")


def main() -> None:
    """Fill, serve, ask."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--repeat", type=int, default=40)
    parser.add_argument("--database", default="")
    parser.add_argument("--postgres", action="store_true")
    parser.add_argument("--small", action="store_true")
    parser.add_argument("--decisions", action="store_true")
    given = parser.parse_args()
    with contextlib.ExitStack() as stack:
        temporary = stack.enter_context(tempfile.TemporaryDirectory())
        url = stack.enter_context(own_database()) if given.postgres else given.database
        folder = given.folder or Path(temporary) / "runs"
        if url:
            fill_postgres(url, given.runs, small=given.small)
        elif not folder.exists():
            folder.mkdir(parents=True)
            if given.decisions:
                asyncio.run(fill_by_decisions(folder, given.runs))
            else:
                fill(folder, given.runs, small=given.small)
        server = ServerProcess(
            folder, environment={"QUIRE_DATABASE": url} if url else {}
        )
        server.start()
        try:
            measure(server, given.runs, given.repeat, small=given.small)
        finally:
            server.stop()


@contextlib.contextmanager
def own_database() -> Iterator[str]:
    """Start a PostgreSQL; yield the URL of an empty database."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 4
    settings = [f"shared_buffers={pages // 2**20}MB", "max_wal_size=8GB"]
    folder = Path(tempfile.mkdtemp(prefix="quire-postgres-"))
    with PostgresServer(folder, settings) as server, server.database("runs") as url:
        yield url


if __name__ == "__main__":
    main()
