"""The guarantees of `quire.ports.run_records`."""

import msgspec
import pytest

from quire.ports.run_records import RunQuery
from quire.ports.store import Store, Transaction
from quire.runs.run import Finding, Run, Stream
from quire.testing.contracts.fixtures import ODD_UIDS, ContractFixtures, uuid


async def _put(store: Store, *runs: Run) -> None:
    def put(transaction: Transaction) -> None:
        for run in runs:
            transaction.runs.put(run)

    await store.decide(put)


async def _page(store: Store, query: RunQuery) -> tuple[Run, ...]:
    return await store.view(lambda t: t.runs.page(query))


async def _uids(store: Store, query: RunQuery) -> list[str]:
    return [run.uid for run in await _page(store, query)]


class RunsContract(ContractFixtures):
    """Runs come back whole, newest first."""

    async def test_a_run_comes_back_whole(self, store: Store) -> None:
        """With every field, and integers of any size; put replaces."""
        run = Run(
            uid=uuid(1),
            owner="me",
            start=b'{"time":NaN}',
            time=1.5,
            scan_id=2**80,
            plan_name="scan",
            num_points=-(2**70),
            descriptors={"d": "primary"},
            streams={"primary": Stream(seq_nums=((1, 2**65),), data_keys=("x",))},
            findings=(Finding(rule="r", uid="u", message="m"),),
            lease_until=3.5,
        )
        await _put(store, Run(uid=uuid(1), owner="you", scan_id=4), run)
        assert await store.view(lambda t: t.runs.get(uuid(1))) == run
        assert await _uids(store, RunQuery(limit=9, scan_id=2**80)) == [uuid(1)]
        assert await _uids(store, RunQuery(limit=9, scan_id=4)) == []
        assert await store.view(lambda t: t.runs.get(uuid(2))) is None

    async def test_newest_first_and_paged(self, store: Store) -> None:
        """By (time, uid) as text, runs without a time last, none left out."""
        times = (None, 5.0, 7.0, 7.5, None)
        runs = [
            Run(uid=uid if place < 2 else f"{uid}{place}", time=time)
            for place, time in enumerate(times)
            for uid in (*ODD_UIDS, uuid(9), uuid(16**30))
        ]
        runs = list({run.uid: run for run in runs}.values())
        await _put(store, *runs)
        expected = sorted(
            runs,
            key=lambda run: (run.time is not None, run.time or 0.0, run.uid),
            reverse=True,
        )
        seen: list[str] = []
        query = RunQuery(limit=4)
        while page := await _page(store, query):
            assert len(page) <= 4
            seen += [run.uid for run in page]
            last = page[len(page) - 1]
            query = msgspec.structs.replace(query, before=(last.time, last.uid))
        assert seen == [run.uid for run in expected]

    @pytest.mark.parametrize("uid", ODD_UIDS)
    async def test_every_prefix_finds_its_runs(self, store: Store, uid: str) -> None:
        """And no others, wherever a UUID is cut."""
        runs = [Run(uid=other) for other in (*ODD_UIDS, uuid(16**31), uuid(1))]
        await _put(store, *runs)
        for length in range(1, len(uid) + 1):
            prefix = uid[:length]
            expected = sorted(
                (run.uid for run in runs if run.uid.startswith(prefix)), reverse=True
            )
            assert await _uids(store, RunQuery(limit=99, prefix=prefix)) == expected
        assert await _uids(store, RunQuery(limit=99, prefix=uid + "no")) == []

    async def test_by_scan_id_and_owner(self, store: Store) -> None:
        """Newest first; both together."""
        await _put(
            store,
            *(
                Run(uid=uuid(n), time=float(n), scan_id=n % 2, owner="ab"[n // 4])
                for n in range(8)
            ),
        )
        expected = [uuid(n) for n in (7, 5, 3, 1)]
        assert await _uids(store, RunQuery(limit=9, scan_id=1)) == expected
        assert await _uids(store, RunQuery(limit=1, scan_id=1)) == expected[:1]
        both = RunQuery(limit=9, scan_id=1, visible=frozenset({"user:a"}))
        assert await _uids(store, both) == [uuid(3), uuid(1)]
        behind = RunQuery(limit=9, scan_id=1, before=(5.0, uuid(5)))
        assert await _uids(store, behind) == [uuid(3), uuid(1)]
        assert await _uids(store, RunQuery(limit=0)) == []

    async def test_lapsed_leases(self, store: Store) -> None:
        """Only of open runs that are not marked yet; put again, they are gone."""
        await _put(
            store,
            Run(uid="lapsed", lease_until=10.0),
            Run(uid="just", lease_until=20.0),
            Run(uid="later", lease_until=30.0),
            Run(uid="marked", lease_until=10.0, interrupted=True),
            Run(uid="stopped", lease_until=10.0, exit_status="success"),
        )
        query = RunQuery(limit=9, lapsed_at=20.0)
        assert await _uids(store, query) == ["lapsed"]
        await _put(store, Run(uid="lapsed", lease_until=10.0, interrupted=True))
        assert await _uids(store, query) == []
