"""The log is worked off and begins anew."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.storage.failing_files import FailingFiles

from quire.errors import StoreUnavailable
from quire.ports.store import Transaction
from quire.runs.run import Run
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.store import SqliteStore
from quire.testing.waiting import PATIENCE

PAGE = 4096
MOST_PAGES = 4 * 1000
RUNS_A_COMMIT = 200


@pytest.fixture
async def bad(tmp_path: Path) -> AsyncIterator[tuple[FailingFiles, SqliteStore]]:
    files = FailingFiles("bad")
    store = await SqliteStore.open(tmp_path, doorbell=LocalDoorbell(), vfs="bad")
    yield files, store
    await store.aclose()
    files.unregister()


class Fill:
    """Puts runs enough for some two hundred pages of the log."""

    def __init__(self, number: int) -> None:
        self.uids = [f"run {number} {one} {'x' * 900}" for one in range(RUNS_A_COMMIT)]

    def __call__(self, tx: Transaction) -> str:
        for uid in self.uids:
            tx.runs.put(Run(uid=uid))
        return self.uids[0]


async def all_there(store: SqliteStore, uids: list[str]) -> bool:
    def missing(tx: Transaction) -> list[str]:
        return [uid for uid in uids if tx.runs.get(uid) is None]

    return not await store.view(missing)


async def test_the_log_begins_anew_under_a_steady_load(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path, doorbell=LocalDoorbell())
    log, largest = tmp_path / "quire.sqlite-wal", 0
    for number in range(60):
        await store.decide(Fill(number))
        largest = max(largest, log.stat().st_size)
    written = (tmp_path / "quire.sqlite").stat().st_size
    assert written > 2 * MOST_PAGES * PAGE
    assert largest < MOST_PAGES * PAGE
    await store.aclose()


async def test_a_database_that_cannot_be_synced_is_said_and_mended(
    bad: tuple[FailingFiles, SqliteStore],
) -> None:
    files, store = bad
    files.database_sync_fails = 2
    done: list[str] = []
    async with asyncio.timeout(PATIENCE):
        while files.database_sync_fails:
            try:
                done.append(await store.decide(Fill(len(done))))
            except StoreUnavailable:
                assert await store.ready() != ""
                await asyncio.sleep(0.01)
        while await store.ready():  # noqa: ASYNC110  # readiness is asked for
            await asyncio.sleep(0.01)
    done.append(await store.decide(Fill(len(done))))
    assert await all_there(store, done)
