"""Slurm: what our runner adds to Slurm's own start, and the abort of a C call.

python benchmarks/slurm.py [JOBS] [ABORTS]

A Slurm of one node runs on this machine for as long as the figures take. Slurm's own
start is what passes from the launch to the first line of the batch script; what is added
to it, from there to the claim in the job's row. A pilot has its place already. An
aborted job is inside one call of C, or has left a daemon in a session of its own that
hears no signal.
"""

import asyncio
import contextlib
import statistics
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from quire.engines.distributed import DistributedEngine
from quire.engines.slurm.launcher import SlurmLauncher
from quire.engines.slurm.settings import SlurmSettings
from quire.jobs.phases import Phase
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.store import SqliteStore
from quire.testing.attempt_server import AttemptServer
from quire.testing.engine_bench import Bench, alive, noted
from quire.testing.slurm.cluster import NoSlurm, SlurmCluster
from quire.testing.slurm.configuration import Tracking

# Seconds.
ADDED, ABORT = 0.2, 3.0


def told(found: float, target: float) -> str:
    """Return whether a target was met, in a word."""
    return "met" if found <= target else "MISSED"


async def start(
    bench: Bench, engine: DistributedEngine, marks: Path
) -> tuple[float, float]:
    """Return seconds from the launch to the claim, and from the batch script to it."""
    job = await bench.submit("idle")
    begin = time.time()
    await bench.launch(engine, job)
    await bench.until(job, lambda found: found.attempt == 1)
    claimed = time.time()
    await bench.until_phase(job, Phase.COMPLETED)
    mark = max(float(mark.name) for mark in marks.iterdir())  # noqa: ASYNC240  # few
    return claimed - begin, claimed - mark


async def abort(
    bench: Bench, engine: DistributedEngine, kind: str, notes: Path
) -> float:
    """Return seconds from an abort until none of its processes is left."""
    await asyncio.to_thread(notes.mkdir)
    job = await bench.submit(kind, NOTES=str(notes))
    await bench.launch(engine, job)
    names = ["worker.1", "daemon.1"] if kind == "double_fork" else ["worker.1"]
    pids = [(await noted(notes, name))[0] for name in names]
    begin = time.perf_counter()
    await bench.abort(job)
    ending = asyncio.create_task(engine.kill(job, 1))
    while any(alive(pid) for pid in pids):  # noqa: ASYNC110  # the dead tell nobody
        await asyncio.sleep(0.002)
    seconds = time.perf_counter() - begin
    await ending
    return seconds


async def measure(
    cluster: SlurmCluster, folder: Path, *, pilots: int, jobs: int, aborts: int
) -> None:
    """Measure, and print figures."""
    doorbell = LocalDoorbell()
    store = await SqliteStore.open(folder, doorbell=doorbell)
    bench = Bench(store, doorbell, folder)
    server = AttemptServer(bench)
    marks = folder / "marks"
    await asyncio.to_thread(marks.mkdir)
    settings = SlurmSettings(
        preamble=(f": > {marks}/$(date +%s.%N)",),
        python=sys.executable,
        environment=dict(cluster.environment),
        pilots=pilots,
    )
    async with server.served():
        engine = DistributedEngine(
            server.runners,
            SlurmLauncher(folder, settings),
            doorbell,
            server.order,
            slots=4,
        )
        await engine.start()
        await start(bench, engine, marks)  # with pilots: there is one now
        seconds = [await start(bench, engine, marks) for _ in range(jobs)]
        whole = statistics.median(whole for whole, _ in seconds)
        print(f"  launch to claim, p50       {whole:8.3f} s")
        if not pilots:
            added = statistics.median(added for _, added in seconds)
            print(
                f"  of it added by us, p50     {added:8.3f} s"
                f" (target {ADDED}, {told(added, ADDED)})"
            )
        for kind in ("compute_in_c", "double_fork"):
            times = sorted(
                [
                    await abort(bench, engine, kind, folder / f"{kind}{n}")
                    for n in range(aborts)
                ]
            )
            print(
                f"  abort, {kind:<12} p50/max {statistics.median(times):6.3f}"
                f" /{times[-1]:6.3f} s (target {ABORT}, {told(times[-1], ABORT)}),"
                f" survivors 0 of {aborts}"
            )
        await engine.stop()
    await store.aclose()


def main() -> None:
    """Run it with either way of knowing a job's processes."""
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else 10
    aborts = int(sys.argv[2]) if len(sys.argv) > 2 else 5
    for tracking in Tracking:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
            try:
                cluster = stack.enter_context(SlurmCluster(tracking))
            except NoSlurm as reason:
                print(f"NOT MEASURED: proctrack/{tracking}: {reason}")
                continue
            for pilots in (0, 1):
                print(f"proctrack/{tracking}, {pilots} pilots")
                within = folder / str(pilots)
                within.mkdir()
                uvloop.run(
                    measure(cluster, within, pilots=pilots, jobs=jobs, aborts=aborts)
                )
                cluster.clear()


if __name__ == "__main__":
    main()
