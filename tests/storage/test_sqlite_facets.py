"""Counters that are gathered over a commit: exact whatever becomes of its decisions."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quire.ports.store import Transaction
from quire.runs.run import Run
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite import connection as connections
from quire.storage.sqlite.facets import Facets, packed
from quire.storage.sqlite.store import FILE_NAME, SqliteStore


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(tmp_path, doorbell=LocalDoorbell())
    yield store
    await store.aclose()


def run(number: int, plan: str = "scan") -> Run:
    start = b'{"uid":"u%d","time":1.0,"plan_name":"%b"}' % (number, plan.encode())
    return Run(uid=f"u{number}", owner="me", time=1.0, plan_name=plan, start=start)


def plans(tx: Transaction) -> dict[object, int]:
    found = tx.finder.facets(("plan_name",), None, 10)["plan_name"]
    return {each.value: each.runs for each in found}


async def test_a_decision_that_fails_counts_for_nothing(store: SqliteStore) -> None:
    async def put(number: int) -> None:
        def decide(tx: Transaction) -> None:
            tx.runs.put(run(number))
            if number % 3 == 0:
                raise ValueError(number)

        await store.decide(decide)

    done = await asyncio.gather(*map(put, range(30)), return_exceptions=True)
    assert sum(isinstance(one, ValueError) for one in done) == 10
    assert await store.view(plans) == {"scan": 20}


async def test_a_decision_sees_what_it_and_others_have_counted(
    store: SqliteStore,
) -> None:
    def decide(tx: Transaction) -> tuple[dict[object, int], ...]:
        tx.runs.put(run(1))
        first = plans(tx)
        tx.runs.put(run(1, "count"))
        return first, plans(tx)

    assert await store.decide(decide) == ({"scan": 1}, {"count": 1})
    assert await store.view(plans) == {"count": 1}


async def test_a_decision_that_looked_and_failed_takes_no_other_with_it(
    store: SqliteStore,
) -> None:
    def looks(tx: Transaction) -> None:
        tx.runs.put(run(2))
        plans(tx)
        raise ValueError

    async def puts(number: int) -> None:
        await store.decide(lambda tx: tx.runs.put(run(number)))

    failing = store.decide(looks)
    await asyncio.gather(puts(1), failing, puts(3), return_exceptions=True)
    assert await store.view(plans) == {"scan": 2}


@pytest.mark.parametrize(("undone", "left"), [("undo", 1), ("abandon", 0)])
@pytest.mark.usefixtures("store")
async def test_what_was_gathered_for_a_commit_goes_with_it_alone(
    tmp_path: Path, undone: str, left: int
) -> None:
    connection = connections.open_writer(tmp_path / FILE_NAME, None)
    facets = Facets(connection)
    facets.gather()
    counted = packed((("plan_name", "scan"),)), 1
    facets.move(None, counted)
    facets.keep()
    facets.move(None, counted)  # by another decision, which fails
    getattr(facets, undone)()
    facets.write()
    found = connection.execute("SELECT coalesce(sum(runs), 0) FROM facet").fetchall()
    connection.close()
    assert found == [(left,)]
