"""Frozen lists whose making was cut short."""

from pathlib import Path

from quire.access.principals import Principal, Scope
from quire.actions.run_lists import RunLists
from quire.actions.search import Question, Search
from quire.ports.store import Transaction
from quire.runs.query.parser import QueryParser
from quire.runs.query.registry import FieldRegistry
from quire.runs.run import Run
from quire.runs.run_list import RunList
from quire.runs.searchable import searchable
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.store import SqliteStore
from quire.testing.still_clock import StillClock

RUNS = 450  # some steps
ANN = Principal(name="ann", scopes=frozenset(Scope))


async def test_a_list_that_was_cut_short_is_ended(tmp_path: Path) -> None:
    store = await SqliteStore.open(tmp_path, doorbell=LocalDoorbell())
    clock = StillClock(1.8e9)
    search = Search(store, QueryParser(FieldRegistry()), searchable, clock)
    lists = RunLists(store, search, clock)

    def put(tx: Transaction) -> None:
        for number in range(RUNS):
            tx.runs.put(Run(uid=f"run {number}", owner="ann", time=float(number)))

    await store.decide(put)
    made = await lists.freeze("good", "time >= 0", ANN, bad=frozenset())

    def cut(tx: Transaction) -> None:
        """Leave what a server leaves that dies at the first of a version's members."""
        tx.run_lists.put(
            RunList(
                name="good",
                version=2,
                query=made.query,
                author=made.author,
                at=made.at,
                members=made.members,
                data_version=made.data_version,
            )
        )

    await store.decide(cut)
    await lists.resume()
    assert await store.view(lambda tx: tx.run_lists.unfinished()) == ()
    for label in ("good@1", "good@2"):
        found = await search.total(Question(text=f'run_lists = "{label}"'), ANN)
        assert found == RUNS
    whole = await lists.get("good", 2, ANN)
    assert (len(whole.members), whole.tagged) == (RUNS, RUNS)
    await store.aclose()
