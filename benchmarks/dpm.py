"""Acquisitions on a server: QueueDaq until durable, and the API while four merges run.

python benchmarks/dpm.py [--gigabytes 2] [--queued 500] [--seconds 20]

A real server in a process of its own, over loopback. Each merge is of GIGABYTES and
reads its sources where they lie; as one ends, another begins, so that four run all the
time. Meanwhile six clients store documents, search runs, look at acquisitions, and
queue others, which wait for a slot; every answer is timed.
"""

import argparse
import itertools
import json
import statistics
import tempfile
import threading
import time
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx

from quire.testing.campaigns.server import ServerProcess
from quire.testing.fits_files import image_file, keyword_list, specification

MERGES = 4
SLOTS = MERGES
COLUMNS = 4096
IMAGES = 4
FILES = 2
SETTINGS = f"slots = {SLOTS}\n[kinds.merge]\nconcurrency = {MERGES}\n"


def make_sources(folder: Path, size: int) -> dict[str, Path]:
    """Write the files of one merge, `size` bytes in all."""
    rows = max(1, size // FILES // IMAGES // 2 // COLUMNS)
    return {
        f"cam{number}": image_file(
            folder / f"cam{number}.fits",
            names=[f"CAM{number}.{chip}" for chip in range(IMAGES)],
            shape=(rows, COLUMNS),
            seed=number,
        )
        for number in range(FILES)
    }


def queue(http: httpx.Client, wanted: dict[str, Any], name: str) -> None:
    """Queue an acquisition under a name."""
    named = {**wanted, "id": name, "target": {"fileId": name}}
    body = {"specification": json.dumps(named)}
    http.post("/daq/QueueDaq", json=body).raise_for_status()


def status(http: httpx.Client, name: str) -> dict[str, Any]:
    """Return how an acquisition stands, be it over or not."""
    answer = http.post("/daq/GetArchivedDaqStatus", json={"id": name})
    found: dict[str, Any] = answer.raise_for_status().json()
    return found


def timed(call: Callable[[], object]) -> float:
    """Return the seconds of a call."""
    begin = time.perf_counter()
    call()
    return time.perf_counter() - begin


def shown(took: list[float]) -> str:
    """Return how long answers took, in words."""
    every = sorted(took)
    return (
        f"p50 {1e3 * statistics.median(every):.1f} ms, "
        f"p99 {1e3 * every[int(0.99 * len(every))]:.1f} ms, "
        f"longest {1e3 * every[-1]:.1f} ms, of {len(every)}"
    )


def asked_for(took: list[float], share: float, most: float) -> str:
    """Return whether so large a share of answers came within so many seconds."""
    met = sorted(took)[int(share * len(took))] <= most
    return (
        f"p{100 * share:.0f} at most {1e3 * most:.0f} ms: {'met' if met else 'MISSED'}"
    )


def documents() -> str:
    """Return a short run, as lines."""
    start, now = str(uuid.uuid4()), time.time()
    stop = {"uid": str(uuid.uuid4()), "time": now, "run_start": start}
    return "\n".join(
        json.dumps(document)
        for document in (
            ["start", {"uid": start, "time": now, "plan_name": "count"}],
            ["stop", {**stop, "exit_status": "success", "num_events": {}}],
        )
    )


class Load:
    """Clients of the API, until they are told to stop."""

    def __init__(
        self, server: ServerProcess, wanted: dict[str, Any], name: str
    ) -> None:
        self.took: dict[str, list[float]] = {}
        self.queued: list[str] = []
        self._server = server
        self._wanted = wanted
        self._name = name
        self._over = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(name, ask))
            for name, ask in {
                "documents stored": self._store,
                "runs searched": lambda http: http.get("/api/v1/runs?limit=20"),
                "active acquisitions": lambda http: http.post("/daq/GetActiveDaqs"),
                "jobs listed": lambda http: http.get("/api/v1/jobs?limit=50"),
                "readiness": lambda http: http.get("/readyz"),
                "QueueDaq": self._queue,
            }.items()
        ]

    def run(self, seconds: float, keep: Callable[[], None]) -> None:
        """Ask for so long, and see meanwhile to what is to be kept up."""
        for thread in self._threads:
            thread.start()
        end = time.perf_counter() + seconds
        while time.perf_counter() < end:
            keep()
            time.sleep(0.05)
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _ask(
        self, name: str, ask: Callable[[httpx.Client], httpx.Response | None]
    ) -> None:
        took = self.took.setdefault(name, [])

        def asked() -> None:
            if (answer := ask(http)) is not None:
                answer.raise_for_status()

        with self._server.http() as http:
            asked()  # the connection is there
            while not self._over.is_set():
                took.append(timed(asked))
                time.sleep(0.02)

    def _store(self, http: httpx.Client) -> httpx.Response:
        kind = {"content-type": "application/x-ndjson"}
        return http.post("/api/v1/documents", content=documents(), headers=kind)

    def _queue(self, http: httpx.Client) -> None:
        self.queued.append(f"{self._name}.{len(self.queued)}")
        queue(http, self._wanted, self.queued[-1])


