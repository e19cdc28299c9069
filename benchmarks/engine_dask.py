"""Jobs on Dask: submit to start, and an abort inside a call of C.

python benchmarks/engine_dask.py [JOBS] [ABORTS]

A real scheduler with two workers, SQLite, HTTP on loopback. Beside it what bare Dask
takes from `submit` to the first line of a task. An aborted job computes in one call of C
for hours (`hashlib.pbkdf2_hmac`), or has left a daemon in a session of its own that
hears no signal; its abort is measured from the call until none of its processes is left.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import uvloop
from distributed import Client

from quire.actions.dispatch import Dispatcher
from quire.engines.dask.launcher import DaskLauncher, DaskSettings
from quire.engines.distributed import DistributedEngine
from quire.jobs.phases import Phase
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.store import SqliteStore
from quire.testing.attempt_server import AttemptServer
from quire.testing.dask.cluster import DaskCluster
from quire.testing.engine_bench import Bench, alive, noted

KINDS = "quire.testing.hostile_kinds:hostile"
# Seconds.
START, ABORT = 0.030, 1.5


def bare(address: str, jobs: int) -> list[float]:
    """Return seconds from `submit` to the begin of a task, one after the other."""
    make: Any = Client
    with make(address, set_as_default=False) as client:
        seconds = []
        for _ in range(jobs):
            begin = time.time()
            seconds.append(client.submit(time.time, pure=False).result() - begin)
        return seconds


async def starts(bench: Bench, jobs: int) -> list[float]:
    """Return seconds from submit until the attempt is claimed."""
    seconds = []
    for _ in range(jobs):
        begin = time.perf_counter()
        job = await bench.submit("idle")
        await bench.until(job, lambda found: found.attempt == 1)
        seconds.append(time.perf_counter() - begin)
        await bench.until_phase(job, Phase.COMPLETED)
    return seconds


async def abort(bench: Bench, notes: Path, kind: str, names: list[str]) -> float:
    """Return seconds from an abort until none of its processes is left."""
    await asyncio.to_thread(notes.mkdir)
    job = await bench.submit(kind, NOTES=str(notes))
    pids = [(await noted(notes, name))[0] for name in names]
    begin = time.perf_counter()
    await bench.abort(job)
    while any(alive(pid) for pid in pids):  # noqa: ASYNC110  # the dead tell nobody
        await asyncio.sleep(0.001)
    return time.perf_counter() - begin


def tell(what: str, seconds: list[float]) -> None:
    """Print median and 95th percentile."""
    ordered = sorted(seconds)
    print(
        f"{what:34} p50 {statistics.median(ordered) * 1e3:8.1f}"
        f"  p95 {ordered[len(ordered) * 95 // 100] * 1e3:8.1f}"
        f"  max {ordered[-1] * 1e3:8.1f} ms"
    )


def judge(what: str, found: float, target: float) -> None:
    """Print whether a target, in seconds, was met."""
    met = "met" if found <= target else "MISSED"
    print(f"  target: {what} at most {target * 1e3:.0f} ms, {met}")


async def measure(folder: Path, address: str, jobs: int, aborts: int) -> None:
    """Measure, and print figures."""
    doorbell = LocalDoorbell()
    store = await SqliteStore.open(folder, doorbell=doorbell)
    bench = Bench(store, doorbell, folder)
    server = AttemptServer(bench)
    launcher = DaskLauncher(DaskSettings(address=address), kinds=KINDS)
    engine = DistributedEngine(
        server.runners, launcher, doorbell, server.order, slots=4
    )
    dispatcher = Dispatcher(
        store, engine, bench.attempts, doorbell=doorbell, clock=bench.clock
    )
    async with server.served():
        await dispatcher.start()
        await starts(bench, 5)
        begun = await starts(bench, jobs)
        tell("submit to start", begun)
        judge("p50", statistics.median(begun), START)
        for kind, names in (
            ("compute_in_c", ["worker.1"]),
            ("double_fork", ["worker.1", "daemon.1"]),
        ):
            killed = [
                await abort(bench, folder / f"{kind}{n}", kind, names)
                for n in range(aborts)
            ]
            tell(f"abort of {kind}", killed)
            judge("max", max(killed), ABORT)
        await dispatcher.stop()
    await store.aclose()


def main() -> None:
    """Run it with a cluster and a folder that are removed."""
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    aborts = int(sys.argv[2]) if len(sys.argv) > 2 else 20
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("data", "dask"):
            (folder / part).mkdir()
        with DaskCluster(folder / "dask") as cluster:
            tell("bare Dask", bare(cluster.address, jobs))
            uvloop.run(measure(folder / "data", cluster.address, jobs, aborts))


if __name__ == "__main__":
    main()
