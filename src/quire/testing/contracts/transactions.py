"""The guarantees of the store itself."""

import asyncio
from functools import partial

import pytest

from quire.errors import StoreUnavailable
from quire.jobs.job import Job
from quire.ports.doorbell import Doorbell
from quire.ports.store import Store, Transaction
from quire.progress.event import info
from quire.progress.log import Head, append
from quire.runs.run import Run
from quire.testing.contracts.fixtures import ContractFixtures, nothing, uuid


class Refusal(Exception):
    """What a decision of these tests raises."""


def _put(transaction: Transaction, run: Run) -> None:
    transaction.runs.put(run)


def _get(transaction: Transaction, uid: str) -> Run | None:
    return transaction.runs.get(uid)


class TransactionsContract(ContractFixtures):
    """All of a decision commits, or nothing."""

    async def test_a_decision_returns_its_value(self, store: Store) -> None:
        """Any object, as it is."""
        value = object()
        assert await store.decide(lambda _: value) is value
        assert await store.view(lambda _: value) is value

    async def test_later_views_and_decisions_see_it(self, store: Store) -> None:
        """At once."""
        for number in range(20):
            run = Run(uid=uuid(number))
            put, get = partial(_put, run=run), partial(_get, uid=run.uid)
            await store.decide(put)
            assert await store.view(get) == run
            assert await store.decide(get) == run

    async def test_a_raising_decision_leaves_no_trace(self, store: Store) -> None:
        """Its error reaches the caller; its neighbours are not harmed."""

        def bad(transaction: Transaction) -> None:
            transaction.runs.put(Run(uid="bad"))
            transaction.jobs.reserve("space", "name", "bad")
            raise Refusal

        async def decide(number: int) -> object:
            if number % 2:
                return await store.decide(bad)
            run = Run(uid=uuid(number))
            return await store.decide(lambda t: t.runs.put(run))

        results = await asyncio.gather(
            *(decide(number) for number in range(40)), return_exceptions=True
        )
        assert [type(result) for result in results[1::2]] == [Refusal] * 20
        assert results[::2] == [None] * 20
        assert await store.view(lambda t: t.runs.get("bad")) is None
        assert await store.view(lambda t: t.runs.get(uuid(38))) is not None
        reserved = await store.decide(lambda t: t.jobs.reserve("space", "name", "x"))
        assert reserved == "x"

    async def test_decisions_come_one_after_the_other(self, store: Store) -> None:
        """200 at once that each read and write the same record lose nothing."""

        def count(transaction: Transaction) -> int:
            run = transaction.runs.get("counter") or Run(uid="counter")
            more = Run(uid="counter", documents=run.documents + 1)
            transaction.runs.put(more)
            return more.documents

        counts = await asyncio.gather(*(store.decide(count) for _ in range(200)))
        assert sorted(counts) == list(range(1, 201))

    async def test_a_decision_that_raises_stop_iteration(self, store: Store) -> None:
        """Ends its caller's wait, and harms nobody."""

        def bad(_: Transaction) -> None:
            raise StopIteration

        with pytest.raises((RuntimeError, StopIteration)):
            await store.decide(bad)
        await store.decide(nothing)

    async def test_the_doorbell_rings_after_the_commit(
        self, store: Store, doorbell: Doorbell
    ) -> None:
        """For the runs, the jobs and the operation; and not from within."""
        topics = ("runs", "jobs", "operation", "other")
        before = {topic: doorbell.ticket(topic) for topic in topics}

        def put(transaction: Transaction) -> dict[str, int]:
            transaction.runs.put(Run(uid="run"))
            transaction.jobs.put(Job(id="job", kind="wait", owner="me"))
            head, entry = append(Head(operation="operation"), info("hello"), at=1.0)
            assert entry is not None
            transaction.progress.append(head, entry)
            return {topic: doorbell.ticket(topic) for topic in topics}

        assert await store.decide(put) == before
        after = {topic: doorbell.ticket(topic) for topic in topics}
        assert {topic for topic in topics if after[topic] != before[topic]} == {
            "runs",
            "jobs",
            "operation",
        }

    async def test_the_doorbell_is_silent_where_nothing_was_kept(
        self, store: Store, doorbell: Doorbell
    ) -> None:
        """Neither a raising decision nor one that only reads rings."""
        before = doorbell.ticket("runs")

        def bad(transaction: Transaction) -> None:
            transaction.runs.put(Run(uid="run"))
            raise Refusal

        with pytest.raises(Refusal):
            await store.decide(bad)
        await store.decide(nothing)
        assert doorbell.ticket("runs") == before

    async def test_a_view_cannot_change_anything(self, store: Store) -> None:
        """It may raise, but leaves no trace."""
        await asyncio.gather(
            store.view(lambda t: t.runs.put(Run(uid="run"))), return_exceptions=True
        )
        assert await store.view(lambda t: t.runs.get("run")) is None

    async def test_a_closed_store_refuses(self, store: Store) -> None:
        """Closing twice is harmless."""
        assert await store.ready() == ""
        await store.aclose()
        await store.aclose()
        assert await store.ready() != ""
        with pytest.raises(StoreUnavailable):
            await store.decide(nothing)
        with pytest.raises(StoreUnavailable):
            await store.view(nothing)
