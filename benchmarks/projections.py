"""Projections: a large stream, many small runs, images, and databroker's projector.

Usage: python benchmarks/projections.py [--rows 1000000] [--runs 1000]
       [--gigabytes 10] [--repeat 5] [--peer PYTHON]

A real server takes the documents and makes the products. The measure of the large
stream is the same work done by hand in this process: its Parquet file read, written
with h5py, synced and hashed. `--peer` is the Python of an environment made from
requirements/databroker.in; without one databroker is left out, loudly.
"""

import argparse
import hashlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py  # type: ignore[import-untyped]
import numpy as np
import pyarrow.parquet as pq

from quire.client.catalog import Catalog
from quire.client.connection import Connection
from quire.client.jobs import Job, submit_to
from quire.testing.campaigns.server import ServerProcess
from quire.testing.children_memory import ChildrenMemory

_KEYS = 20
_PAGE = 10_000
_SMALL = 20
_FRAME = (1024, 1024)
_MEGA = 2**20
_DATA_KEY = {"dtype": "number", "shape": [], "source": "b", "units": "mm"}
Item = tuple[str, dict[str, Any]]


def say(words: str) -> None:
    """Print a line at once."""
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


def run_documents(rows: int, keys: int, *, page: int = _PAGE) -> Iterator[Item]:
    """Yield a run of event pages."""
    run, descriptor = str(uuid.uuid4()), str(uuid.uuid4())
    names = [f"key{number}" for number in range(keys)]
    yield "start", {"uid": run, "time": 1.7e9, "plan_name": "fly", "scan_id": 1}
    yield (
        "descriptor",
        {
            "uid": descriptor,
            "run_start": run,
            "time": 1.7e9,
            "name": "primary",
            "data_keys": {name: dict(_DATA_KEY) for name in names},
            "configuration": {},
            "hints": {},
            "object_keys": {"dev": names},
        },
    )
    dice = np.random.default_rng(7)
    for first in range(0, rows, page):
        count = min(page, rows - first)
        data = {name: dice.random(count).round(6).tolist() for name in names}
        times = [1.7e9 + first + at for at in range(count)]
        yield (
            "event_page",
            {
                "descriptor": descriptor,
                "uid": [str(uuid.uuid4()) for _ in range(count)],
                "seq_num": list(range(first + 1, first + count + 1)),
                "time": times,
                "data": data,
                "timestamps": dict.fromkeys(names, times),
            },
        )
    yield (
        "stop",
        {
            "uid": str(uuid.uuid4()),
            "run_start": run,
            "time": 1.7e9 + rows,
            "exit_status": "success",
            "num_events": {"primary": rows},
        },
    )


