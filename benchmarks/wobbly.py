"""The Wobbly face: creates, life cycles and lists a second, and a long list streamed.

python benchmarks/wobbly.py [JOBS] [MANY]

A real server in a process of its own, 16 clients that keep their connections. Every
answer comes after the commit is on disk. MANY jobs are put in its store beforehand; the
list of 100 is read among them, and all jobs of a user who has 50,000 are read at once.
"""

import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import msgspec
import psutil
import uvloop

from quire.jobs.job import Job, Outside
from quire.jobs.outside import begin
from quire.jobs.phases import Phase
from quire.ports.store import Transaction
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.store import SqliteStore
from quire.testing.campaigns.server import ServerProcess

CLIENTS = 16
LONG = 50_000
BATCH = 500
PARAMETERS = {"ids": ["data-id"], "stencils": [{"type": "circle", "radius": 0.001}]}
NEW = json.dumps(
    {
        "json_parameters": PARAMETERS,
        "run_id": None,
        "destruction_time": "2036-11-20T10:00:00Z",
        "execution_duration": 600,
    }
).encode()
LIFE = [
    json.dumps(report).encode()
    for report in (
        {"phase": "QUEUED", "message_id": "4ce850a7-d877-4827-a3f6-f84534ec3fad"},
        {"phase": "EXECUTING", "start_time": "2026-11-20T10:00:01Z"},
        {
            "phase": "COMPLETED",
            "results": [{"id": "image", "url": "s3://bucket/image.fits", "size": 1}],
        },
    )
]


class Connection:
    """One kept connection: as little of a client as will do."""

    def __init__(self, address: tuple[str, int], token: str) -> None:
        self._address = address
        self._token = token

    async def open(self) -> "Connection":
        """Connect."""
        self._reader, self._writer = await asyncio.open_connection(
            *self._address, limit=2**26
        )
        return self

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, bytes]:
        """Return status and body of an answer."""
        self._writer.write(
            f"{method} {path} HTTP/1.1\r\nhost: 127.0.0.1\r\n"
            f"authorization: bearer {self._token}\r\n"
            f"content-type: application/json\r\n"
            f"content-length: {len(body)}\r\n\r\n".encode()
            + body
        )
        head = await self._reader.readuntil(b"\r\n\r\n")
        status = int(head[9:12])
        lower = head.lower()
        if b"transfer-encoding: chunked" in lower:
            return status, await self._chunks()
        length = int(lower.partition(b"content-length: ")[2].partition(b"\r")[0] or 0)
        return status, await self._reader.readexactly(length)

    async def _chunks(self) -> bytes:
        parts = []
        while size := int((await self._reader.readline()).strip(), 16):
            parts.append(await self._reader.readexactly(size))
            await self._reader.readexactly(2)
        await self._reader.readexactly(2)
        return b"".join(parts)


async def create(client: Connection) -> str:
    """Make a job and return its number."""
    status, body = await client.ask("POST", "/wobbly/jobs", NEW)
    assert status == 201, body
    number: str = msgspec.json.decode(body)["id"]
    return number


async def cycle(client: Connection) -> None:
    """Make a job and report its whole life."""
    path = f"/wobbly/jobs/{await create(client)}"
    for report in LIFE:
        status, body = await client.ask("PATCH", path, report)
        assert status == 200, body


