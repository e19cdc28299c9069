"""Documents into Quire, and through TiledWriter into a tiled server, in one run.

python benchmarks/documents_vs_tiled.py [EVENTS]

Both servers are real, local and processes of their own, tiled's with catalog and tables
in SQLite. Ours acknowledges what is on disk. Read the ratios; the targets are those of
the documents issue. TiledWriter's rate with one event a batch falls as its table grows.
"""

import contextlib
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

from quire.testing.bench_documents import BenchClient, bodies_of, pages_of, run_of
from quire.testing.campaigns.clients import Item
from quire.testing.campaigns.server import ServerProcess
from quire.testing.tiled_server import KEY, tiled_server

LIVE_EVENTS = 2000
PEER_LIVE_EVENTS = 100
RUNS = 500
PEER_RUNS = 20
EVENTS_A_RUN = 10


def rate(count: int, work: Callable[[], object]) -> float:
    """Return how many a second."""
    begun = time.perf_counter()
    work()
    return count / (time.perf_counter() - begun)


def show(label: str, ours: float, peer: float, target: float, unit: str) -> None:
    """Print a line."""
    told = "met" if ours / peer >= target else "MISSED"
    print(
        f"{label:36} ours {ours:9,.0f} {unit}/s  TiledWriter {peer:7,.0f}"
        f"  {ours / peer:7.1f} times (target {target:.0f}: {told})",
        flush=True,
    )


def best(times: int, measure: Callable[[], float]) -> float:
    """Return the best of several rates: the machine is not ours alone."""
    return max(measure() for _ in range(times))


class Ours:
    """Measures Quire."""

    def __init__(self, server: ServerProcess) -> None:
        self._client = BenchClient(server)

    def events(self, count: int, size: int, *, paged: bool = False) -> float:
        """Return events a second in requests of so many; the whole run counts."""
        opening, events, stop = run_of(count)
        middle = pages_of(events, size) if paged else events
        bodies = bodies_of(middle, 1 if paged else size)
        around = [bodies_of(opening, 2), bodies, bodies_of(stop, 1)]
        return rate(count, partial(self._send, around))

    def runs(self, count: int) -> float:
        """Return runs a second, a request each."""
        size = EVENTS_A_RUN + 3
        bodies = [
            bodies_of([item for part in run_of(EVENTS_A_RUN) for item in part], size)[0]
            for _ in range(count)
        ]
        return rate(count, lambda: self._client.send(bodies))

    def _send(self, parts: Iterable[list[bytes]]) -> None:
        for part in parts:
            self._client.send(part)


class Peer:
    """Measures TiledWriter."""

    def __init__(self, url: str) -> None:
        self._url = url

    def events(
        self, count: int, *, batch: int | None = None, page: int | None = None
    ) -> float:
        """Return events a second; the whole run counts."""
        opening, events, stop = run_of(count)
        middle = pages_of(events, page) if page else events
        write = self._writer(batch)
        return rate(count, lambda: feed(write, [*opening, *middle, *stop]))

    def runs(self, count: int) -> float:
        """Return runs a second."""
        write = self._writer(None)
        runs = [
            [item for part in run_of(EVENTS_A_RUN) for item in part]
            for _ in range(count)
        ]
        return rate(count, lambda: feed(write, chain.from_iterable(runs)))

    def _writer(self, batch: int | None) -> Callable[[str, Any], object]:
        from bluesky_tiled_plugins import TiledWriter  # type: ignore[import-untyped]
        from tiled.client import from_uri  # type: ignore[import-untyped]

        options: dict[str, Any] = {} if batch is None else {"batch_size": batch}
        writer: Callable[[str, Any], object] = TiledWriter(
            from_uri(self._url, api_key=KEY), **options
        )
        return writer


def feed(write: Callable[[str, Any], object], items: Iterable[Item]) -> None:
    """Hand documents over as a RunEngine would."""
    for name, doc in items:
        write(name, doc)


@contextlib.contextmanager
def both(folder: Path) -> Iterator[tuple[Ours, Peer]]:
    """Yield both, serving."""
    server = ServerProcess(folder / "quire")
    server.start()
    try:
        with tiled_server(folder / "tiled") as url:
            yield Ours(server), Peer(url)
    finally:
        server.stop()


def main(count: int) -> None:
    """Print a line a case."""
    print(f"{os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}")
    with tempfile.TemporaryDirectory() as name, both(Path(name)) as (ours, peer):
        ours.events(1000, 100)
        peer.events(100)
        live = best(2, lambda: ours.events(LIVE_EVENTS, 1))
        show(
            "one event a request",
            live,
            peer.events(PEER_LIVE_EVENTS, batch=1),
            100,
            "events",
        )
        whole = peer.events(count)
        for size in (100, 1000):
            batched = best(3, partial(ours.events, count, size))
            show(f"{count:,} events, {size} a request", batched, whole, 30, "events")
        paged = best(3, lambda: ours.events(count, 1000, paged=True))
        show(
            f"{count:,} events in pages of 1,000",
            paged,
            peer.events(count, page=1000),
            30,
            "events",
        )
        runs = best(2, lambda: ours.runs(RUNS))
        show("runs of ten events", runs, peer.runs(PEER_RUNS), 150, "runs")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10_000)
