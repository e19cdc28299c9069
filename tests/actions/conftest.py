"""Stores, a clock that stands still, and principals."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quire.access.principals import Principal, Scope
from quire.actions.ingest import Ingest
from quire.documents.validation import Validator
from quire.ports.store import Store
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.storage.postgres.store import PostgresStore
from quire.storage.sqlite.store import SqliteStore
from quire.testing.postgres.choosing import stores_under_test
from quire.testing.still_clock import StillClock

NDJSON = "application/x-ndjson"


@pytest.fixture
def clock() -> StillClock:
    return StillClock(1_800_000_000.0)


@pytest.fixture
def doorbell() -> LocalDoorbell:
    return LocalDoorbell()


@pytest.fixture(params=stores_under_test())
async def store(
    request: pytest.FixtureRequest, tmp_path: Path, doorbell: LocalDoorbell
) -> AsyncIterator[Store]:
    made: Store
    if request.param == "memory":
        made = MemoryStore(doorbell=doorbell)
    elif request.param == "postgres":
        url = request.getfixturevalue("postgres_url")
        made = await PostgresStore.open(url, doorbell=doorbell)
    else:
        made = await SqliteStore.open(tmp_path, doorbell=doorbell)
    yield made
    await made.aclose()


@pytest.fixture
def staff() -> Principal:
    return Principal(name="staff", scopes=frozenset({Scope.ADMIN_ALL}))


@pytest.fixture
def visitor() -> Principal:
    scopes = frozenset({Scope.RUNS_READ, Scope.RUNS_INGEST, Scope.JOBS_RUN})
    return Principal(name="visitor", scopes=scopes)


@pytest.fixture(scope="session")
def validator() -> Validator:
    return Validator()


@pytest.fixture
def ingest(store: Store, clock: StillClock, validator: Validator) -> Ingest:
    return Ingest(store, validator, clock, lease=600.0)
