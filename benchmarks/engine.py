"""The embedded engine: no-op jobs a second, time to completion, time to abort.

python benchmarks/engine.py [JOBS] [ABORTS]

Jobs go through the real queue on SQLite (every submit, claim and verdict is on disk)
into warm workers. An aborted job has left a daemon in a session of its own that hears
no signal; its abort is measured from the call until neither process is left.
"""

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from quire.actions.dispatch import Dispatcher
from quire.engines.embedded.engine import EmbeddedEngine
from quire.jobs.phases import Phase
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.store import SqliteStore
from quire.testing.engine_bench import Bench, alive, noted

SLOTS = 8
PROGRAM = ["quire.worker", "--kinds=quire.testing.hostile_kinds:hostile"]


async def throughput(bench: Bench, jobs: int) -> float:
    """Return jobs a second, from the first submit to the last verdict."""
    begin = time.perf_counter()
    ids = await asyncio.gather(*(bench.submit("idle") for _ in range(jobs)))
    for job in ids:
        await bench.until_phase(job, Phase.COMPLETED)
    return jobs / (time.perf_counter() - begin)


async def completion(bench: Bench, jobs: int) -> list[float]:
    """Return seconds from submit to COMPLETED, of one job after the other."""
    seconds = []
    for _ in range(jobs):
        begin = time.perf_counter()
        await bench.until_phase(await bench.submit("idle"), Phase.COMPLETED)
        seconds.append(time.perf_counter() - begin)
    return seconds


async def abort(bench: Bench, notes: Path) -> float:
    """Return seconds from an abort until none of its processes is left."""
    await asyncio.to_thread(notes.mkdir)
    job = await bench.submit("double_fork", NOTES=str(notes))
    pids = [(await noted(notes, name))[0] for name in ("daemon.1", "worker.1")]
    begin = time.perf_counter()
    await bench.abort(job)
    while any(alive(pid) for pid in pids):  # noqa: ASYNC110  # the dead tell nobody
        await asyncio.sleep(0.001)
    return time.perf_counter() - begin


async def measure(folder: Path, jobs: int, aborts: int) -> None:
    """Measure, and print figures."""
    doorbell = LocalDoorbell()
    store = await SqliteStore.open(folder, doorbell=doorbell)
    bench = Bench(store, doorbell, folder)
    engine = EmbeddedEngine(bench.attempts, doorbell, PROGRAM, slots=SLOTS)
    dispatcher = Dispatcher(
        store, engine, bench.attempts, doorbell=doorbell, clock=bench.clock
    )
    begin = time.perf_counter()
    await dispatcher.start()
    await bench.until_free(engine, SLOTS)
    print(f"start to {SLOTS} warm workers  {time.perf_counter() - begin:8.3f} s")
    single = sorted(await completion(bench, max(jobs // 5, 20)))
    print(f"submit to COMPLETED, p50  {statistics.median(single) * 1e3:8.2f} ms")
    print(f"                     p95  {single[len(single) * 95 // 100] * 1e3:8.2f} ms")
    print(f"no-op jobs                {await throughput(bench, jobs):8.0f} /s")
    killed = sorted([await abort(bench, folder / f"n{n}") for n in range(aborts)])
    print(f"abort to nothing left p50 {statistics.median(killed):8.3f} s")
    print(f"                     p99  {killed[len(killed) * 99 // 100]:8.3f} s")
    print(f"                     max  {killed[-1]:8.3f} s, survivors 0 of {aborts}")
    await dispatcher.stop()
    await store.aclose()


def main() -> None:
    """Run it in a folder that is removed."""
    jobs = int(sys.argv[1]) if len(sys.argv) > 1 else 1000
    aborts = int(sys.argv[2]) if len(sys.argv) > 2 else 50
    with tempfile.TemporaryDirectory() as folder:
        uvloop.run(measure(Path(folder), jobs, aborts))


if __name__ == "__main__":
    main()
