"""A store for the time of one piece of work."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TypeVar

from quire.ports.store import Store
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.postgres.store import PostgresStore
from quire.storage.sqlite.store import SqliteStore

T = TypeVar("T")


def using(place: str | Path, work: Callable[[Store], Awaitable[T]]) -> T:
    """Run work that awaits nothing but one store, opened for it alone."""

    async def run() -> T:
        doorbell = LocalDoorbell()
        store: Store
        if isinstance(place, Path):
            store = await SqliteStore.open(place, doorbell=doorbell)
        else:
            store = await PostgresStore.open(place, doorbell=doorbell)
        try:
            return await work(store)
        finally:
            await store.aclose()

    return asyncio.run(run())
