"""Fills the store until a file size limit or the disk stops it, then goes on.

python full_program.py FOLDER BYTES

With BYTES = 0 the disk itself is what ends. Prints one JSON object.
"""

import asyncio
import functools
import json
import resource
import sys
from pathlib import Path

from quire.errors import StoreFull
from quire.ports.store import Transaction
from quire.runs.run import Run
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.store import SqliteStore


def keep(transaction: Transaction, run: Run) -> None:
    transaction.runs.put(run)


def limit(size: int) -> None:
    _, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))


async def fill(store: SqliteStore) -> tuple[list[str], list[str]]:
    kept: list[str] = []
    refused: list[str] = []
    for number in range(4000):
        run = Run(uid=f"run {number}", start=b"{}" + b" " * 20_000)
        try:
            await store.decide(functools.partial(keep, run=run))
        except StoreFull:
            refused.append(run.uid)
            if len(refused) == 5:
                break
        else:
            kept.append(run.uid)
    return kept, refused


async def main(folder: Path, size: int) -> None:
    store = await SqliteStore.open(folder, doorbell=LocalDoorbell())
    ballast = folder / "ballast"
    if size:
        limit(size)
    else:
        ballast.write_bytes(bytes(2**20))
    kept, refused = await fill(store)
    ready = await store.ready()
    if size:
        limit(resource.RLIM_INFINITY)
    else:
        ballast.unlink()
    after = Run(uid="after", start=b"{}" + b" " * 20_000)
    await store.decide(functools.partial(keep, run=after))
    found = [
        uid
        for uid in [*kept, *refused, "after"]
        if await store.view(functools.partial(_has, uid=uid))
    ]
    await store.aclose()
    told = {"kept": kept, "refused": refused, "ready": ready, "found": found}
    sys.stdout.write(json.dumps(told))


def _has(transaction: Transaction, uid: str) -> bool:
    return transaction.runs.get(uid) is not None


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), int(sys.argv[2])))
