import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from quire.ports.store import Store
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.storage.sqlite.store import SqliteStore
from quire.testing.contracts.finding import FindingContract


class TestMemoryFinding(FindingContract):
    @staticmethod
    @asynccontextmanager
    async def opened(doorbell: LocalDoorbell) -> AsyncIterator[Store]:
        yield MemoryStore(doorbell=doorbell)


class TestSqliteFinding(FindingContract):
    @staticmethod
    @asynccontextmanager
    async def opened(doorbell: LocalDoorbell) -> AsyncIterator[Store]:
        with tempfile.TemporaryDirectory(prefix="quire-finding-") as folder:
            store = await SqliteStore.open(Path(folder), doorbell=doorbell)
            yield store
            await store.aclose()
