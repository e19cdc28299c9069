from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quire.ports.doorbell import Doorbell
from quire.ports.store import Store
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.storage.sqlite.store import SqliteStore
from quire.testing.contracts.saved_queries import SavedQueriesContract, query


class TestMemorySavedQueries(SavedQueriesContract):
    @pytest.fixture
    def doorbell(self) -> Doorbell:
        return LocalDoorbell()

    @pytest.fixture
    def store(self, doorbell: Doorbell) -> Store:
        return MemoryStore(doorbell=doorbell)


class TestSqliteSavedQueries(SavedQueriesContract):
    @pytest.fixture
    def doorbell(self) -> Doorbell:
        return LocalDoorbell()

    @pytest.fixture
    async def store(self, doorbell: Doorbell, tmp_path: Path) -> AsyncIterator[Store]:
        store = await SqliteStore.open(tmp_path, doorbell=doorbell)
        yield store
        await store.aclose()


async def test_what_was_saved_is_there_after_reopening(tmp_path: Path) -> None:
    for _ in range(2):
        store = await SqliteStore.open(tmp_path, doorbell=LocalDoorbell())
        await store.decide(lambda t: t.saved_queries.put(query("a", "q")))
        await store.aclose()
    store = await SqliteStore.open(tmp_path, doorbell=LocalDoorbell())
    found = await store.view(lambda t: t.saved_queries.versions("a", "q", 9))
    await store.aclose()
    assert found == (query("a", "q"),)
