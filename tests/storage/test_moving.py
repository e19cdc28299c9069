import asyncio
import contextlib
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import cast

import psycopg
import pytest
from tests.storage.alone import using

from quire.errors import InputError, StoreFull, StoreUnavailable
from quire.jobs.job import Job
from quire.jobs.outside import begin
from quire.ports.outbox_records import Amount, Outgoing, Position
from quire.ports.outlet_run_records import OutletRun, RunState
from quire.ports.run_records import RunQuery
from quire.ports.store import Store, Transaction
from quire.runs.run import Run
from quire.runs.searchable import searchable
from quire.storage.backups.sqlite_copy import copy_database
from quire.storage.moving.kinds import KINDS, Kind, Row
from quire.storage.moving.move import Moved, NeverEqual, move
from quire.storage.moving.places import open_side
from quire.storage.moving.sides import Destination
from quire.storage.moving.sqlite_side import SqliteSide
from quire.testing.contracts.fixtures import ODD_UIDS, uuid
from quire.testing.contracts.saved_queries import query
from quire.testing.documents import make_run
from quire.testing.outlet_contract import take
from quire.testing.postgres.server import PostgresServer


class _Broken(Exception):
    pass


async def _fill(store: Store) -> None:
    for number in range(12):
        start, descriptor, *rest = make_run(number, 5)
        await take(store, rest[:3])  # they wait for the descriptor to tell
        await take(store, [start, *rest[3:], descriptor])
    await take(store, make_run(99, 3)[2:4])
    await store.decide(_put_records)


def _put_records(tx: Transaction) -> None:
    for number, uid in enumerate(ODD_UIDS):
        wanted = {"id": f"F{number}", "target": {"fileId": "file"}}
        job = Job(
            id=uid,
            kind="merge",
            owner="me\0",
            created=float(number),
            runs=(uid, "a"),
            parameters={"SPECIFICATION": json.dumps(wanted), "N": number},
        )
        tx.jobs.put(job)
        tx.outlet_runs.put(OutletRun(outlet="out", run=uid, state=RunState.DONE))
    for number in range(3):
        job = begin(
            job=uuid(number), service="s", owner="a", parameters={}, now=float(number)
        )
        tx.jobs.put(job)
        tx.numbers.allocate(job.id)
    tx.jobs.remove(uuid(2))
    tx.jobs.reserve("space", "name\0" * 600, "j")
    tx.outbox.move("out", tx.outbox.after(Position(), Amount(documents=9))[-1].position)
    tx.saved_queries.put(query("owner", "name"))
    tx.run_index.add("motor")


def _told(kind: str, rows: int) -> None:
    assert kind
    assert rows > 0


def _move(source: str | Path, destination: str | Path, *, wait: float = 0.0) -> Moved:
    one = open_side(str(source), searchable, writing=False)
    try:
        other = open_side(str(destination), searchable, writing=True)
        try:
            return move(one, other, told=_told, waiting=lambda _: None, wait=wait)
        finally:
            other.close()
    finally:
        one.close()


def _everything(tx: Transaction) -> tuple[list[Outgoing], object]:
    position = tx.outbox.position("out")
    assert position is not None
    going = [
        *tx.outbox.after(Position(), Amount()),
        *tx.outbox.after(position, Amount()),
    ]
    records = (
        tx.runs.page(RunQuery(limit=1000)),
        tx.numbers.services(),
        tx.numbers.find(1),
        tx.numbers.find(3),
        tx.saved_queries.versions("owner", "name", 9),
        tx.acquisitions.changes(0, 1000),
        tx.acquisitions.newest_change(),
        [one.path for one in tx.run_index.listed()],
    )
    return going, records


def _plain(going: Sequence[Outgoing]) -> list[object]:
    return [(one.run, one.document, one.late, one.position.number) for one in going]


def _digests(moved: Moved) -> dict[str, tuple[int, str]]:
    return {one.kind: (one.rows, one.digest) for one in moved.kinds}


def test_there_and_back_all_is_the_same(tmp_path: Path, postgres_url: str) -> None:
    using(tmp_path / "a", _fill)
    before = using(tmp_path / "a", lambda store: store.view(_everything))
    there = _move(tmp_path / "a", postgres_url)
    assert {one.changed for one in there.kinds} == {0}
    moved = using(postgres_url, lambda store: store.view(_everything))
    assert _plain(moved[0]) == _plain(before[0])
    assert moved[1] == before[1]
    back = _move(postgres_url, tmp_path / "b")
    assert _digests(back) == _digests(there)
    again = using(tmp_path / "b", lambda store: store.view(_everything))
    assert _plain(again[0]) == _plain(before[0])
    assert again[1] == before[1]


