"""What `quire.writer()` adds to a plan of the RunEngine, with a real server.

python benchmarks/run_engine.py [PLANS]

Whole plans, `count([det], 1)`: start, descriptor, event, stop. Those with and without
the writer take turns, so that both see the same machine. The target is 2 ms added; the
promise behind it, that a document costs the plan no more than its flush to the spool.
TiledWriter adds some 208 ms (``reference/documents.md``, section 7).
"""

import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import quire
from quire.testing.campaigns.server import ServerProcess

TARGET = 2.0
PAUSE = 0.01


def milliseconds(work: Callable[[], object]) -> float:
    """Return how long something takes."""
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1e3


def show(label: str, taken: list[float]) -> None:
    """Print the quantiles."""
    cuts = statistics.quantiles(taken, n=100)
    print(
        f"{label:28} mean {statistics.fmean(taken):6.2f}  p50 {cuts[49]:6.2f}"
        f"  p95 {cuts[94]:6.2f} ms"
    )


def measure(folder: Path, count: int) -> tuple[list[float], list[float]]:
    """Return the milliseconds of plans without the writer and with it."""
    from bluesky import RunEngine
    from bluesky.plans import count as plan
    from ophyd.sim import det  # pyright: ignore[reportAttributeAccessIssue]

    engine: Any = RunEngine({}, call_returns_result=False)
    engine(plan([det], 1))
    without, within = [], []
    with quire.writer(spool=folder / "spool") as writer:
        for _ in range(count):
            without.append(milliseconds(lambda: engine(plan([det], 1))))
            time.sleep(PAUSE)
            token = engine.subscribe(writer)
            within.append(milliseconds(lambda: engine(plan([det], 1))))
            engine.unsubscribe(token)
            time.sleep(PAUSE)
        writer.flush(60)
        status = writer.status
    if status.lost or status.refused or status.waiting:
        raise RuntimeError(f"not all has come: {status}")
    return without, within


def main(count: int) -> None:
    """Print both, and what is added."""
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        os.environ["QUIRE_DIR"] = str(folder / "quire")
        server = ServerProcess(folder / "quire")
        server.start()
        try:
            without, within = measure(folder, count)
        finally:
            server.stop()
    show("count(1), without", without)
    show("count(1), quire.writer()", within)
    added = statistics.median(within) - statistics.median(without)
    told = "met" if added <= TARGET else "MISSED"
    print(f"{'':28} added at p50 {added:.2f} ms (target {TARGET}: {told})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 200)