async def rate(
    clients: list[Connection],
    work: Callable[[Connection], Coroutine[Any, Any, Any]],
    times: int,
) -> float:
    """Return how often a second the clients have it done."""

    async def each(client: Connection) -> None:
        for _ in range(times // len(clients)):
            await work(client)

    start = time.perf_counter()
    await asyncio.gather(*map(each, clients))
    return times / (time.perf_counter() - start)


async def fill(folder: Path, many: int) -> None:
    """Put jobs of one service in the store, 50,000 of them alice's."""
    store = await SqliteStore.open(folder, doorbell=LocalDoorbell())
    now = time.time() - many
    shares = {"alice": min(LONG, many), "bob": max(many - LONG, 0)}
    for owner, count in shares.items():
        for first in range(0, count, BATCH):

            def put(tx: Transaction, owner: str = owner, first: int = first) -> None:
                for place in range(first, first + BATCH):
                    job = begin(
                        job=f"{owner}-{place}",
                        service="cutout",
                        owner=owner,
                        parameters=PARAMETERS,
                        now=now + place,
                    )
                    tx.jobs.put(finished(job))
                    tx.numbers.allocate(job.id)

            await store.decide(put)
    await store.aclose()


def finished(job: Job) -> Job:
    """Return a job as most are."""
    return msgspec.structs.replace(
        job,
        phase=Phase.COMPLETED,
        started=job.created,
        ended=job.created,
        destruction=job.created + 1e9,
        outside=Outside(message_id="m"),
    )


async def lists(client: Connection, query: str, server: psutil.Process) -> None:
    """Print what a list of 100 costs."""
    took = []
    before = sum(server.cpu_times()[:2])
    for _ in range(200):
        start = time.perf_counter()
        status, _body = await client.ask("GET", f"/wobbly/jobs?limit=100{query}")
        assert status == 200
        took.append(time.perf_counter() - start)
    spent = (sum(server.cpu_times()[:2]) - before) / 200
    shown = f"limit=100{query}"
    print(f"{shown:32s} p50 {statistics.median(took) * 1e3:6.2f} ms,", end=" ")
    print(f"server CPU {spent * 1e3:5.2f} ms")


async def long_list(client: Connection, server: psutil.Process) -> None:
    """Print what all of alice's jobs at once cost."""
    before = server.memory_info().rss
    start = time.perf_counter()
    status, body = await client.ask("GET", "/wobbly/jobs")
    seconds = time.perf_counter() - start
    assert status == 200
    count = len(msgspec.json.decode(body))
    grown = (server.memory_info().rss - before) / 2**20
    print(f"unpaged list of {count} jobs, {len(body) / 1e6:.1f} MB", end=" ")
    print(f"{seconds:6.2f} s, server memory {grown:+.1f} MB")


async def measure(process: ServerProcess, jobs: int) -> None:
    """Print all figures."""
    with process.http() as http:
        answer = http.post(
            "/api/v1/tokens", json={"user": "alice", "service": "cutout"}
        )
        token = answer.json()["token"]
    host, _, port = process.address.url.removeprefix("http://").partition(":")
    address = (host, int(port))
    clients = [await Connection(address, token).open() for _ in range(CLIENTS)]
    server = psutil.Process(process.pid)
    print(f"load {psutil.getloadavg()[0]:.1f} on {psutil.cpu_count()} cores")
    for query in ("", "&phase=COMPLETED", "&phase=ERROR", "&since=2026-01-01"):
        await lists(clients[0], query, server)
    await long_list(clients[0], server)
    await long_list(clients[0], server)
    cpu = sum(server.cpu_times()[:2])
    # Those that were idle meanwhile may have been closed by the server.
    clients = [await Connection(address, token).open() for _ in range(CLIENTS)]
    print(f"creates         {await rate(clients, create, jobs):8.0f} /s", end=", ")
    spent = sum(server.cpu_times()[:2]) - cpu
    print(f"server CPU {spent / jobs * 1e3:.2f} ms each")
    cpu = sum(server.cpu_times()[:2])
    print(f"life cycles     {await rate(clients, cycle, jobs // 4):8.0f} /s", end=", ")
    spent = sum(server.cpu_times()[:2]) - cpu
    print(f"server CPU {spent / (jobs // 4) * 1e3:.2f} ms each")
    await one_job(clients)


async def one_job(clients: list[Connection]) -> None:
    """Print how many of the reports of all clients on one job failed."""
    path = f"/wobbly/jobs/{await create(clients[0])}"

    async def write(client: Connection) -> list[int]:
        return [(await client.ask("PATCH", path, LIFE[0]))[0] for _ in range(20)]

    told = [one for each in await asyncio.gather(*map(write, clients)) for one in each]
    failed = sum(status >= 500 for status in told)
    print(f"{len(clients)} writers on one job: {len(told)} reports, {failed} errors")


def main() -> None:
    """Run it in a folder that is removed."""
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else 8000
    many = int(sys.argv[2]) if len(sys.argv) > 2 else 1_000_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "data"
        folder.mkdir()
        uvloop.run(fill(folder, many))
        process = ServerProcess(folder)
        process.start()
        try:
            uvloop.run(measure(process, jobs))
        finally:
            process.stop()


if __name__ == "__main__":
    main()
