"""Runs of SQLite described anew behind a server that goes on."""

from pathlib import Path
from typing import Any

import apsw
from tests.storage.test_postgres_finding import a_run, compare

from quire.ports.run_finder import RunOrder, Selection
from quire.ports.store import Transaction
from quire.runs.query.tree import Tree
from quire.runs.run import Run
from quire.runs.searchable import Searchable, searchable
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.store import FILE_NAME, SqliteStore

COUNT = 250


def red(run: Run) -> Searchable:
    """Describe a run by one field more, and by other facets."""
    found = searchable(run)
    return Searchable(leaves={**found.leaves, "colour": ("red",)}, facets=(("f", "x"),))


def feed(tx: Transaction) -> int:
    return tx.run_index.feed(1000)


def found(tx: Transaction, where: Tree) -> int:
    return len(tx.finder.page(Selection(where=where), RunOrder.NEWEST, None, 1000))


def outdated(folder: Path) -> Any:
    connection = apsw.Connection(str(folder / FILE_NAME))
    try:
        rows = connection.execute("SELECT count(*) FROM run WHERE stale > 0")
        return rows.fetchall()[0][0]
    finally:
        connection.close()


async def test_runs_are_described_anew_some_at_a_time(tmp_path: Path) -> None:
    first = await SqliteStore.open(tmp_path, doorbell=LocalDoorbell())

    def fill(tx: Transaction) -> None:
        tx.run_index.described_as("1")
        for number in range(COUNT):
            tx.runs.put(a_run(f"run {number:04}", plan_name="scan", time=1e9 + number))

    await first.decide(fill)
    while await first.decide(feed):
        pass
    await first.aclose()

    store = await SqliteStore.open(tmp_path, doorbell=LocalDoorbell(), describe=red)
    await store.decide(lambda tx: tx.run_index.described_as("2"))
    assert outdated(tmp_path) == 0  # all of them would have to be looked through
    rounds = 0
    while await store.decide(feed):
        rounds += 1
        assert outdated(tmp_path) <= 101
        late = a_run(f"late {rounds}", plan_name="scan", time=2e9 + rounds)
        await store.decide(lambda tx, run=late: tx.runs.put(run))  # type: ignore[misc]
        if rounds == 6:
            break
    while await store.decide(feed):
        pass
    assert outdated(tmp_path) == 0
    every = compare("colour", "red")
    assert await store.view(lambda tx: found(tx, every)) == COUNT + rounds

    def facets(tx: Transaction) -> Any:
        return tx.finder.facets(("f", "plan_name"), None, 9)

    counted = await store.view(facets)
    assert [(one.value, one.runs) for one in counted["f"]] == [("x", COUNT + rounds)]
    assert counted["plan_name"] == ()
    await store.aclose()
