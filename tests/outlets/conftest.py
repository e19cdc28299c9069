from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quire.ports.store import Store
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.postgres.store import PostgresStore
from quire.storage.sqlite.store import SqliteStore
from quire.testing.postgres.choosing import on_postgres


@pytest.fixture
def doorbell() -> LocalDoorbell:
    return LocalDoorbell()


@pytest.fixture
async def store(
    tmp_path: Path, doorbell: LocalDoorbell, request: pytest.FixtureRequest
) -> AsyncIterator[Store]:
    store: Store
    if on_postgres():
        url = request.getfixturevalue("postgres_url")
        store = await PostgresStore.open(url, doorbell=doorbell)
    else:
        store = await SqliteStore.open(tmp_path / "own", doorbell=doorbell)
    yield store
    await store.aclose()
