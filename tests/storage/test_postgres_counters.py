"""Totals and indexes of PostgreSQL while many servers write at once."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from typing import Any

import psycopg
from tests.storage.test_postgres_finding import a_run, compare, deciding, opened

from quire.ports.run_finder import RunOrder, Selection
from quire.ports.store import Store, Transaction
from quire.runs.query.tree import (
    Between,
)
from quire.runs.run import Run
from quire.runs.searchable import Searchable, searchable
from quire.testing.waiting import PATIENCE


def test_writers_of_one_counter_do_not_wait_for_each_other(postgres_url: str) -> None:
    with deciding(postgres_url) as one:
        one.runs.put(a_run("0", plan_name="scan"))
    with deciding(postgres_url) as one:
        one.runs.put(a_run("1", plan_name="scan"))
        with deciding(postgres_url) as other:
            other.session.run("SET lock_timeout = '5s'")
            other.runs.put(a_run("2", plan_name="scan"))
        # The second has committed, the first has not.
        one.runs.put(a_run("3", plan_name="count"))
    _assert_counted(postgres_url, {"scan": 3, "count": 1})
    with deciding(postgres_url) as tx:
        tx.runs.put(a_run("3", plan_name="scan"))
        with deciding(postgres_url) as folding:
            while folding.run_index.feed(100):
                pass
    _assert_counted(postgres_url, {"scan": 4})


def _assert_counted(url: str, expected: dict[str, int]) -> None:
    with deciding(url) as tx:
        values = tx.finder.facets(("plan_name",), None, 9)["plan_name"]
        assert {one.value: one.runs for one in values} == expected
        seen = tx.finder.facets(("plan_name",), frozenset({"user:a"}), 9)["plan_name"]
        assert {one.value: one.runs for one in seen} == expected


async def test_totals_are_right_under_many_writers_and_folds(postgres_url: str) -> None:
    dice = random.Random(3)
    plans = {str(uid): "" for uid in range(20)}

    def put(uid: str, plan: str) -> Callable[[Transaction], None]:
        return lambda tx: tx.runs.put(a_run(uid, plan_name=plan, owner=f"o{uid[-1]}"))

    async with opened(postgres_url) as one, opened(postgres_url) as other:

        async def write(store: Store, uids: list[str]) -> None:
            for number in range(60):
                uid, plan = dice.choice(uids), dice.choice(["scan", "count", "fly"])
                await store.decide(put(uid, plan))
                plans[uid] = plan
                if number % 7 == 0:
                    await store.decide(lambda tx: tx.run_index.feed(1))

        halves = list(plans)[:10], list(plans)[10:]
        await asyncio.gather(write(one, halves[0]), write(other, halves[1]))
        expected = Counter(plan for plan in plans.values() if plan)
        for _ in range(2):
            found = await one.view(lambda tx: tx.finder.facets(("plan_name",), None, 9))
            assert {v.value: v.runs for v in found["plan_name"]} == expected
            while await other.decide(lambda tx: tx.run_index.feed(1000)):
                pass


async def test_an_index_that_is_added_misses_no_run_in_flight(
    postgres_url: str,
) -> None:
    where = Between(field="start.t", low=1.0, high=2.0)
    async with opened(postgres_url) as store:
        await store.decide(lambda tx: tx.runs.put(a_run("before", t=1.5)))
        with deciding(postgres_url) as tx:
            tx.runs.put(a_run("in flight", t=1.5))
            adding = asyncio.create_task(
                store.decide(lambda tx: tx.run_index.add("start.t"))
            )
            with psycopg.connect(postgres_url, autocommit=True) as watching:
                async with asyncio.timeout(PATIENCE):
                    while not _waits(watching):  # noqa: ASYNC110  # it is asked for
                        await asyncio.sleep(0.01)
        await adding
        while await store.decide(lambda tx: tx.run_index.feed(1)):
            pass
        await store.decide(lambda tx: tx.runs.put(a_run("after", t=1.5)))
        assert [one.ready for one in await store.view(lambda tx: tx.run_index.listed())]
        lines, page = await store.view(
            lambda tx: (
                tx.finder.explain(Selection(where=where), RunOrder.NEWEST),
                tx.finder.page(Selection(where=where), RunOrder.NEWEST, None, 9),
            )
        )
        assert "the index of start.t" in lines[1]
        assert {run.uid for run in page} == {"before", "in flight", "after"}


def _waits(connection: psycopg.Connection[Any]) -> bool:
    row = connection.execute(
        "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())"
    ).fetchone()
    return row != (0,)


def test_runs_are_described_anew_when_the_description_changes(
    postgres_url: str,
) -> None:
    def renamed(run: Run) -> Searchable:
        found = searchable(run)
        return Searchable(
            leaves={**found.leaves, "colour": ("red",)}, facets=(("f", "x"),)
        )

    with deciding(postgres_url) as tx:
        assert not tx.run_index.described_as("1")  # there is no run yet
        for uid in "abc":
            tx.runs.put(a_run(uid, plan_name="scan"))
        while tx.run_index.feed(1000):
            pass
    where = Selection(where=compare("colour", "red"))
    with deciding(postgres_url, renamed) as tx:
        assert tx.run_index.described_as("2")
        assert tx.run_index.feed(2) == 2
        assert tx.run_index.described_as("2")  # goes on where it was
        assert tx.run_index.feed(2) == 1
        assert not tx.run_index.described_as("2")
        while tx.run_index.feed(2):
            pass
        page = tx.finder.page(where, RunOrder.NEWEST, None, 9)
        assert [run.uid for run in page] == ["c", "b", "a"]
        counted = tx.finder.facets(("f", "plan_name"), None, 9)
        assert [(one.value, one.runs) for one in counted["f"]] == [("x", 3)]
        assert counted["plan_name"] == ()
