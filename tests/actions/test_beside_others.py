"""What goes through very many runs leaves the loop to others meanwhile."""

import threading
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quire.access.principals import Principal, Scope
from quire.actions.run_lists import RunLists
from quire.actions.search import Question, Search
from quire.ports.run_finder import RunOrder
from quire.ports.store import Transaction
from quire.runs.query.parser import QueryParser
from quire.runs.query.registry import FieldRegistry
from quire.runs.run import Run
from quire.runs.searchable import Searchable, searchable
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.store import SqliteStore
from quire.testing.still_clock import StillClock

RUNS = 2_100  # some blocks
PLACES = 3  # one of each block is described for where the next one begins
ANN = Principal(name="ann", scopes=frozenset(Scope))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(tmp_path, doorbell=LocalDoorbell())

    def put(tx: Transaction) -> None:
        for number in range(RUNS):
            tx.runs.put(Run(uid=f"run {number}", owner="ann", time=float(number)))

    await opened.decide(put)
    yield opened
    await opened.aclose()


class Watched:
    """Describes runs, and counts those that are described on the loop."""

    def __init__(self) -> None:
        self._loop = threading.get_ident()
        self.on_the_loop = 0
        self.beside = 0

    def __call__(self, run: Run) -> Searchable:
        if threading.get_ident() == self._loop:
            self.on_the_loop += 1
        else:
            self.beside += 1
        return searchable(run)


def search_of(store: SqliteStore, describe: Watched) -> Search:
    parser = QueryParser(FieldRegistry())
    return Search(store, parser, describe, StillClock(1.8e9))


async def test_an_export_describes_runs_beside_the_loop(store: SqliteStore) -> None:
    describe = Watched()
    search = search_of(store, describe)
    names = ("uid", "time")
    blocks = await search.export(Question(), names, ANN, order=RunOrder.OLDEST)
    rows = [row async for some in blocks for row in some]
    assert rows == [[f"run {number}", float(number)] for number in range(RUNS)]
    assert describe.beside == RUNS
    assert describe.on_the_loop <= PLACES


async def test_a_list_is_gathered_beside_the_loop(store: SqliteStore) -> None:
    describe = Watched()
    lists = RunLists(store, search_of(store, describe), StillClock(1.8e9))
    made = await lists.freeze("all", "", ANN, bad=frozenset())
    assert len(made.members) == RUNS
    assert describe.beside == RUNS
    assert describe.on_the_loop <= PLACES
