"""What the writer takes for known of the database is so, whatever was undone."""

import asyncio
import math
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quire.documents.names import DocumentName
from quire.ports.document_records import Arrival
from quire.ports.store import Transaction
from quire.runs.run import Run
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.order_keys import span
from quire.storage.sqlite.store import FILE_NAME, SqliteStore

TIME = 1.7e9


class Refused(Exception):
    """A decision thinks better of it."""


def run(uid: str, time: float | None = TIME, scan_id: int | None = 5) -> Run:
    told = b'{"uid":"x","scan_id":%d}' % (scan_id or 0)
    return Run(uid=uid, owner="me", start=told, time=time, scan_id=scan_id)


async def put(
    store: SqliteStore, *runs: Run, fails: bool = False, brief: bool = True
) -> None:
    def decide(tx: Transaction) -> None:
        for one in runs:
            tx.runs.put(one)
        if fails:
            raise Refused

    await store.decide(decide, brief=brief)


def rows(folder: Path, text: str) -> list[Any]:
    connection = apsw.Connection(
        str(folder / FILE_NAME), flags=apsw.SQLITE_OPEN_READONLY
    )
    try:
        return connection.execute(text).fetchall()
    finally:
        connection.close()


def assert_zones_hold(folder: Path) -> None:
    """Every run must lie within the zones of its numbers."""
    outside = """
        SELECT uid FROM run WHERE NOT EXISTS (
            SELECT 1 FROM number_zone AS zone
            WHERE zone.experiment = run.experiment AND zone.stretch = run.run >> 10
            AND run.id >> 40 BETWEEN earliest AND latest
        ) OR typeof(scan_id) = 'integer' AND NOT EXISTS (
            SELECT 1 FROM scan_id_zone WHERE stretch = scan_id >> 10
            AND run.id >> 40 BETWEEN earliest AND latest
        )
    """
    assert rows(folder, outside) == []


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(
        tmp_path, doorbell=LocalDoorbell(), patience=math.inf
    )
    yield store
    await store.aclose()


async def test_zones_of_a_decision_that_failed_are_not_taken_for_written(
    store: SqliteStore, tmp_path: Path
) -> None:
    with pytest.raises(Refused):
        await put(store, run("never"), fails=True)
    await put(store, run("kept"))
    assert_zones_hold(tmp_path)


async def test_nor_are_those_of_one_that_failed_among_others(
    store: SqliteStore, tmp_path: Path
) -> None:
    for place in range(10):
        told = await asyncio.gather(
            put(store, run(f"never{place}", TIME + 10**6 * place), fails=True),
            put(store, run(f"kept{place}", TIME + 10**6 * place)),
            return_exceptions=True,
        )
        assert isinstance(told[0], Refused)
        assert told[1] is None
    assert_zones_hold(tmp_path)
    assert len(rows(tmp_path, "SELECT id FROM run")) == 10


async def test_an_id_that_was_taken_back_is_free(
    store: SqliteStore, tmp_path: Path
) -> None:
    await put(store, run("a"))
    with pytest.raises(Refused):
        await put(store, run("b"), run("c"), fails=True)
    await put(store, run("d"))
    first = span(TIME)[0]
    assert rows(tmp_path, "SELECT uid, id FROM run ORDER BY id") == [
        ("a", first),
        ("d", first + 1),
    ]


async def test_so_is_that_of_a_run_which_turns_out_to_be_of_another_time(
    store: SqliteStore, tmp_path: Path
) -> None:
    await put(store, run("a"), run("b"))
    await put(store, run("b", TIME + 60))
    await put(store, run("c"))
    first = span(TIME)[0]
    assert rows(tmp_path, "SELECT uid, id FROM run ORDER BY id") == [
        ("a", first),
        ("c", first + 1),
        ("b", span(TIME + 60)[0]),
    ]
    assert_zones_hold(tmp_path)


async def test_a_store_that_was_opened_again_goes_on_behind_what_is_there(
    store: SqliteStore, tmp_path: Path
) -> None:
    await put(store, run("a"))
    await store.aclose()
    again = await SqliteStore.open(tmp_path, doorbell=LocalDoorbell())
    await put(again, run("b"))
    await again.aclose()
    first = span(TIME)[0]
    assert rows(tmp_path, "SELECT id FROM run ORDER BY id") == [(first,), (first + 1,)]
    assert_zones_hold(tmp_path)


_puts = st.lists(
    st.lists(
        st.tuples(
            st.integers(0, 5),
            st.sampled_from([None, 0.0, TIME, TIME + 0.0001, TIME + 7_200, -TIME]),
            st.sampled_from([None, 0, 5, 1_023, 1_024, -1, 2**63, -(2**70)]),
            st.booleans(),
        ),
        min_size=1,
        max_size=4,
    ),
    max_size=8,
)


@settings(max_examples=25, deadline=None)
@given(commits=_puts)
def test_zones_and_places_hold_whatever_comes(
    tmp_path_factory: pytest.TempPathFactory,
    commits: list[list[tuple[int, float | None, int | None, bool]]],
) -> None:
    folder = tmp_path_factory.mktemp("known")

    async def fill() -> None:
        store = await SqliteStore.open(
            folder, doorbell=LocalDoorbell(), patience=math.inf
        )
        for commit in commits:
            await asyncio.gather(
                *(
                    put(store, run(f"u{number}", time, scan_id), fails=fails)
                    for number, time, scan_id, fails in commit
                ),
                return_exceptions=True,
            )
        await store.aclose()

    asyncio.run(fill())
    kept = {
        f"u{number}": time
        for commit in commits
        for number, time, _, fails in commit
        if not fails
    }
    found = rows(folder, "SELECT uid, id FROM run ORDER BY id")
    assert {uid for uid, _ in found} == {*kept}
    for uid, place in found:
        first, last = span(kept[uid])
        assert first <= place <= last
    assert_zones_hold(folder)


def waiting(number: int, text: bytes) -> Arrival:
    return Arrival(
        name=DocumentName.DATUM,
        raw=text,
        keys=(number,),
        waits_for=f"resource {number}",
    )


async def test_a_block_that_was_undone_is_not_taken_for_the_next(
    store: SqliteStore,
) -> None:
    def decide(tx: Transaction, text: bytes) -> list[bytes]:
        tx.documents.append(None, [waiting(1, text)])
        found = [one.raw for one in tx.documents.adopt("resource 1", "run")]
        if text == b"undone":
            raise Refused
        return found

    with pytest.raises(Refused):
        await store.decide(lambda tx: decide(tx, b"undone"))
    assert await store.decide(lambda tx: decide(tx, b"kept")) == [b"kept"]


async def test_what_waits_together_is_adopted_in_turn(store: SqliteStore) -> None:
    # If each had its block opened again, this would not end within its time.
    count = 20_000

    def decide(tx: Transaction) -> int:
        tx.documents.append(None, [waiting(at, b"{}") for at in range(count)])
        return sum(
            len(tx.documents.adopt(f"resource {at}", "run")) for at in range(count)
        )

    assert await store.decide(decide) == count
