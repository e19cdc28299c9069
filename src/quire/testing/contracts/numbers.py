"""The guarantees of `quire.ports.job_numbers`."""

import pytest
from msgspec.structs import replace

from quire.jobs.outside import begin
from quire.jobs.phases import Phase
from quire.ports.job_numbers import Numbered, NumberQuery
from quire.ports.store import Store, Transaction
from quire.testing.contracts.fixtures import ContractFixtures, uuid


async def _make(store: Store, count: int) -> None:
    """Make jobs: two services, two owners, two a second."""

    def make(tx: Transaction) -> None:
        for place in range(1, count + 1):
            job = begin(
                job=uuid(1000 - place),
                service="st"[place % 2],
                owner="ab"[place // 2 % 2],
                parameters={"N": place},
                now=float(place // 2),
            )
            tx.jobs.put(job)
            assert tx.numbers.allocate(job.id) == place

    await store.decide(make)


async def _page(store: Store, query: NumberQuery) -> list[int]:
    found = await store.view(lambda tx: tx.numbers.page(query))
    return [one.number for one in found]


async def _find(store: Store, number: int) -> Numbered | None:
    return await store.view(lambda tx: tx.numbers.find(number))


async def _set_phase(store: Store, number: int, phase: Phase) -> None:
    found = await _find(store, number)
    assert found is not None
    await store.decide(lambda tx: tx.jobs.put(replace(found.job, phase=phase)))


class NumbersContract(ContractFixtures):
    """Numbers are given once, and jobs are found and listed by them."""

    async def test_numbers_are_given_once(self, store: Store) -> None:
        """Not again after a removal, nor after a decision that failed."""
        await _make(store, 3)
        await store.decide(lambda tx: tx.jobs.remove(uuid(997)))

        def fail(tx: Transaction) -> None:
            tx.jobs.put(begin(job="x", service="s", owner="a", parameters={}, now=0))
            tx.numbers.allocate("x")
            raise ValueError

        with pytest.raises(ValueError, match=r"^$"):
            await store.decide(fail)

        def make(tx: Transaction) -> int:
            tx.jobs.put(begin(job="y", service="s", owner="a", parameters={}, now=0))
            return tx.numbers.allocate("y")

        assert await store.decide(make) == 4
        assert await _find(store, 3) is None

    async def test_a_job_is_found_by_number(self, store: Store) -> None:
        """Whatever integer is asked for; a change of the job keeps it."""
        await _make(store, 2)
        await _set_phase(store, 2, Phase.QUEUED)
        found = await _find(store, 2)
        assert found is not None
        assert found.job.phase is Phase.QUEUED
        assert found.job.id == uuid(998)
        for number in (0, -1, 3, 2**63, 10**30, -(10**30)):
            assert await _find(store, number) is None

    async def test_archived_jobs_have_no_number(self, store: Store) -> None:
        """They are as deleted."""
        await _make(store, 2)
        await _set_phase(store, 2, Phase.ARCHIVED)
        assert await _find(store, 2) is None
        assert await _page(store, NumberQuery(limit=9)) == [1]
        archived = frozenset({Phase.ARCHIVED})
        assert await _page(store, NumberQuery(limit=9, phases=archived)) == []
        assert await store.view(lambda tx: tx.numbers.services()) == ("t",)

    async def test_jobs_without_numbers_are_not_listed(self, store: Store) -> None:
        """Whatever their kind."""
        await _make(store, 1)
        inner = begin(job="in", service="t", owner="a", parameters={}, now=9.0)
        await store.decide(lambda tx: tx.jobs.put(replace(inner, outside=None)))
        assert await _page(store, NumberQuery(limit=9)) == [1]
        assert await _page(store, NumberQuery(limit=9, service="t")) == [1]
        assert await store.view(lambda tx: tx.numbers.owners()) == ("a",)

    async def test_numbers_with_every_condition(self, store: Store) -> None:
        """Alone and together, in both orders."""
        await _make(store, 8)
        await _set_phase(store, 3, Phase.EXECUTING)
        await _set_phase(store, 6, Phase.ERROR)
        both = frozenset({Phase.EXECUTING, Phase.ERROR})
        pending = frozenset({Phase.PENDING})
        for query, expected in (
            (NumberQuery(limit=9), [8, 7, 6, 5, 4, 3, 2, 1]),
            (NumberQuery(limit=2), [8, 7]),
            (NumberQuery(limit=2, skip=3), [5, 4]),
            (NumberQuery(limit=0), []),
            (NumberQuery(limit=9, service="s"), [8, 6, 4, 2]),
            (NumberQuery(limit=9, owner="b"), [7, 6, 3, 2]),
            (NumberQuery(limit=9, owner="b", service="t"), [7, 3]),
            (NumberQuery(limit=9, owner="c"), []),
            (NumberQuery(limit=9, service="u", owner="a"), []),
            (NumberQuery(limit=9, phases=both), [6, 3]),
            (NumberQuery(limit=9, phases=both | pending, owner="b"), [7, 6, 3, 2]),
            (NumberQuery(limit=1, skip=1, phases=both, owner="b"), [3]),
            (NumberQuery(limit=9, since=2.0), [8, 7, 6]),
            (NumberQuery(limit=9, begin=(3.0, 6)), [6, 5, 4, 3, 2, 1]),
            (NumberQuery(limit=9, begin=(3.0, 5)), [5, 4, 3, 2, 1]),
            (NumberQuery(limit=9, begin=(2.5, 99)), [5, 4, 3, 2, 1]),
            (NumberQuery(limit=9, newer_than=(3.0, 6)), [8, 7]),
            (NumberQuery(limit=9, newer_than=(3.0, 6), begin=(3.0, 7)), [7]),
            (NumberQuery(limit=2, newer_than=(2.0, 4), oldest_first=True), [5, 6]),
            (
                NumberQuery(limit=9, owner="b", phases=pending, oldest_first=True),
                [2, 7],
            ),
        ):
            assert await _page(store, query) == expected, query

    async def test_names_of_numbered_jobs_are_sorted(self, store: Store) -> None:
        """Of services, and of owners with and without a service."""
        await _make(store, 3)
        names = await store.view(
            lambda tx: (
                tx.numbers.services(),
                tx.numbers.owners(),
                tx.numbers.owners("s"),
                tx.numbers.owners("t"),
                tx.numbers.owners("u"),
            )
        )
        assert names == (("s", "t"), ("a", "b"), ("b",), ("a", "b"), ())
