from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quire.ports.store import Store
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.store import SqliteStore


@pytest.fixture
def doorbell() -> LocalDoorbell:
    return LocalDoorbell()


@pytest.fixture
async def store(tmp_path: Path, doorbell: LocalDoorbell) -> AsyncIterator[Store]:
    store = await SqliteStore.open(tmp_path / "own", doorbell=doorbell)
    yield store
    await store.aclose()
