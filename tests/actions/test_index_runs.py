"""The feeding of the indexes, beside a writer that never rests."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TypeVar

import pytest

from quire.access.principals import Principal
from quire.actions.index_runs import RunIndexer
from quire.actions.ingest import Ingest
from quire.clock import SystemClock
from quire.documents.validation import Validator
from quire.ports.store import Store, Transaction
from quire.runs.run import Run
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.store import SqliteStore
from quire.testing.documents import as_ndjson, document, make_uid

NDJSON = "application/x-ndjson"
T = TypeVar("T")


class Counting:
    """A store that counts the decisions made through it."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.decided = 0
        self.ready, self.aclose, self.view = store.ready, store.aclose, store.view

    async def decide(
        self, decision: Callable[[Transaction], T], *, brief: bool = False
    ) -> T:
        self.decided += 1
        return await self._store.decide(decision, brief=brief)


@pytest.fixture
async def sqlite(tmp_path: Path, doorbell: LocalDoorbell) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(tmp_path, doorbell=doorbell)
    yield store
    await store.aclose()


async def test_runs_that_keep_coming_are_fed_together(
    sqlite: SqliteStore, doorbell: LocalDoorbell, staff: Principal, validator: Validator
) -> None:
    ingest = Ingest(sqlite, validator, SystemClock(), lease=600.0)
    counted = Counting(sqlite)
    indexer = RunIndexer(counted, doorbell, version="as tested")
    begun = time.monotonic()
    feeding = asyncio.create_task(indexer.run())
    try:
        while counted.decided < 5:
            number = time.monotonic()
            body = {"uid": make_uid("fed", number), "time": number}
            await ingest(as_ndjson([document("start", body)]), NDJSON, staff)
            # A writer of some two hundred runs a second.
            await asyncio.sleep(0.005)
    finally:
        feeding.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await feeding
    # Between two of them it gathers, however fast or slow this machine is.
    assert time.monotonic() - begun >= 4 * 0.25
    await indexer.feed_all()
    assert await indexer.feed_all() == 0


async def test_the_log_says_until_when_runs_are_found_as_before(
    sqlite: SqliteStore, doorbell: LocalDoorbell, caplog: pytest.LogCaptureFixture
) -> None:
    await RunIndexer(sqlite, doorbell, version="1").feed_all()
    await sqlite.decide(lambda tx: tx.runs.put(Run(uid="a", owner="ann", time=1.0)))
    await RunIndexer(sqlite, doorbell, version="1").feed_all()
    assert caplog.messages == []
    assert await sqlite.decide(lambda tx: tx.run_index.described_as("2"))
    # As after a restart in the middle of it.
    await RunIndexer(sqlite, doorbell, version="2").feed_all()
    begun, done = caplog.messages
    assert "described them before" in begun
    assert done == "all runs are described anew"
    assert not await sqlite.decide(lambda tx: tx.run_index.described_as("2"))
