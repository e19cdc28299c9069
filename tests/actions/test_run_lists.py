"""Frozen lists: what they leave out, and those whose making was cut short."""

import asyncio
import json
import tracemalloc
from collections.abc import AsyncIterator
from pathlib import Path
from typing import TypeVar

import pytest

from quire.access.principals import Principal, Scope
from quire.actions.run_lists import RunLists
from quire.actions.search import Question, Search
from quire.ports.store import Decision, Store, Transaction
from quire.runs.query.parser import QueryParser
from quire.runs.query.registry import FieldRegistry
from quire.runs.run import Run
from quire.runs.run_list import Member, RunList
from quire.runs.searchable import searchable
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.storage.sqlite.store import SqliteStore
from quire.testing.still_clock import StillClock

T = TypeVar("T")
RUNS = 450  # some steps
MANY = 10_050
GATHERED = 12_000
LONG = 5_000  # bytes of a start document
ANN = Principal(name="ann", scopes=frozenset(Scope))


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    opened = await SqliteStore.open(tmp_path, doorbell=LocalDoorbell())
    yield opened
    await opened.aclose()


def made_of(store: Store) -> tuple[Search, RunLists]:
    clock = StillClock(1.8e9)
    search = Search(store, QueryParser(FieldRegistry()), searchable, clock)
    return search, RunLists(store, search, clock)


async def put_runs(store: SqliteStore, count: int) -> None:
    def put(tx: Transaction) -> None:
        for number in range(count):
            tx.runs.put(Run(uid=f"run {number}", owner="ann", time=float(number)))

    await store.decide(put)


async def test_however_many_are_left_out_it_says_how_many(store: SqliteStore) -> None:
    """More than searches count for a page."""
    search, lists = made_of(store)
    await put_runs(store, MANY)
    named = "uid = 'run 3' or sample.name = Cu"
    for query, runs, left_out in (
        ("time >= 0", MANY, 0),
        ("sample.name = Cu", 0, MANY),
        (named, 1, MANY - 1),
        (f"not ({named})", 0, MANY - 1),
    ):
        assert await search.lacking(Question(text=query), ANN) == left_out
        made = await lists.freeze("long", query, ANN, bad=frozenset())
        assert (len(made.members), made.left_out) == (runs, left_out)


async def test_runs_are_let_go_as_they_are_gathered(store: SqliteStore) -> None:
    """So that a list may be longer than memory holds runs."""
    _, lists = made_of(store)
    document = json.dumps({"uid": "u", "time": 1.0, "pad": "x" * LONG}).encode()

    def put(tx: Transaction) -> None:
        for number in range(GATHERED):
            tx.runs.put(
                Run(uid=f"r{number}", owner="ann", time=float(number), start=document)
            )

    await store.decide(put)
    tracemalloc.start()
    try:
        await lists.freeze("long", "time >= 0", ANN, bad=frozenset())
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert most < GATHERED * LONG


async def test_a_list_that_was_cut_short_is_ended(store: SqliteStore) -> None:
    search, lists = made_of(store)
    await put_runs(store, RUNS)
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
    assert [ready for _, ready in await lists.all(ANN)] == [True, False]
    await lists.resume()
    assert [ready for _, ready in await lists.all(ANN)] == [True, True]
    assert await store.view(lambda tx: tx.run_lists.unfinished()) == ()
    for label in ("good@1", "good@2"):
        found = await search.total(Question(text=f'run_lists = "{label}"'), ANN)
        assert found == RUNS
    whole = await lists.get("good", 2, ANN)
    assert (len(whole.members), whole.tagged) == (RUNS, RUNS)


class HeldStore(MemoryStore):
    """Keeps a task named late from deciding until it is let go."""

    waits: asyncio.Event
    go: asyncio.Event
    left: list[tuple[RunList, ...]]

    async def decide(self, decision: Decision[T], *, brief: bool = False) -> T:
        task = asyncio.current_task()
        if task is None or task.get_name() != "late":
            return await super().decide(decision, brief=brief)
        self.waits.set()
        await self.go.wait()
        decided = await super().decide(decision, brief=brief)
        self.left.append(await self.view(lambda tx: tx.run_lists.unfinished()))
        return decided


async def test_who_goes_on_late_with_a_list_takes_nothing_back() -> None:
    """Such as a second server that starts while the first one makes a list."""
    store = HeldStore(doorbell=LocalDoorbell())
    store.waits, store.go, store.left = asyncio.Event(), asyncio.Event(), []
    _, lists = made_of(store)
    members = tuple(Member(uid=f"run {number}") for number in range(RUNS))
    begun = RunList(
        name="good",
        version=1,
        query="",
        author="ann",
        at=0.0,
        members=members,
        data_version="",
    )
    await store.decide(lambda tx: tx.run_lists.put(begun))
    late = asyncio.create_task(lists.resume(), name="late")
    await store.waits.wait()
    await lists.resume()
    store.go.set()
    await late
    assert store.left == [()]