class Bench:
    """A server, and what is asked of it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.images = folder / "images"
        self.images.mkdir()
        self.server = ServerProcess(folder / "data")
        self.server.folder.mkdir()
        (self.server.folder / "quire.toml").write_text(
            f"asset_roots = [{json.dumps(str(self.images))}]\n"
            "body_limit = 268435456\nslots = 4\n"
            "[projections.start]\nenabled = false\n"  # what is measured is asked for
        )
        self.server.start()
        address = self.server.address
        self.connection = Connection(address.url, address.token)
        self.catalog = Catalog(self.connection)

    def send(self, items: Iterator[Item]) -> str:
        """Send a run, a document a request; return its uid."""
        uid = ""
        with self.server.http() as http:
            for name, document in items:
                uid = document["uid"] if name == "start" else uid
                answer = http.post(
                    "/api/v1/documents",
                    content=json.dumps([name, document]).encode() + b"\n",
                    headers={"content-type": "application/x-ndjson"},
                    timeout=120,
                )
                answer.raise_for_status()
        return uid

    def project(self, run: str, **given: str) -> Job:
        """Project a run, and wait for it."""
        return submit_to(self.connection, "project", given, runs=(run,)).wait(3600)

    def seconds(self, job: Job) -> float:
        """Return how long a job took, from its start to its end."""
        told = self.connection.get(f"/api/v1/jobs/{job.id}")
        return float(told["ended"] - told["started"])

    def close(self) -> None:
        """Stop the server."""
        self.connection.close()
        self.server.stop()


def by_hand(parquet: Path, out: Path) -> float:
    """Return the seconds that the same file takes without us."""
    out.unlink(missing_ok=True)
    began = time.perf_counter()
    table = pq.read_table(parquet)
    with h5py.File(out, "x") as file:
        for name in table.column_names:
            column = table.column(name)
            if str(column.type) in ("double", "int64", "float", "int32"):
                file[name] = column.to_numpy()
    with out.open("rb") as written:
        os.fsync(written.fileno())
        digest = hashlib.sha256()
        while chunk := written.read(_MEGA):
            digest.update(chunk)
    return time.perf_counter() - began


def large(bench: Bench, rows: int, repeat: int) -> None:
    """Project one stream of many rows."""
    run = bench.send(run_documents(rows, _KEYS))
    bench.project(run, format="nexus", projection="generic")  # warm, file made
    parquet = _column_file(bench, run)
    ours, theirs = [], []
    for _ in range(repeat):
        ours.append(_timed(bench, run))
        theirs.append(by_hand(parquet, bench.folder / "by-hand.h5"))
    say(
        f"{rows} events x {_KEYS} to NeXus: {min(ours):.2f} s, by hand"
        f" {min(theirs):.2f} s, ratio {min(ours) / min(theirs):.2f} (target 1.5)"
    )


def _timed(bench: Bench, run: str) -> float:
    """Project a run once more: what was made before is deleted."""
    for product in (bench.server.folder / "products").glob("*"):
        product.unlink()
    job = bench.project(run, format="nexus", projection="generic")
    return bench.seconds(job)


def _column_file(bench: Bench, run: str) -> Path:
    deadline = time.monotonic() + 120
    while time.monotonic() < deadline:
        found = sorted(bench.server.folder.rglob("*.parquet"))
        if found:
            return found[-1]
        time.sleep(0.2)
    raise RuntimeError(f"run {run} has got no column file")


def small(bench: Bench, runs: int) -> None:
    """Project many runs of a few events each, at once."""
    uids = [bench.send(run_documents(_SMALL, 3)) for _ in range(runs)]
    began = time.perf_counter()
    jobs = [
        submit_to(bench.connection, "project", {"format": "nexus"}, runs=(uid,))
        for uid in uids
    ]
    for job in jobs:
        job.wait(3600)
    taken = time.perf_counter() - began
    say(f"{runs} small runs to NeXus: {runs / taken:.0f} a second (target 50)")


def images(bench: Bench, gigabytes: float) -> None:
    """Project images that lie in an HDF5 file, linked and calculated."""
    frames = int(gigabytes * 2**30 / (2 * _FRAME[0] * _FRAME[1]))
    path = bench.images / "images.h5"
    with h5py.File(path, "x") as file:
        data = file.create_dataset("data", (frames, *_FRAME), "u2")
        frame = np.random.default_rng(3).integers(0, 4000, _FRAME, "u2")
        for number in range(frames):
            data[number] = frame
    run = bench.send(_image_run(path, frames))
    for name in ("copied", "calculated"):
        with ChildrenMemory(bench.server.pid) as memory:
            job = bench.project(run, format="nexus", projection=name, external="copy")
        say(
            f"{gigabytes:g} GB of images, {name}: {bench.seconds(job):.1f} s,"
            f" {memory.above() / _MEGA:.0f} MB above a bare worker (target 256)"
        )
        for product in (bench.server.folder / "products").glob("*"):
            product.unlink()
    path.unlink()


def _image_run(path: Path, frames: int) -> Iterator[Item]:
    entry = {"location": "event", "stream": "primary", "field": "image"}
    mean = {"callable": "frame:mean", "args": [], "kwargs": {}}
    told = {
        "copied": {"/entry/data/image": {"type": "linked", **entry}},
        "calculated": {
            "/entry/data/mean": {"type": "calculated", "calculation": mean, **entry}
        },
    }
    start, descriptor, *_, stop = run_documents(0, 0)
    start[1]["projections"] = [
        {"name": name, "version": "1", "configuration": {}, "projection": one}
        for name, one in told.items()
    ]
    descriptor[1]["data_keys"] = {
        "image": {
            "dtype": "array",
            "dtype_numpy": "<u2",
            "shape": [1, *_FRAME],
            "source": "b",
            "external": "STREAM:",
        }
    }
    resource = str(uuid.uuid4())
    yield start
    yield descriptor
    yield (
        "stream_resource",
        {
            "uid": resource,
            "run_start": start[1]["uid"],
            "data_key": "image",
            "mimetype": "application/x-hdf5",
            "uri": f"file://localhost{path}",
            "parameters": {"dataset": "/data", "chunk_shape": [1, *_FRAME]},
        },
    )
    yield (
        "stream_datum",
        {
            "uid": f"{resource}/0",
            "stream_resource": resource,
            "descriptor": descriptor[1]["uid"],
            "seq_nums": {"start": 1, "stop": frames + 1},
            "indices": {"start": 0, "stop": frames},
        },
    )
    stop[1]["num_events"] = {"primary": frames}
    yield stop


def against_databroker(bench: Bench, python: str, repeat: int) -> None:
    """Make an xarray.Dataset of the same entries, here and by databroker."""
    documents = list(run_documents(100, 3, page=100))
    path = bench.folder / "documents.jsonl"
    path.write_text("".join(json.dumps(one) + "\n" for one in documents))
    uid = bench.send(iter(_with_projection(documents)))
    fields = [f"key{number}" for number in range(3)]
    with subprocess.Popen(
        [python, Path(__file__).with_name("databroker_peer.py"), path, *fields],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as peer:
        if peer.stdin is None or peer.stdout is None:
            raise RuntimeError("the peer has no pipes")
        theirs, ours = [], []
        total = 0.0
        for _ in range(repeat + 1):
            peer.stdin.write("\n")
            peer.stdin.flush()
            told = json.loads(peer.stdout.readline())
            theirs.append(told["seconds"])
            ours.append(_own(bench, uid, fields, told["total"]))
            total = told["total"]
        peer.stdin.close()
    a, b = statistics.median(ours[1:]), statistics.median(theirs[1:])
    say(
        f"three linked entries as xarray (sum {total:.3f} alike): ours {a * 1e3:.1f} ms,"
        f" databroker 2.0.2 on mongomock {b * 1e3:.1f} ms, {b / a:.0f} times (target 10)"
    )


def _with_projection(documents: list[Item]) -> Iterator[Item]:
    entry = {"type": "linked", "location": "event", "stream": "primary"}
    projection = {
        "name": "bench",
        "version": "1",
        "configuration": {},
        "projection": {
            f"/key{one}": {**entry, "field": f"key{one}"} for one in range(3)
        },
    }
    for name, document in documents:
        yield (
            name,
            (
                {**document, "projections": [projection]}
                if name == "start"
                else document
            ),
        )


def _own(bench: Bench, uid: str, fields: list[str], total: float) -> float:
    began = time.perf_counter()
    dataset = bench.catalog[uid].project("bench")
    found = sum(float(dataset[f"/{one}"].values.sum()) for one in fields)
    taken = time.perf_counter() - began
    if abs(found - total) > 1e-6 * abs(total):
        raise RuntimeError(f"the sums differ: {found} and {total}")
    return taken


def main() -> None:
    """Measure, and print."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--runs", type=int, default=1_000)
    parser.add_argument("--gigabytes", type=float, default=10.0)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--peer", default="", metavar="PYTHON")
    given = parser.parse_args()
    parts: list[Callable[[Bench], None]] = [
        lambda bench: large(bench, given.rows, given.repeat),
        lambda bench: small(bench, given.runs),
        lambda bench: images(bench, given.gigabytes),
    ]
    if given.peer:
        parts.append(lambda bench: against_databroker(bench, given.peer, given.repeat))
    else:
        say("NOT MEASURED: databroker, for want of --peer")
    for part in parts:
        with tempfile.TemporaryDirectory() as folder:
            bench = Bench(Path(folder))
            try:
                part(bench)
            finally:
                bench.close()


if __name__ == "__main__":
    main()
