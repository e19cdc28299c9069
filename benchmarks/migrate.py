"""Moving runs from SQLite to PostgreSQL, and each compared at the end.

Usage: python -m benchmarks.migrate [--runs 1000000] [--folder DIR] [--database URL]

The folder is filled once with made-up runs and kept if it is named. Without a database
a PostgreSQL server is started, in a folder that is deleted at the end.
"""

import argparse
import asyncio
import contextlib
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from quire.documents.names import DocumentName
from quire.ports.document_records import Arrival
from quire.ports.store import Transaction
from quire.progress.event import info
from quire.progress.log import Head, append
from quire.runs.run import Run
from quire.runs.searchable import searchable
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.moving.move import move
from quire.storage.moving.places import open_side
from quire.storage.moving.sides import Destination
from quire.storage.sqlite.store import SqliteStore
from quire.testing.made_up.runs import runs
from quire.testing.postgres.server import PostgresServer

_BLOCK = 2_000


async def fill(folder: Path, count: int) -> None:
    """Put so many runs into a folder, each with four documents and a progress log."""
    store = await SqliteStore.open(folder, doorbell=LocalDoorbell())
    source = runs(count)
    for first in range(0, count, _BLOCK):
        block = [next(source) for _ in range(min(_BLOCK, count - first))]
        await store.decide(lambda tx, block=block: _put(tx, block))  # type: ignore[misc]
    await store.aclose()


def _put(tx: Transaction, block: Sequence[Run]) -> None:
    for number, run in enumerate(block):
        start, *rest = _documents(run, number)
        tx.documents.append(run.uid, [start])
        tx.documents.append(run.uid, rest)
        tx.runs.put(run)
        head, entry = append(
            Head(operation=run.uid), info("begins"), at=run.time or 0.0
        )
        if entry is not None:
            tx.progress.append(head, entry)


def _documents(run: Run, number: int) -> Iterator[Arrival]:
    yield Arrival(
        name=DocumentName.START, raw=run.start or b"", keys=(1,), anchor=run.uid
    )
    page = b'{"descriptor": "d", "uid": "%d", "data": [%s]}' % (number, b"1.25, " * 250)
    yield Arrival(
        name=DocumentName.DESCRIPTOR, raw=page[:900], keys=(2,), anchor=f"d-{run.uid}"
    )
    yield Arrival(name=DocumentName.EVENT_PAGE, raw=page, keys=tuple(range(3, 103)))
    yield Arrival(name=DocumentName.STOP, raw=page[:200], keys=(103,))


@contextlib.contextmanager
def database(url: str, folder: Path) -> Iterator[str]:
    """Give a database; one of our own if none is named."""
    if url:
        yield url
        return
    with (
        PostgresServer(folder / "pg", _SETTINGS) as server,
        server.database("q") as own,
    ):
        yield own


# A server's defaults are for machines of long ago.
_SETTINGS = ("shared_buffers=1GB", "max_wal_size=8GB", "maintenance_work_mem=256MB")


def main() -> None:
    """Fill, move, tell."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=1_000_000)
    parser.add_argument("--folder", type=Path)
    parser.add_argument("--database", default="")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(dir="/var/tmp") as temporary:
        Path(temporary).chmod(0o755)
        folder = given.folder or Path(temporary) / "store"
        if not folder.exists():
            asyncio.run(fill(folder, given.runs))
        with database(given.database, Path(temporary)) as url:
            source = open_side(str(folder), searchable, writing=False)
            target = open_side(url, searchable, writing=True)
            _move(source, target, given.runs)


def _move(source: Destination, target: Destination, count: int) -> None:
    told: dict[str, float] = {}
    began = time.perf_counter()
    last = began

    def tell(kind: str, _: int) -> None:
        nonlocal last
        now = time.perf_counter()
        told[kind] = told.get(kind, 0.0) + now - last
        last = now

    moved = move(source, target, told=tell, waiting=print, wait=0.0)
    seconds = time.perf_counter() - began
    for kind, spent in sorted(told.items(), key=lambda item: -item[1])[:6]:
        print(f"{kind:16} {spent:8.1f} s")
    rows = sum(one.rows for one in moved.kinds)
    print(
        f"moved and compared: {count} runs, {rows} rows in {seconds:.1f} s"
        f" ({count / seconds:.0f} runs/s; target 1667)"
    )


if __name__ == "__main__":
    main()
