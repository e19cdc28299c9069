"""Expiry: 100,000 jobs come due at once, and the API goes on.

python benchmarks/expiry.py [JOBS]

Half of the jobs are run here, a tenth of these with a folder of results; the other half
are a service's (Wobbly). A real server in its own process archives them all. Meanwhile
four clients make jobs, look at one, and list a hundred, and every answer is timed.
"""

import asyncio
import itertools
import sys
import tempfile
import threading
import time
import uuid
from pathlib import Path
from typing import Self

import httpx
import psutil
from msgspec.structs import replace

from quire.jobs.job import Job, JobResult
from quire.jobs.outside import begin
from quire.jobs.phases import Phase
from quire.ports.store import Transaction
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.store import SqliteStore
from quire.testing.campaigns.server import ServerProcess

BLOCK = 2_000
CLIENTS = 4
WITH_FILES = 10
NEW = {"kind": "wait", "parameters": {"SECONDS": 0}, "run": False}


def job_of(number: int, due: float) -> Job:
    """Return a job that is over and comes due."""
    name, created = str(uuid.uuid4()), due - 86_400.0
    if number % 2:
        service = {"job": name, "service": "cutout", "owner": "alice"}
        job = begin(parameters={"ids": ["a"]}, now=created, **service)
    else:
        job = Job(
            id=name,
            kind="wait",
            owner="alice",
            parameters={"SECONDS": 0.0, "STEPS": 1, "FAIL": False},
            created=created,
        )
    results: tuple[JobResult, ...] = ()
    if number % (2 * WITH_FILES) == 0:
        path = f"jobs/{name}/1/said.txt"
        results = (JobResult(id="said", path=path, size=4, mime_type="text/plain"),)
    return replace(
        job, phase=Phase.COMPLETED, ended=created, destruction=due, results=results
    )


async def fill(folder: Path, count: int, due: float) -> None:
    """Put so many jobs into a new store, with their files."""
    store = await SqliteStore.open(folder, doorbell=LocalDoorbell())
    for first in range(0, count, BLOCK):
        jobs = [
            job_of(number, due) for number in range(first, min(first + BLOCK, count))
        ]

        def put(tx: Transaction, jobs: list[Job] = jobs) -> None:
            for job in jobs:
                tx.jobs.put(job)
                if job.outside is not None:
                    tx.numbers.allocate(job.id)

        await store.decide(put)
        for job in jobs:
            for result in job.results:
                path = folder / result.path
                path.parent.mkdir(parents=True)
                path.write_text("said")
    await store.aclose()


class Clients:
    """Clients that ask until they are told to stop."""

    def __init__(self, server: ServerProcess) -> None:
        self.took: list[float] = []
        # Made beforehand: making one takes the time of many answers.
        self._clients = [server.http() for _ in range(CLIENTS)]
        self._made = [
            client.post("/api/v1/jobs", json=NEW).raise_for_status().json()["id"]
            for client in self._clients
        ]
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=pair)
            for pair in zip(self._clients, self._made, strict=True)
        ]

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()
        for client in self._clients:
            client.close()

    def _ask(self, http: httpx.Client, made: str) -> None:
        for turn in itertools.count():
            if self._over.is_set():
                return
            match turn % 3:
                case 0:
                    self._timed(http, "POST", "/api/v1/jobs", json=NEW)
                case 1:
                    self._timed(http, "GET", f"/api/v1/jobs/{made}")
                case _:
                    self._timed(http, "GET", "/api/v1/jobs?limit=100")
            time.sleep(0.01)

    def _timed(
        self, http: httpx.Client, method: str, path: str, json: object = None
    ) -> None:
        start = time.perf_counter()
        answer = http.request(method, path, json=json)
        self.took.append(time.perf_counter() - start)
        answer.raise_for_status()


def left(http: httpx.Client) -> bool:
    """Return whether a job is still to be archived."""
    found = http.get("/api/v1/jobs?phase=COMPLETED&limit=1").raise_for_status()
    return bool(found.json()["jobs"])


def shown(took: list[float]) -> str:
    """Return how long answers took, in words."""
    every = sorted(took)
    p50, p99 = every[len(every) // 2], every[int(0.99 * len(every))]
    return (
        f"p50 {1e3 * p50:.1f} ms, p99 {1e3 * p99:.1f} ms, "
        f"longest {1e3 * every[-1]:.1f} ms, of {len(every)} answers"
    )


def main() -> None:
    """Measure and print."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 100_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "data"
        folder.mkdir()
        due = time.time() + 15 + count / 2_500
        asyncio.run(fill(folder, count, due))
        if time.time() > due - 3:
            raise SystemExit("this machine is too slow to fill the store in time")
        server = ServerProcess(folder)
        server.start()
        try:
            with server.http() as http:
                process = psutil.Process(server.pid)
                before = process.memory_info().rss
                time.sleep(max(due - 3 - time.time(), 0))
                with Clients(server) as quiet:
                    time.sleep(2.5)
                with Clients(server) as clients:
                    while time.time() < due:
                        time.sleep(0.05)
                    while left(http):
                        time.sleep(0.1)
                    seconds = time.time() - due
                grown = (process.memory_info().rss - before) / 2**20
            files = len(list((folder / "jobs").glob("*/1/said.txt")))
        finally:
            server.stop()
    print(f"expiry of {count} jobs: {seconds:.1f} s, {count / seconds:.0f} a second")
    print(f"  answers before:    {shown(quiet.took)}")
    print(f"  answers meanwhile: {shown(clients.took)}")
    print(f"  server memory {grown:+.0f} MB, {files} files of theirs are left")


if __name__ == "__main__":
    main()
