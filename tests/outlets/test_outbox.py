from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quire.ports.store import Store
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.storage.sqlite.store import SqliteStore
from quire.testing.outlet_contract import OutboxContract


class TestMemoryOutbox(OutboxContract):
    @pytest.fixture
    def store(self) -> Store:
        return MemoryStore(doorbell=LocalDoorbell())


class TestSqliteOutbox(OutboxContract):
    @pytest.fixture
    async def store(self, tmp_path: Path) -> AsyncIterator[Store]:
        store = await SqliteStore.open(tmp_path, doorbell=LocalDoorbell())
        yield store
        await store.aclose()
