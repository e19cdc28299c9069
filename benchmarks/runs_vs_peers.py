"""The same runs in Quire, in a stock tiled catalog and in RCDB: the same queries.

Usage: python -m benchmarks.runs_vs_peers [--runs 10000] [--repeat 30] [--no-rcdb]

Quire and tiled are real servers over loopback, both on SQLite; RCDB has no server that
answers queries, and is asked in a process of its own. RCDB comes from PyPI into an
environment of its own; where that fails it is left out, loudly. The peers are filled
past their own interfaces, which would take minutes: tiled's rows go into its table, so
that its triggers make what they make. Read the ratios: peer's p50 by ours.
"""

import argparse
import contextlib
import itertools
import json
import os
import random
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import quote

import httpx
import tiled.queries as tiled  # type: ignore[import-untyped]
from benchmarks.runs import fill
from tiled.client.container import (  # type: ignore[import-untyped]
    _queries_to_params,
)

from quire.runs.run import Run
from quire.testing.campaigns.server import ServerProcess
from quire.testing.made_up.runs import runs
from quire.testing.tiled_server import KEY, tiled_server

_SPACING = 60.0
_BLOCK = 1000
_INSERTS = 20
Values = list[Any]
_key = tiled.Key


class Asked(Protocol):
    """One of those that are compared."""

    def ask(self, name: str, values: Values) -> int:
        """Return how many runs a query finds; -1 if it cannot be asked."""
        ...

    def insert(self, start: dict[str, Any], stop: dict[str, Any]) -> None:
        """Put a run in."""
        ...


class Quire:
    """Ours."""

    def __init__(self, server: ServerProcess) -> None:
        self._http = server.http()

    def ask(self, name: str, values: Values) -> int:
        """Return how many runs a query finds, with start and stop documents."""
        answer = self._http.get(_QUIRE[name](values))
        answer.raise_for_status()
        found = answer.json()
        return len(found["runs"]) if "runs" in found else 1

    def insert(self, start: dict[str, Any], stop: dict[str, Any]) -> None:
        """Put a run in; on disk when it is answered."""
        pairs = [json.dumps(["start", start]), json.dumps(["stop", stop])]
        headers = {"content-type": "application/x-ndjson"}
        answer = self._http.post(
            "/api/v1/documents", content="\n".join(pairs), headers=headers
        )
        assert answer.json()["accepted"] == 2


def _q(text: str, limit: int = 100) -> str:
    return f"/api/v1/runs?full=true&limit={limit}&q={quote(text)}"


def _named(values: Values) -> str:
    return f"/api/v1/runs/{values[0]}"


_QUIRE: Mapping[str, Callable[[Values], str]] = {
    "newest page of 50": lambda _: "/api/v1/runs?full=true&limit=50",
    "scan_id": _named,
    "full uid": _named,
    "partial uid": _named,
    "-1": lambda _: "/api/v1/runs/-1",
    "time range, 100 hits": lambda ends: _q(
        f"start.time >= {ends[0]} and start.time < {ends[1]}"
    ),
    "nested equality": lambda values: _q(f"sample.name = '{values[0]}'"),
    "four conditions in 1,000 runs": lambda ends: _q(
        f"scan_id in {ends[0]}..{ends[1]} and run_type = physics"
        " and statistics.lumi_recorded > 50 and sample.temperature < 200",
        1000,
    ),
    "text, two common words": lambda _: _q('text ~ "laser copper"'),
}


class Tiled:
    """A stock tiled server; requests are those that its client makes."""

    def __init__(self, url: str) -> None:
        headers = {"Authorization": f"Apikey {KEY}"}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=120.0)

    def ask(self, name: str, values: Values) -> int:
        """Return how many runs a query finds, with metadata."""
        if name == "full uid":
            self._http.get(f"/api/v1/metadata/{values[0]}").raise_for_status()
            return 1
        limit, sort, queries = _TILED[name](values)
        given = {"page[offset]": 0, "page[limit]": limit, "sort": sort}
        params = {**given, **_queries_to_params(*queries)}
        answer = self._http.get("/api/v1/search/", params=params)
        answer.raise_for_status()
        return len(answer.json()["data"])

    def insert(self, start: dict[str, Any], stop: dict[str, Any]) -> None:
        """Put a run's node in."""
        body = {
            "id": start["uid"],
            "structure_family": "container",
            "metadata": {"start": start, "stop": stop},
            "specs": [{"name": "BlueskyRun", "version": "3.0"}],
            "data_sources": [],
        }
        self._http.post("/api/v1/metadata/", json=body).raise_for_status()


