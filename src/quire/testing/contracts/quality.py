"""The guarantees of the ports of the history of quality and of frozen lists."""

from msgspec.structs import replace

from quire.ports.store import Store, Transaction
from quire.runs.changes import AddComment, Entry
from quire.runs.run_list import Member, RunList
from quire.testing.contracts.fixtures import ODD_UIDS, ContractFixtures


def _entry(run: str, version: int, batch: str = "") -> Entry:
    change = AddComment(text=f"{version} ü\n")
    return Entry(
        run=run,
        version=version,
        change=change,
        author="ann",
        at=version / 4,
        batch=batch,
    )


def _list(name: str, version: int) -> RunList:
    return RunList(
        name=name,
        version=version,
        query="scan_id > 1",
        author="ann",
        at=1.25,
        members=tuple(
            Member(uid=uid, run=number) for number, uid in enumerate(ODD_UIDS)
        ),
        data_version="ab",
        left_out=3,
        note="as of today",
    )


async def _put(store: Store, *lists: RunList) -> None:
    def put(transaction: Transaction) -> None:
        for each in lists:
            transaction.run_lists.put(each)

    await store.decide(put)


async def _got(store: Store, name: str, version: int | None) -> RunList | None:
    return await store.view(lambda t: t.run_lists.get(name, version))


async def _unfinished(store: Store) -> tuple[RunList, ...]:
    return await store.view(lambda t: t.run_lists.unfinished())


class QualityContract(ContractFixtures):
    """The guarantees of `quire.ports.quality_records`."""

    async def test_what_was_said_of_runs_is_kept_in_order(self, store: Store) -> None:
        """By run, and by what was done in one go."""
        said = [
            _entry(run, version, batch="all" if version == 2 else "")
            for run in ODD_UIDS
            for version in (1, 2)
        ]

        def append(transaction: Transaction) -> None:
            for each in said:
                transaction.run_history.append(each)

        await store.decide(append)
        for run in ODD_UIDS:
            found = await store.view(lambda t, run=run: t.run_history.of_run(run))  # type: ignore[misc]
            assert found == (_entry(run, 1), _entry(run, 2, "all"))
        batch = await store.view(lambda t: t.run_history.of_batch("all"))
        assert {one.run for one in batch} == set(ODD_UIDS)
        assert len(batch) == len(ODD_UIDS)
        assert await store.view(lambda t: t.run_history.of_batch("")) == ()

    async def test_lists_are_kept_by_version(self, store: Store) -> None:
        """The newest is found by its name alone."""
        lists = [_list("b", 1), _list("a", 2), _list("a", 10), _list("a", 1)]
        await _put(store, *lists)
        assert await _got(store, "a", None) == _list("a", 10)
        assert await _got(store, "a", 2) == _list("a", 2)
        assert await _got(store, "a", 3) is None
        assert await _got(store, "c", None) is None
        ordered = [("a", 1), ("a", 2), ("a", 10), ("b", 1)]
        heads = tuple(replace(_list(*each), members=()) for each in ordered)
        assert await store.view(lambda t: t.run_lists.heads()) == heads
        assert await store.view(lambda t: t.run_lists.heads("a")) == heads[:3]
        assert await store.view(lambda t: t.run_lists.heads("c")) == ()

    async def test_a_list_goes_on_where_it_was(self, store: Store) -> None:
        """How far it is is kept by itself, and its members stay as they were put."""
        whole = _list("a", 1)
        await _put(store, whole, replace(_list("b", 1), tagged=len(whole.members)))
        (head,) = await _unfinished(store)
        assert head == replace(whole, members=())
        further = replace(whole, tagged=1)
        await store.decide(lambda t: t.run_lists.advance(further))
        assert await _got(store, "a", 1) == further
        assert [one.tagged for one in await _unfinished(store)] == [1]
        done = replace(whole, tagged=len(whole.members))
        await store.decide(lambda t: t.run_lists.advance(done))
        assert await _got(store, "a", 1) == done
        assert await _unfinished(store) == ()
