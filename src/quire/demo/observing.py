"""The first half: the plan runs, its documents become a run, the cameras expose."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import msgspec

import quire
from quire.demo.bars import Bars, Watch
from quire.demo.cameras import Pointing, cameras, expose_all
from quire.demo.failure import DemonstrationFailed
from quire.demo.instrument import observe
from quire.demo.server import Server

POINTS = 41
RUN_SECONDS = 60.0
SEND_SECONDS = 30.0
POLL_SECONDS = 0.05


class Observed(msgspec.Struct, frozen=True, kw_only=True):
    """What the instrument has left.

    Attributes
    ----------
    start
        The run's start document, as the RunEngine gave it.
    files
        What the cameras wrote.
    run
        The run, as the server tells it.
    """

    start: dict[str, Any]
    files: tuple[Path, ...]
    run: dict[str, Any]


class _Listener:
    """Hands documents to the writer and remembers the start document."""

    def __init__(self, writer: Any) -> None:
        self._writer = writer
        self.started = threading.Event()
        self.over = threading.Event()
        self.start: dict[str, Any] = {}

    def __call__(self, name: str, doc: dict[str, Any]) -> None:
        self._writer(name, doc)
        if name == "start":
            self.start = dict(doc)
            self.started.set()


def observation(server: Server, bars: Bars, folder: Path) -> Observed:
    """Run the plan while the cameras expose; return once the server has it all.

    Parameters
    ----------
    folder
        Where the cameras and the writer's spool may write.
    """
    seed = time.time_ns() % 1_000_000
    writer = quire.writer(server.url, server.token, spool=folder / "spool")
    listener = _Listener(writer)
    with ThreadPoolExecutor(2, "demonstration") as threads:
        watching = threads.submit(_watch_open_run, server, listener, bars)
        exposing = threads.submit(_expose, folder / "cameras", seed)
        try:
            observe(listener, points=POINTS, scan_id=_next_scan(server), seed=seed)
        finally:
            listener.over.set()
            writer.close(timeout=SEND_SECONDS)
    watch, files = watching.result(), exposing.result()
    bars.tell(f"cameras wrote {len(files)} FITS files")
    return Observed(
        start=listener.start,
        files=tuple(files),
        run=_finished_run(server, listener.start["uid"], watch),
    )


def _expose(folder: Path, seed: int) -> list[Path]:
    pointing = Pointing(
        target="NGC 1365", right_ascension=53.4015, declination=-36.1404, exposure=2.0
    )
    night = f"{datetime.now(UTC):%Y-%m-%d}"
    return expose_all(cameras(), pointing, folder / night, seed=seed)


def _next_scan(server: Server) -> int:
    with server.http() as http:
        newest = _get(http, "/api/v1/runs", limit=1)["runs"]
    return int(newest[0]["scan_id"] or 0) + 1 if newest else 1


def _watch_open_run(server: Server, listener: _Listener, bars: Bars) -> Watch | None:
    """Find the run in the catalogue while it is open, and show its progress."""
    with server.http() as http:
        while not listener.over.is_set():
            if listener.started.wait(POLL_SECONDS):
                uid = listener.start["uid"]
                listed = _get(http, "/api/v1/runs", limit=10)["runs"]
                found = [run for run in listed if run["uid"] == uid]
                if found and found[0]["stop_time"] is None:
                    scan_id = found[0]["scan_id"]
                    bars.tell(f"run {uid[:8]} is searchable while open: scan {scan_id}")
                    return bars.watch(server, uid, "run")
                listener.over.wait(POLL_SECONDS)
    return None


def _finished_run(server: Server, uid: str, watch: Watch | None) -> dict[str, Any]:
    if watch is None:
        reason = "the run was never found in the catalogue while it was open"
        raise DemonstrationFailed("the open run", reason)
    last = watch.wait(RUN_SECONDS)
    watch.stop()
    if last is None or last.type != "complete":
        said = last.message if last else f"no final event in {RUN_SECONDS:.0f} s"
        raise DemonstrationFailed("the run", said)
    with server.http() as http:
        run = _get(http, f"/api/v1/runs/{uid}")
    if run["events"] != POINTS:
        reason = f"{POINTS} events were sent, {run['events']} are stored"
        raise DemonstrationFailed("the run", reason)
    return run


def _get(http: httpx.Client, path: str, **query: Any) -> dict[str, Any]:
    answer = http.get(path, params=query)
    answer.raise_for_status()
    found: dict[str, Any] = answer.json()
    return found