@pytest.mark.parametrize("there", [True, False])
def test_a_moved_store_goes_on(
    tmp_path: Path, postgres_url: str, *, there: bool
) -> None:
    """Numbers are not given twice, and who waited is found."""
    source, destination = tmp_path / "a", postgres_url
    using(source, _fill)
    _move(source, destination)
    if not there:
        _move(destination, tmp_path / "b")

    async def go_on(store: Store) -> None:
        late = make_run(99, 3)
        await take(store, make_run(50, 2))
        await take(store, late)
        uid = late[0].body["uid"]
        found = await store.view(lambda tx: tuple(tx.documents.of_run(uid)))
        assert sorted(one.raw for one in found) == sorted(one.raw for one in late)

        def number(tx: Transaction) -> int:
            tx.jobs.put(begin(job="n", service="s", owner="a", parameters={}, now=9.0))
            return tx.numbers.allocate("n")

        assert await store.decide(number) == 4
        assert (
            await store.decide(
                lambda tx: tx.jobs.reserve("space", "name\0" * 600, "other")
            )
            == "j"
        )
        going = await store.view(lambda tx: tx.outbox.after(Position(), Amount()))
        known = {one.document.raw for one in going if one.run == uid}
        assert known == {one.raw for one in late}

    using(postgres_url if there else tmp_path / "b", go_on)


class _Fragile:
    """A destination that breaks down after so many changes."""

    def __init__(self, side: Destination, changes: int) -> None:
        self._side = side
        self._left = changes

    def __getattr__(self, name: str) -> object:
        return getattr(self._side, name)

    def change(self, kind: Kind, gone: Sequence[Row], rows: Sequence[Row]) -> None:
        self._left -= 1
        if self._left < 0:
            raise _Broken
        self._side.change(kind, gone, rows)


def test_a_move_that_was_broken_off_goes_on(tmp_path: Path, postgres_url: str) -> None:
    using(tmp_path / "a", _fill)
    for changes in (1, 3, 5):
        source = open_side(str(tmp_path / "a"), searchable, writing=False)
        side = open_side(postgres_url, searchable, writing=True)
        fragile = cast("Destination", _Fragile(side, changes))
        with contextlib.suppress(_Broken):
            move(source, fragile, told=_told, waiting=lambda _: None, wait=0)
        source.close()
        side.close()
    with pytest.raises(StoreUnavailable, match="half a copy"):
        using(postgres_url, _fill)
    with pytest.raises(StoreUnavailable, match="half a copy"):
        _move(postgres_url, tmp_path / "b")
    moved = _move(tmp_path / "a", postgres_url)
    other = _move(tmp_path / "a", tmp_path / "b")
    assert _digests(moved) == _digests(other)


def test_half_a_folder_is_neither_served_nor_moved_nor_saved(
    tmp_path: Path, postgres_url: str
) -> None:
    using(postgres_url, _fill)
    half = tmp_path / "half"
    source = open_side(postgres_url, searchable, writing=False)
    side = open_side(str(half), searchable, writing=True)
    fragile = cast("Destination", _Fragile(side, 3))
    with pytest.raises(_Broken):
        move(source, fragile, told=_told, waiting=lambda _: None, wait=0)
    source.close()
    side.close()
    for use in (
        lambda: using(half, _fill),
        lambda: _move(half, tmp_path / "b"),
        lambda: copy_database(half, tmp_path / "saved"),
    ):
        with pytest.raises(StoreUnavailable, match="half a copy of postgresql://"):
            use()
    note = half / "moving.json"
    note.write_text("{")
    with pytest.raises(StoreUnavailable, match="says nothing"):
        using(half, _fill)
    note.write_text(json.dumps({"source": postgres_url, "done": False}))
    _move(postgres_url, half)
    using(half, lambda store: store.view(_everything))


def test_an_empty_database_is_no_source(
    tmp_path: Path, postgres_server: PostgresServer
) -> None:
    with postgres_server.database("no_source") as url:
        with pytest.raises(InputError, match="holds no store"):
            _move(url, tmp_path / "b")
        with psycopg.connect(url) as connection:
            tables = b"SELECT count(*) FROM pg_tables WHERE schemaname = 'public'"
            assert connection.execute(tables).fetchone() == (0,)


