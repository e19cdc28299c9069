"""UWS over HTTP: a no-op job from submit to COMPLETED, jobs a second, aborts, lists.

Usage: python benchmarks/uws.py [--jobs 50000] [--repeat 100] [--noops 2000]
[--aborts 200]

A folder is filled with made-up jobs; a real server in its own process then answers
over loopback. The lists are of the jobs of one owner and one kind, newest first. Jobs a
second count from the first POST until the last job is COMPLETED; they come from 16
connections of two processes. An aborted job is a program that has left a daemon in a
session of its own that hears no SIGTERM; its abort is measured from the POST until
none of its processes is left.
"""

import argparse
import asyncio
import http.client
import json
import random
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import psutil

from quire.jobs.job import Job
from quire.jobs.phases import Phase
from quire.ports.store import Transaction
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.store import SqliteStore
from quire.testing.campaigns.server import ServerProcess
from quire.testing.engine_bench import alive

_BLOCK = 2_000
_CLIENTS, _CONNECTIONS, _SLOTS = 2, 8, 12
_NOOP = "SECONDS=0&STEPS=1&PHASE=RUN"
_DAEMON = """
import os, signal, time
if os.fork() == 0:
    os.setsid()
    if os.fork() == 0:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        with open("pids.draft", "w") as note:
            note.write(f"{os.getpid()} {os.getppid()}")
        os.rename("pids.draft", "pids")
        time.sleep(600)
    time.sleep(0.05)
    os._exit(0)
time.sleep(600)
"""


async def fill(folder: Path, count: int) -> None:
    """Put made-up jobs of kind `wait` into a new store."""
    store = await SqliteStore.open(folder, doorbell=LocalDoorbell())
    dice = random.Random(7)  # noqa: S311
    for begin in range(0, count, _BLOCK):
        jobs = [
            Job(
                id=str(uuid.UUID(int=dice.getrandbits(128), version=4)),
                kind="wait",
                owner="somebody",
                phase=Phase.COMPLETED,
                parameters={"SECONDS": 0.0, "STEPS": 1, "FAIL": False},
                created=1.7e9 + number,
            )
            for number in range(begin, min(begin + _BLOCK, count))
        ]

        def put(tx: Transaction, jobs: list[Job] = jobs) -> None:
            for job in jobs:
                tx.jobs.put(job)

        await store.decide(put)
    await store.aclose()


def no_op(http: httpx.Client) -> None:
    """Run a job that does nothing and see its end."""
    form = {"SECONDS": "0", "STEPS": "1", "PHASE": "RUN"}
    job = http.post("/uws/wait/jobs", data=form).headers["location"]
    while b">COMPLETED<" not in http.get(job, params={"WAIT": "10"}).content:
        pass


