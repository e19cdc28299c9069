from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quire.ports.doorbell import Doorbell
from quire.ports.store import Store
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.storage.postgres.store import PostgresStore
from quire.storage.sqlite.store import SqliteStore
from quire.testing.contracts.labs import LabsContract, lab


class TestMemoryLabs(LabsContract):
    @pytest.fixture
    def doorbell(self) -> Doorbell:
        return LocalDoorbell()

    @pytest.fixture
    def store(self, doorbell: Doorbell) -> Store:
        return MemoryStore(doorbell=doorbell)


class TestSqliteLabs(LabsContract):
    @pytest.fixture
    def doorbell(self) -> Doorbell:
        return LocalDoorbell()

    @pytest.fixture
    async def store(self, doorbell: Doorbell, tmp_path: Path) -> AsyncIterator[Store]:
        store = await SqliteStore.open(tmp_path, doorbell=doorbell)
        yield store
        await store.aclose()


class TestPostgresLabs(LabsContract):
    @pytest.fixture
    def doorbell(self) -> Doorbell:
        return LocalDoorbell()

    @pytest.fixture
    async def store(
        self, doorbell: Doorbell, postgres_url: str
    ) -> AsyncIterator[Store]:
        store = await PostgresStore.open(postgres_url, doorbell=doorbell)
        yield store
        await store.aclose()


async def test_a_lab_is_there_after_reopening(tmp_path: Path) -> None:
    for _ in range(2):
        store = await SqliteStore.open(tmp_path, doorbell=LocalDoorbell())
        await store.decide(lambda t: t.labs.put(lab("a", "b")))
        await store.aclose()
    store = await SqliteStore.open(tmp_path, doorbell=LocalDoorbell())
    assert await store.view(lambda t: t.labs.all()) == (lab("a", "b"),)
    await store.aclose()
