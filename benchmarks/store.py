"""Durable decisions a second, beside bare single-row commits of the same disk.

python benchmarks/store.py [SECONDS]

Absolute figures say more about the disk than about us; read the ratios.
"""

import asyncio
import functools
import itertools
import sys
import tempfile
import time
import uuid
from pathlib import Path

import apsw

from quire.documents.names import DocumentName
from quire.ports.document_records import Arrival
from quire.ports.store import Transaction
from quire.runs.run import Run
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.store import SqliteStore

RAW = b'{"plan_name":"scan","motors":["m1"],"pad":"' + b"x" * 900 + b'"}'


def bare(folder: Path, seconds: float) -> float:
    """Return single-row FULL commits a second of one bare apsw connection."""
    connection = apsw.Connection(str(folder / "bare.sqlite"))
    connection.pragma("journal_mode", "wal")
    connection.pragma("synchronous", 2)
    connection.execute("CREATE TABLE t (id INTEGER PRIMARY KEY, body BLOB)")
    begin = time.perf_counter()
    done, elapsed = 0, 0.0
    while elapsed < seconds:
        connection.execute("INSERT INTO t (body) VALUES (?)", (RAW,))
        done += 1
        elapsed = time.perf_counter() - begin
    connection.close()
    return done / elapsed


def keep(transaction: Transaction, uid: str, number: int) -> None:
    """Do what a start document costs: the bytes, an anchor, the run, its indexes."""
    arrival = Arrival(name=DocumentName.START, raw=RAW, keys=(number,), anchor=uid)
    transaction.documents.append(uid, [arrival])
    run = Run(uid=uid, start=RAW, time=float(number), scan_id=number, owner="me")
    transaction.runs.put(run)


async def ours(folder: Path, seconds: float, clients: int) -> float:
    """Return durable decisions a second with so many clients that each wait."""
    store = await SqliteStore.open(folder / f"{clients}", doorbell=LocalDoorbell())
    numbers = itertools.count(1)
    begin = time.perf_counter()

    async def client() -> int:
        done = 0
        while time.perf_counter() - begin < seconds:
            number, uid = next(numbers), str(uuid.uuid4())
            await store.decide(functools.partial(keep, uid=uid, number=number))
            done += 1
        return done

    done = sum(await asyncio.gather(*(client() for _ in range(clients))))
    elapsed = time.perf_counter() - begin
    await store.aclose()
    return done / elapsed


def main(seconds: float) -> None:
    """Print a line a case."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        base = bare(folder, seconds)
        print(f"bare apsw, one row a commit     {base:9,.0f}/s   1.00")
        for clients in (1, 64, 1000):
            rate = asyncio.run(ours(folder, seconds, clients))
            print(
                f"decisions, {clients:4} waiting clients {rate:9,.0f}/s"
                f"   {rate / base:.2f}"
            )


if __name__ == "__main__":
    main(float(sys.argv[1]) if len(sys.argv) > 1 else 3.0)
