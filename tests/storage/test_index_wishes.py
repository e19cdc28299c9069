"""That an index is wished for is heard by who makes it."""

from pathlib import Path

from quire.ports.store import Store
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.postgres.store import PostgresStore
from quire.storage.sqlite.store import SqliteStore
from quire.testing.waiting import PATIENCE


async def _heard(store: Store, doorbell: LocalDoorbell) -> None:
    """See that the wish rings; else it would be looked for again after a minute."""
    try:
        ticket = doorbell.ticket("runs")
        await store.decide(lambda tx: tx.run_index.add("start.sample.t"))
        assert await doorbell.wait("runs", ticket, PATIENCE)
    finally:
        await store.aclose()


async def test_sqlite_rings(tmp_path: Path) -> None:
    doorbell = LocalDoorbell()
    await _heard(await SqliteStore.open(tmp_path, doorbell=doorbell), doorbell)


async def test_postgres_rings(postgres_url: str) -> None:
    doorbell = LocalDoorbell()
    store = await PostgresStore.open(postgres_url, doorbell=doorbell, writers=1)
    await _heard(store, doorbell)