def submit(url: str, token: str, count: int) -> None:
    """Submit so many no-op jobs, from several connections."""

    def send(share: int) -> None:
        place = urlsplit(url)
        line = http.client.HTTPConnection(place.hostname or "", place.port)
        headers = {
            "Authorization": f"Bearer {token}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        for _ in range(share):
            line.request("POST", "/uws/wait/jobs", _NOOP, headers)
            answer = line.getresponse()
            answer.read()
            if answer.status != http.client.SEE_OTHER:
                raise RuntimeError(f"a submit was answered by {answer.status}")
        line.close()

    with ThreadPoolExecutor(_CONNECTIONS) as pool:
        list(pool.map(send, [count // _CONNECTIONS] * _CONNECTIONS))


def throughput(client: httpx.Client, server: ServerProcess, count: int) -> float:
    """Return no-op jobs a second, all submitted over HTTP and waited for."""
    count -= count % (_CLIENTS * _CONNECTIONS)
    with ProcessPoolExecutor(_CLIENTS) as pool:
        list(pool.map(abs, range(_CLIENTS)))  # the processes are there
        begin = time.perf_counter()
        address = server.address
        sending = [
            pool.submit(submit, address.url, address.token, count // _CLIENTS)
            for _ in range(_CLIENTS)
        ]
        for one in sending:
            one.result()
        submitted = time.perf_counter() - begin
        sys.stdout.write(f"submits alone: {count / submitted:.0f} a second\n")
        unfinished = "/uws/wait/jobs?PHASE=QUEUED&PHASE=EXECUTING&LAST=1"
        while b"jobref" in client.get(unfinished).content:
            time.sleep(0.02)
        return count / (time.perf_counter() - begin)


def abort(client: httpx.Client, folder: Path) -> float:
    """Return seconds from an abort until nothing of the job is left."""
    job = client.post("/uws/fork/jobs", data={"PHASE": "RUN"}).headers["location"]
    note = folder / "jobs" / job.rpartition("/")[2] / "1" / "pids"
    while not note.exists():
        time.sleep(0.002)
    pids = [int(pid) for pid in note.read_text().split()]
    begin = time.perf_counter()
    client.post(f"{job}/phase", data={"PHASE": "ABORT"})
    while any(alive(pid) for pid in pids):
        time.sleep(0.001)
    return time.perf_counter() - begin


def settings() -> str:
    """Return the settings: several slots, and a program that leaves daemons."""
    arguments = json.dumps(["-c", _DAEMON])
    return (
        f"slots = {_SLOTS}\n[commands.fork]\n"
        f"program = {json.dumps(sys.executable)}\narguments = {arguments}\n"
    )


def worked(
    client: httpx.Client, server: ServerProcess, noops: int, aborts: int
) -> list[str]:
    """Return how fast jobs are done and aborted, a line each."""
    rate = throughput(client, server, noops)
    took = sorted(abort(client, server.folder) for _ in range(aborts)) or [0.0]
    median, worst = statistics.median(took), took[int(0.99 * len(took))]
    figures = f"p50 {median:.3f} s, p99 {worst:.3f} s, longest {took[-1]:.3f} s"
    return [
        f"no-op jobs: {rate:.0f} a second, of {noops}",
        f"abort to the last descendant gone: {figures}, no survivor of {aborts}",
    ]


def timed(call: Callable[[], object], repeat: int) -> list[float]:
    """Return seconds, one for each call."""
    took = []
    for _ in range(repeat):
        begin = time.perf_counter()
        call()
        took.append(time.perf_counter() - begin)
    return took


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--jobs", type=int, default=50_000)
    parser.add_argument("--repeat", type=int, default=100)
    parser.add_argument("--noops", type=int, default=2000)
    parser.add_argument("--aborts", type=int, default=200)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "data"
        folder.mkdir()
        (folder / "quire.toml").write_text(settings())
        asyncio.run(fill(folder, options.jobs))
        server = ServerProcess(folder)
        server.start()
        try:
            with server.http() as client:
                for line in measured(client, server, options.jobs, options.repeat):
                    sys.stdout.write(line + "\n")
                for line in worked(client, server, options.noops, options.aborts):
                    sys.stdout.write(line + "\n")
        finally:
            server.stop()


def measured(
    http: httpx.Client, server: ServerProcess, jobs: int, repeat: int
) -> list[str]:
    """Return what was measured, a line each."""
    no_op(http)
    runs = sorted(timed(lambda: no_op(http), repeat))
    process = psutil.Process(server.pid)
    before = process.cpu_times().user
    timed(lambda: http.get("/uws/wait/jobs?LAST=100").raise_for_status(), repeat)
    listed = (process.cpu_times().user - before) / repeat
    memory = process.memory_info().rss
    (whole,) = timed(lambda: http.get("/uws/wait/jobs").raise_for_status(), 1)
    grown = process.memory_info().rss - memory
    median, worst = 1e3 * statistics.median(runs), 1e3 * runs[int(0.99 * len(runs))]
    return [
        f"no-op to COMPLETED: p50 {median:.1f} ms, p99 {worst:.1f} ms",
        f"list of 100 among {jobs}: {1e3 * listed:.2f} ms of the server's CPU",
        f"whole list of {jobs}: {whole:.2f} s, memory +{grown / 1e6:.0f} MB",
    ]


if __name__ == "__main__":
    main()
