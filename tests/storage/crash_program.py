"""Appends documents and tells on stdout which are acknowledged; meant to be killed.

python crash_program.py FOLDER commit|early
"""

import asyncio
import functools
import itertools
import os
import sys
import uuid
from pathlib import Path

from quire.documents.names import DocumentName
from quire.ports.document_records import Arrival
from quire.ports.store import Transaction
from quire.runs.run import Run
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.store import SqliteStore

CLIENTS = 8


def keep(transaction: Transaction, uid: str) -> None:
    raw = b'{"uid":"%s"}' % uid.encode()
    arrival = Arrival(name=DocumentName.START, raw=raw, keys=(hash(uid),))
    transaction.documents.append(uid, [arrival])
    transaction.runs.put(Run(uid=uid, start=raw))


def acknowledge(uid: str) -> None:
    os.write(1, uid.encode() + b"\n")


async def honest(store: SqliteStore) -> None:
    for _ in itertools.count():
        uid = str(uuid.uuid4())
        await store.decide(functools.partial(keep, uid=uid))
        acknowledge(uid)


async def early(store: SqliteStore) -> None:
    """Acknowledge before the commit: the control that must lose."""
    for _ in itertools.count():
        uid = str(uuid.uuid4())
        commit = asyncio.ensure_future(store.decide(functools.partial(keep, uid=uid)))
        acknowledge(uid)
        await commit


async def main(folder: str, mode: str) -> None:
    store = await SqliteStore.open(Path(folder), doorbell=LocalDoorbell())
    client = {"commit": honest, "early": early}[mode]
    await asyncio.gather(*(client(store) for _ in range(CLIENTS)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