# How many, in which order (that of insertion if empty), and which.
_TILED: Mapping[str, Callable[[Values], tuple[int, str, list[Any]]]] = {
    "newest page of 50": lambda _: (50, "-start.time", []),
    "scan_id": lambda values: (1, "-", [_key("start.scan_id") == values[0]]),
    "partial uid": lambda values: (2, "", [tiled.Like("start.uid", f"{values[0]}%")]),
    "-1": lambda _: (1, "-", []),
    "time range, 100 hits": lambda ends: (
        100,
        "",
        [_key("start.time") >= ends[0], _key("start.time") < ends[1]],
    ),
    "nested equality": lambda values: (
        100,
        "-",
        [_key("start.sample.name") == values[0]],
    ),
    "four conditions in 1,000 runs": lambda ends: (
        300,
        "",
        [
            _key("start.scan_id") >= ends[0],
            _key("start.scan_id") <= ends[1],
            _key("start.run_type") == "physics",
            _key("start.statistics.lumi_recorded") > 50,
            _key("start.sample.temperature") < 200,
        ],
    ),
    "text, two common words": lambda _: (100, "", [tiled.FullText("laser copper")]),
}


class Rcdb:
    """RCDB in a process of an environment of its own."""

    def __init__(self, python: Path, database: Path) -> None:
        script = Path(__file__).with_name("rcdb_peer.py")
        self._process = subprocess.Popen(
            [python, script, database],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def say(self, **asked: Any) -> int:
        """Return its answer."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return int(json.loads(self._process.stdout.readline())["hits"])

    def ask(self, name: str, values: Values) -> int:
        """Return how many runs a query finds, with conditions."""
        return self.say(do=name, values=values)

    def insert(self, start: dict[str, Any], stop: dict[str, Any]) -> None:
        """Put a run in with its conditions."""
        self.say(do="insert", runs=[flat(start, stop)])

    def close(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait()


def flat(start: dict[str, Any], stop: dict[str, Any]) -> dict[str, Any]:
    """Return a run as conditions, which are single values."""
    found = {"exit_status": stop["exit_status"]}
    for name, value in start.items():
        inner = value if isinstance(value, dict) else {name: value}
        prefix = f"{name}_" if name == "sample" else ""
        for key, one in inner.items():
            if isinstance(one, int | float | str):
                found[prefix + key] = one
    return found


def documents(run: Run) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return start and stop document of a made-up run."""
    stop = {
        "uid": run.stop_uid,
        "run_start": run.uid,
        "time": run.stop_time,
        "exit_status": run.exit_status,
    }
    return json.loads(run.start or b"{}"), stop


def fill_tiled(folder: Path, count: int) -> None:
    """Put nodes of runs into the table of a catalog."""
    specs = json.dumps([{"name": "BlueskyRun", "version": "3.0"}])
    made = (documents(run) for run in runs(count))
    rows = (
        (start["uid"], json.dumps({"start": start, "stop": stop}), specs)
        for start, stop in made
    )
    with contextlib.closing(sqlite3.connect(folder / "catalog.db")) as db, db:
        db.executemany(
            "INSERT INTO nodes (parent, key, structure_family, metadata, specs)"
            " VALUES (0, ?, 'container', ?, ?)",
            rows,
        )
        db.execute("ANALYZE")


def fill_rcdb(peer: Rcdb, count: int) -> None:
    """Put runs in by blocks."""
    block = []
    for run in runs(count):
        block.append(flat(*documents(run)))
        if len(block) == _BLOCK:
            peer.say(do="fill", runs=block)
            block = []
    if block:
        peer.say(do="fill", runs=block)


def rcdb_python(folder: Path) -> Path | None:
    """Return the Python of a new environment with RCDB, None if it cannot be made."""
    words = [sys.executable, "-m", "venv", str(folder)]
    python = folder / "bin" / "python"
    install = [str(python), "-m", "pip", "install", "--quiet", "rcdb"]
    try:
        subprocess.run(words, check=True, capture_output=True)
        subprocess.run(install, check=True, capture_output=True, timeout=300)
    except (subprocess.SubprocessError, OSError) as error:
        print(f"!!! RCDB CANNOT BE INSTALLED, IT IS LEFT OUT: {error}", file=sys.stderr)
        return None
    return python


def questions(count: int, dice: random.Random) -> dict[str, Callable[[], Values]]:
    """Return the queries, each drawing other values every time."""
    all_runs = list(runs(count))

    def times() -> Values:
        began = all_runs[dice.randrange(max(count - 100, 1))].time or 0.0
        return [began, began + 100 * _SPACING]

    def sample() -> str:
        start, _ = documents(dice.choice(all_runs))
        return str(start["sample"]["name"])

    def thousand() -> Values:
        first = dice.randrange(1, max(count - 1_000, 2))
        return [first, first + 999]

    return {
        "newest page of 50": lambda: [count],
        "scan_id": lambda: [dice.randrange(1, count)],
        "full uid": lambda: [dice.choice(all_runs).uid],
        "partial uid": lambda: [dice.choice(all_runs).uid[:9]],
        "-1": list,
        "time range, 100 hits": times,
        "four conditions in 1,000 runs": thousand,
        "nested equality": lambda: [sample()],
        "text, two common words": list,
    }


def p50(repeat: int, work: Callable[[], int]) -> tuple[float, int]:
    """Return the median in ms, and what the last one found."""
    work()
    times, hits = [], 0
    for _ in range(repeat):
        began = time.perf_counter()
        hits = work()
        times.append((time.perf_counter() - began) * 1e3)
    return statistics.median(times), hits


def compare(systems: dict[str, Asked], count: int, repeat: int) -> None:
    """Print a line a query: each p50, and how many times ours."""
    head = "".join(f"{name + ' ms':>14}{'times':>8}" for name in systems)
    print(f"{'query':32}{head}  hits")
    for name in questions(count, random.Random(3)):  # noqa: S311
        figures: dict[str, float | None] = {}
        found: list[str] = []
        for label, system in systems.items():
            # Each draws the same values.
            draw = questions(count, random.Random(3))[name]  # noqa: S311

            def work(system: Asked = system, draw: Any = draw, name: str = name) -> int:
                return system.ask(name, draw())

            middle, hits = p50(repeat, work)
            figures[label] = None if hits < 0 else middle
            found.append(str(hits) if hits >= 0 else "-")
        line(name, figures, "/".join(found))
    inserts(systems, count)


def inserts(systems: dict[str, Asked], count: int) -> None:
    """Print how long one run more takes, durable."""
    figures: dict[str, float | None] = {}
    like, stop = documents(next(runs(1)))
    for label, system in systems.items():
        numbers = itertools.count(count + 1)

        def work(system: Asked = system, numbers: Iterator[int] = numbers) -> int:
            uid = str(uuid.uuid4())
            same = {**like, "uid": uid, "scan_id": next(numbers)}
            ended = {**stop, "uid": f"stop-{uid}", "run_start": uid}
            system.insert({**same, "time": time.time()}, {**ended, "time": time.time()})
            return 1

        figures[label], _ = p50(_INSERTS, work)
    line("insert one run, durable", figures, "1")


def line(name: str, figures: Mapping[str, float | None], hits: str) -> None:
    """Print one line."""
    ours = next(iter(figures.values())) or 1e-9
    cells = "".join(
        f"{'-':>14}{'':8}" if one is None else f"{one:14.2f}{one / ours:8.1f}"
        for one in figures.values()
    )
    print(f"{name:32}{cells}  {hits}", flush=True)


@contextlib.contextmanager
def served(folder: Path, count: int, *, rcdb: bool) -> Iterator[dict[str, Asked]]:
    """Yield all of them, filled with the same runs."""
    (folder / "quire").mkdir()
    fill(folder / "quire", count)
    with contextlib.ExitStack() as stack:
        server = ServerProcess(folder / "quire")
        server.start()
        stack.callback(server.stop)
        url = stack.enter_context(tiled_server(folder / "tiled"))
        fill_tiled(folder / "tiled", count)
        systems: dict[str, Asked] = {"Quire": Quire(server), "tiled": Tiled(url)}
        python = rcdb_python(folder / "environment") if rcdb else None
        if python is not None:
            peer = Rcdb(python, folder / "rcdb.sqlite")
            stack.callback(peer.close)
            fill_rcdb(peer, count)
            systems["RCDB"] = peer
        yield systems


def main() -> None:
    """Fill, ask, print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=10_000)
    parser.add_argument("--repeat", type=int, default=30)
    parser.add_argument("--no-rcdb", action="store_true")
    given = parser.parse_args()
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    with (
        tempfile.TemporaryDirectory() as name,
        served(Path(name), given.runs, rcdb=not given.no_rcdb) as systems,
    ):
        compare(systems, given.runs, given.repeat)


if __name__ == "__main__":
    main()
