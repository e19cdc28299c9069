"""The guarantees of the port of saved queries."""

from typing import Any

import pytest

from quire.ports.store import Store, Transaction
from quire.runs.saved_query import SavedQuery, Visibility
from quire.testing.contracts.fixtures import ContractFixtures

FIRST = ("", "")


def query(
    owner: str,
    name: str,
    version: int = 1,
    *,
    shared: bool = False,
    deleted: bool = False,
    says: str | dict[str, Any] = "a = 1",
) -> SavedQuery:
    """Return a version of a query."""
    return SavedQuery(
        owner=owner,
        name=name,
        version=version,
        at=version / 4,
        query=says,
        visibility=Visibility.SHARED if shared else Visibility.PRIVATE,
        description=f"{name} of {owner}",
        deleted=deleted,
    )


async def _put(store: Store, *queries: SavedQuery) -> None:
    def put(transaction: Transaction) -> None:
        for each in queries:
            transaction.saved_queries.put(each)

    await store.decide(put)


async def _names(
    store: Store, reader: str | None, behind: tuple[str, str], limit: int
) -> list[tuple[str, str, int]]:
    found = await store.view(lambda t: t.saved_queries.page(reader, behind, limit))
    return [(one.name, one.owner, one.version) for one in found]


async def _versions(store: Store, limit: int) -> list[SavedQuery]:
    found = await store.view(lambda t: t.saved_queries.versions("a", "q", limit))
    return list(found)


class SavedQueriesContract(ContractFixtures):
    """Versions, visibility and pages of saved queries."""

    async def test_versions_are_kept_and_the_greatest_counts(
        self, store: Store
    ) -> None:
        """In whatever order they are put; a query may be a text or a tree."""
        tree = {"and": [{"field": "ä", "op": "=", "value": 2**63 - 1}]}
        versions = [
            query("a", "q", 3, deleted=True),
            query("a", "q", 2, says=tree),
            query("a", "q", 1),
        ]
        await _put(store, versions[2], versions[0], versions[1], query("b", "q"))
        newest = await store.view(lambda t: t.saved_queries.newest("a", "q"))
        assert newest == versions[0]
        assert await store.view(lambda t: t.saved_queries.newest("a", "r")) is None
        for limit in range(5):
            assert await _versions(store, limit) == versions[:limit]
        assert await _names(store, None, FIRST, 9) == [("q", "b", 1)]

    async def test_readers_see_their_own_and_shared_ones(self, store: Store) -> None:
        """By name, then by owner, in pages."""
        await _put(
            store,
            query("b", "x"),
            query("a", "x"),
            query("a", "é", shared=True),
            query("b", "w", shared=True),
            query("b", "w", 2),
            query("b", "v"),
            query("b", "v", 2, shared=True),
            query("c", "u", shared=True),
            query("c", "u", 2, shared=True, deleted=True),
        )
        every = [("v", "b", 2), ("w", "b", 2), ("x", "a", 1), ("x", "b", 1)]
        every.append(("é", "a", 1))
        seen = {None: every, "b": [*every[:2], *every[3:]]}
        seen |= {"a": [every[0], every[2], every[4]], "": [every[0], every[4]]}
        for reader, wanted in seen.items():
            assert await _names(store, reader, FIRST, 9) == wanted
            for place in range(len(wanted)):
                name, owner, _ = wanted[place]
                found = await _names(store, reader, (name, owner), 2)
                assert found == wanted[place + 1 : place + 3]

    async def test_a_shared_one_is_found_by_its_name(self, store: Store) -> None:
        """The newest version, as long as it is shared and not deleted."""

        async def shared(name: str) -> SavedQuery | None:
            return await store.view(lambda t: t.saved_queries.shared(name))

        await _put(store, query("a", "q"), query("c", "q", shared=True))
        assert await shared("q") == query("c", "q", shared=True)
        await _put(store, query("b", "q", shared=True))
        assert await shared("q") == query("b", "q", shared=True)
        await _put(store, query("a", "p", shared=True))
        assert await shared("q") == query("b", "q", shared=True)
        assert await shared("r") is None
        await _put(store, query("b", "q", 2), query("c", "q", 2, deleted=True))
        assert await shared("q") is None

    async def test_a_decision_that_fails_saves_nothing(self, store: Store) -> None:
        """All of it is taken back."""

        def fail(transaction: Transaction) -> None:
            transaction.saved_queries.put(query("a", "q", 2))
            transaction.saved_queries.put(query("a", "r"))
            raise LookupError("no")

        await _put(store, query("a", "q"))
        with pytest.raises(LookupError):
            await store.decide(fail)
        assert await _names(store, None, FIRST, 9) == [("q", "a", 1)]