class Merges:
    """Keeps four merges going."""

    def __init__(
        self, http: httpx.Client, wanted: dict[str, Any], products: Path
    ) -> None:
        self._http = http
        self._wanted = wanted
        self._products = products
        self._names = (f"BIG.{number}" for number in itertools.count())
        self.under_way: list[str] = []
        self.ended = 0

    def keep(self) -> None:
        """Queue another for each that has ended."""
        for name in list(self.under_way):
            found = status(self._http, name)
            if found["error"]:
                raise SystemExit(f"{name} is blocked: {found['alerts']}")
            if found["subState"] == "Completed":
                self.under_way.remove(name)
                self.ended += 1
                # The disk is to hold four products, not all of them.
                (self._products / f"{name}.fits").unlink()
        while len(self.under_way) < MERGES:
            self.under_way.append(next(self._names))
            queue(self._http, self._wanted, self.under_way[-1])


def main() -> None:
    """Measure and print."""
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--gigabytes", type=float, default=2.0)
    asked.add_argument("--queued", type=int, default=500)
    asked.add_argument("--seconds", type=float, default=20.0)
    options = asked.parse_args()
    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        (place / "data").mkdir()
        (place / "data" / "quire.toml").write_text(SETTINGS)
        big = specification(make_sources(place, int(options.gigabytes * 1e9)))
        big["sources"][0]["keywords"] += keyword_list(500)
        missing = specification({"cam": place / "missing.fits"})
        server = ServerProcess(place / "data")
        server.start()
        try:
            with server.http() as http:
                measured(server, http, big, missing, options)
        finally:
            server.kill()


def measured(
    server: ServerProcess,
    http: httpx.Client,
    big: dict[str, Any],
    missing: dict[str, Any],
    options: argparse.Namespace,
) -> None:
    """Print what was measured."""
    names = [f"Q.{number}" for number in range(options.queued)]
    queue(http, missing, "WARM")
    took = [timed(lambda name=name: queue(http, missing, name)) for name in names]  # type: ignore[misc]
    print(f"QueueDaq, alone: {shown(took)}; {asked_for(took, 0.5, 0.005)}")
    for name in ["WARM", *names]:
        http.post("/daq/AbortDaq", json={"id": name}).raise_for_status()
    quiet = Load(server, missing, "QUIET")
    quiet.run(options.seconds / 4, lambda: None)
    for name in quiet.queued:
        http.post("/daq/AbortDaq", json={"id": name}).raise_for_status()
    print(f"no merge: all {shown(list(itertools.chain(*quiet.took.values())))}")
    merges = Merges(http, big, server.folder / "products")
    merges.keep()
    load = Load(server, missing, "LOAD")
    begin = time.perf_counter()
    load.run(options.seconds, merges.keep)
    seconds = time.perf_counter() - begin
    size = options.gigabytes * merges.ended / seconds
    print(f"{MERGES} merges of {options.gigabytes:g} GB at once, {size:.2f} GB/s:")
    for what, each in load.took.items():
        print(f"  {what + ':':<21} {shown(each)}")
    every = list(itertools.chain(*load.took.values()))
    print(f"  all: {shown(every)}; {asked_for(every, 0.99, 0.1)}")


if __name__ == "__main__":
    main()
