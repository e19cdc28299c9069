"""Runs put into a store in bulk: as if decisions had put them there."""

import asyncio
from pathlib import Path
from typing import Any

import apsw
import pytest

from quire.actions.index_runs import RunIndexer
from quire.ports.store import Transaction
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.store import FILE_NAME, SqliteStore
from quire.testing.made_up.filling import fill
from quire.testing.made_up.runs import BLOCK, runs

_COUNT = 300
_TERMS = (
    "CREATE VIRTUAL TABLE temp.term USING fts5vocab('main', 'run_term', 'instance')"
)


async def _decided(folder: Path, *, small: bool) -> None:
    doorbell = LocalDoorbell()
    store = await SqliteStore.open(folder, doorbell=doorbell)

    def put(tx: Transaction) -> None:
        for run in runs(_COUNT, small=small):
            tx.runs.put(run)

    await store.decide(put)
    await RunIndexer(store, doorbell, version="as tested").feed_all()
    await store.aclose()


def _tables(folder: Path) -> dict[Any, list[Any]]:
    connection = apsw.Connection(str(folder / FILE_NAME))
    try:
        connection.execute(_TERMS)
        names = connection.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table'"
            " AND (name NOT LIKE 'run_term%' OR name = 'run_term_config')"
        ).fetchall()
        found = {
            # Names of our own tables.
            name: sorted(connection.execute(f'SELECT * FROM "{name}"'), key=repr)  # noqa: S608
            for (name,) in names
        }
        found["term"] = connection.execute("SELECT * FROM temp.term").fetchall()
        check = connection.execute("PRAGMA integrity_check").fetchall()
        assert check == [("ok",)]
        return found
    finally:
        connection.close()


@pytest.mark.parametrize("small", [False, True])
def test_bulk_makes_the_tables_that_decisions_make(
    tmp_path: Path,
    small: bool,
) -> None:
    asyncio.run(_decided(tmp_path / "decided", small=small))
    fill(tmp_path / "bulk", _COUNT, "as tested", small=small, processes=1)
    decided, bulk = _tables(tmp_path / "decided"), _tables(tmp_path / "bulk")
    assert len(bulk["run"]) == _COUNT
    assert len(bulk["term"]) > 20 * _COUNT
    assert bulk.keys() == decided.keys()
    for name, rows in decided.items():
        assert bulk[name] == rows, name


def test_a_folder_is_filled_up(tmp_path: Path) -> None:
    fill(tmp_path / "once", BLOCK + _COUNT, "as tested", processes=2)
    fill(tmp_path / "twice", BLOCK, "as tested", processes=1)
    fill(tmp_path / "twice", BLOCK + _COUNT, "as tested", processes=1)
    once, twice = _tables(tmp_path / "once"), _tables(tmp_path / "twice")
    assert len(once["run"]) == BLOCK + _COUNT
    assert all(twice[name] == rows for name, rows in once.items())


def test_a_store_filled_in_bulk_goes_on(tmp_path: Path) -> None:
    fill(tmp_path, _COUNT, "as tested", processes=1)

    async def more() -> int:
        doorbell = LocalDoorbell()
        store = await SqliteStore.open(tmp_path, doorbell=doorbell)
        last = list(runs(_COUNT + 5))[_COUNT:]

        def put(tx: Transaction) -> None:
            for run in last:
                tx.runs.put(run)

        await store.decide(put)
        fed = await RunIndexer(store, doorbell, version="as tested").feed_all()
        await store.aclose()
        return fed

    assert asyncio.run(more()) == 5