def test_a_store_is_followed_while_a_server_uses_it(
    tmp_path: Path, postgres_url: str
) -> None:
    """Refused as long as one does; what came meanwhile is there at the end."""
    folder = tmp_path / "a"

    async def serve(store: Store) -> None:
        await _fill(store)
        growing = make_run(40, 6)
        await take(store, growing[:4])
        with pytest.raises(StoreUnavailable, match="another server"):
            await asyncio.to_thread(_move, folder, postgres_url)
        await take(store, make_run(30, 4))
        runs = await store.view(lambda tx: tx.runs.page(RunQuery(limit=1)))
        await store.decide(lambda tx: tx.runs.put(runs[0]))
        await take(store, growing[4:])
        await store.decide(lambda tx: tx.jobs.remove(uuid(1)))

    using(folder, serve)
    before = using(folder, lambda store: store.view(_everything))
    _move(folder, postgres_url)
    after = using(postgres_url, lambda store: store.view(_everything))
    assert _plain(after[0]) == _plain(before[0])
    assert after[1] == before[1]


def test_no_store_is_written_over(tmp_path: Path, postgres_url: str) -> None:
    for name in "ab":
        using(tmp_path / name, _fill)
    _move(tmp_path / "a", postgres_url)
    with pytest.raises(InputError, match="is a whole copy of"):
        _move(tmp_path / "a", postgres_url)
    with pytest.raises(InputError, match="is a copy of"):
        _move(tmp_path / "b", postgres_url)
    with pytest.raises(InputError, match="holds a store"):
        _move(postgres_url, tmp_path / "b")
    with pytest.raises(InputError, match="holds no store"):
        _move(tmp_path / "c", postgres_url)


def test_a_server_on_the_database_is_in_the_way(
    tmp_path: Path, postgres_url: str
) -> None:
    using(tmp_path / "a", _fill)

    async def serve(_: Store) -> None:
        with pytest.raises(StoreUnavailable, match="stop them"):
            await asyncio.to_thread(_move, tmp_path / "a", postgres_url)

    using(postgres_url, serve)


class _Restless:
    """A source of which a kind is never the same."""

    def __init__(self, side: Destination) -> None:
        self._side = side
        self._times = 0

    def __getattr__(self, name: str) -> object:
        return getattr(self._side, name)

    def rows(self, kind: Kind, after: Row | None = None) -> Iterator[Row]:
        yield from self._side.rows(kind, after)
        if kind.name == "token":
            self._times += 1
            yield ("z", float(self._times), b"")


def test_what_never_gets_equal_is_told(tmp_path: Path, postgres_url: str) -> None:
    using(tmp_path / "a", _fill)
    source = open_side(str(tmp_path / "a"), searchable, writing=False)
    side = open_side(postgres_url, searchable, writing=True)
    restless = cast("Destination", _Restless(source))
    with pytest.raises(NeverEqual, match="token"):
        move(restless, side, told=_told, waiting=lambda _: None, wait=0)
    source.close()
    side.close()


def test_many_runs_are_copied_by_several_processes(
    tmp_path: Path, postgres_url: str
) -> None:
    async def fill(store: Store) -> None:
        def put(tx: Transaction) -> None:
            for number in range(1200):
                start = json.dumps(
                    {"uid": f"r{number}", "data_groups": [f"g{number % 700}"]}
                ).encode()
                run = Run(uid=f"r{number}", owner="me", time=1.0, start=start)
                tx.runs.put(run)

        await store.decide(put)

    using(tmp_path / "a", fill)
    moved = _move(tmp_path / "a", postgres_url)
    back = _move(postgres_url, tmp_path / "b")
    assert _digests(back) == _digests(moved)
    assert _digests(moved)["run"][0] == 1200


def test_a_folder_without_room_says_so_and_goes_on(tmp_path: Path) -> None:
    (anchor,) = (kind for kind in KINDS if kind.name == "anchor")
    rows = [(uuid(number), uuid(1)) for number in range(2000)]
    side = SqliteSide(tmp_path, searchable, writing=True)
    try:
        side.begin("somewhere")
        pages = side._writer.pragma("page_count")
        side._writer.pragma("max_page_count", pages)
        with pytest.raises(StoreFull, match="the disk is full"):
            side.change(anchor, [], rows)
        assert list(side.rows(anchor)) == []
        side._writer.pragma("max_page_count", 2 * pages)
        side.change(anchor, [], rows)
        assert len(list(side.rows(anchor))) == len(rows)
    finally:
        side.close()
