"""What `quire.writer()` costs a plan, beside a bare write and fdatasync.

python benchmarks/writer.py [DOCUMENTS]

The server is a small one in memory, in a process of its own. Absolute figures say more
about the disk than about us; read what is added to the bare flush of the same bytes.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import quire
from quire.server_file import live

PROGRAM = Path(__file__).parents[1] / "tests" / "client" / "small_server.py"


@contextmanager
def serving(folder: Path) -> Iterator[None]:
    """Run the small server, and let everything else find it."""
    os.environ["QUIRE_DIR"] = str(folder)
    os.environ["XDG_RUNTIME_DIR"] = str(folder)
    with subprocess.Popen([sys.executable, str(PROGRAM), str(folder)]) as process:
        while live(folder / "server.json") is None:
            time.sleep(0.01)
        yield
        process.terminate()


def documents(count: int) -> list[dict[str, Any]]:
    """Return events of eight keys."""
    keys = [f"detector_{number}" for number in range(8)]
    return [
        {
            "uid": f"00000000-0000-4000-8000-{number:012d}",
            "descriptor": "00000000-0000-4000-8000-ffffffffffff",
            "time": 1.8e9 + number,
            "seq_num": number + 1,
            "data": dict.fromkeys(keys, number * 0.1),
            "timestamps": dict.fromkeys(keys, 1.8e9 + number),
            "filled": {},
        }
        for number in range(count)
    ]


def times(call: Callable[[int], object], numbers: range, pause: float) -> list[float]:
    """Return the microseconds of each call."""
    taken = []
    for number in numbers:
        begun = time.perf_counter()
        call(number)
        taken.append((time.perf_counter() - begun) * 1e6)
        time.sleep(pause)
    return taken


def show(label: str, taken: list[float]) -> None:
    """Print the quantiles."""
    cuts = statistics.quantiles(taken, n=100)
    print(
        f"{label:34} mean {statistics.fmean(taken):7.0f}"
        f"  p50 {cuts[49]:7.0f}  p95 {cuts[94]:7.0f}  p99 {cuts[98]:7.0f} us"
    )


def compare(folder: Path, count: int, pause: float) -> None:
    """Time bare flushes and the writer in turns, so that both see the same disk."""
    docs = documents(count)
    lines = [json.dumps(["event", doc]).encode() + b"\n" for doc in docs]
    file = os.open(folder / f"bare-{pause}", os.O_RDWR | os.O_CREAT, 0o600)
    os.posix_fallocate(file, 0, 2**24)
    os.fsync(file)

    def bare(number: int) -> None:
        os.pwrite(file, lines[number], number * len(lines[0]))
        os.fdatasync(file)

    with quire.writer(spool=folder / "spool") as writer:
        writer("event", docs[0])
        writer.flush(30)
        flushes, calls = [], []
        for begin in range(0, count, 100):
            part = range(begin, min(begin + 100, count))
            flushes += times(bare, part, pause)
            calls += times(lambda number: writer("event", docs[number]), part, pause)
        writer.flush(60)
        assert writer.status.lost == writer.status.refused == 0
    rate = f"every {pause * 1e3:.0f} ms" if pause else "at full speed"
    show(f"write + fdatasync, {rate}", flushes)
    show(f"quire.writer(), {rate}", calls)
    added = statistics.median(calls) - statistics.median(flushes)
    print(f"{'':34} added at p50 {added:.0f} us (the promise: 300 us)")


def plans(folder: Path, count: int) -> None:
    """Time whole plans of the RunEngine with and without the writer."""
    from bluesky import RunEngine
    from bluesky.plans import count as plan
    from ophyd.sim import det

    engine: Any = RunEngine({}, call_returns_result=False)
    engine(plan([det], 1))
    documents_a_plan = 4
    with quire.writer(spool=folder / "spool") as writer:
        without, within = [], []
        for _ in range(count):
            without += times(lambda _: engine(plan([det], 1)), range(1), 0.01)
            token = engine.subscribe(writer)
            within += times(lambda _: engine(plan([det], 1)), range(1), 0.01)
            engine.unsubscribe(token)
        writer.flush(60)
    show("count(1), without", without)
    show("count(1), with quire.writer()", within)
    added = (statistics.median(within) - statistics.median(without)) / documents_a_plan
    print(f"{'':34} added a document at p50 {added:.0f} us, its flush included")


def main(count: int) -> None:
    """Print all of it."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with serving(folder):
            for pause in (0.01, 0.0):
                compare(folder, count, pause)
            plans(folder, count // 10)


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
