"""Queries with all the values, conditions and depth that they may have."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import AbstractAsyncContextManager

from quire.ports.run_finder import RunOrder, Selection
from quire.ports.store import Store, Transaction
from quire.runs.query.evaluate import evaluate
from quire.runs.query.tree import (
    And,
    Compare,
    Exists,
    Not,
    OneOf,
    Operator,
    Or,
    Text,
    Tree,
)
from quire.runs.run import Run
from quire.runs.searchable import searchable
from quire.storage.local_doorbell import LocalDoorbell
from quire.testing.contracts.fixtures import uuid
from quire.testing.contracts.searches import fixed_runs

OpenStore = Callable[[LocalDoorbell], AbstractAsyncContextManager[Store]]


def great_trees() -> Iterator[Tree]:
    """Yield trees as large as queries may be."""

    def equal(field: str, value: str | int) -> Tree:
        return Compare(field=field, operator=Operator.EQUAL, value=value)

    hits = OneOf(field="start.sample.t", values=tuple(range(1000)))
    for path in ("start.motors", "run", "uid"):
        values = (*range(500), *map(uuid, range(500)))
        yield Or(parts=(OneOf(field=path, values=values),) * 4 + (hits,))
        yield And(parts=(OneOf(field=path, values=values),) * 4 + (hits,))
    for join in (And, Or):
        for path in ("uid", "scan_id", "time", "start.on"):
            value = uuid(1) if path == "uid" else 1
            yield join(parts=tuple(equal(path, value) for _ in range(400)))
        yield join(parts=tuple(Text(words=(f"w{n}",)) for n in range(400)))
        yield join(parts=tuple(Not(part=Exists(field=f"a{n}")) for n in range(400)))
    deep: Tree = equal("start.on", 1)
    for place in range(48):
        side = Exists(field=f"start.{place}")
        deep = (
            Or(parts=(deep, side)) if place % 2 else And(parts=(deep, Not(part=side)))
        )
    yield deep
    yield Text(words=tuple(f"w{n}" for n in range(5_000)))


class LargestQueriesContract:
    """No query that is let through is too large for a store."""

    opened: OpenStore

    def test_the_largest_queries_are_answered(self) -> None:
        """In each order."""

        async def asked() -> None:
            async with type(self).opened(LocalDoorbell()) as store:
                await store.decide(_put)
                while await store.decide(lambda tx: tx.run_index.feed(5)):
                    pass
                await store.view(_check)

        asyncio.run(asked())


def _runs() -> dict[str, Run]:
    return {run.uid: run for batch in fixed_runs() for run in batch}


def _put(tx: Transaction) -> None:
    for run in _runs().values():
        tx.runs.put(run)


def _check(tx: Transaction) -> None:
    found = {uid: searchable(run) for uid, run in _runs().items()}
    words = {uid: each.words() for uid, each in found.items()}
    for where in great_trees():
        matching = {
            uid
            for uid, each in found.items()
            if evaluate(where, each.leaves, words[uid])
        }
        for order in RunOrder:
            page = tx.finder.page(Selection(where=where), order, None, 100)
            assert {run.uid for run in page} == matching
