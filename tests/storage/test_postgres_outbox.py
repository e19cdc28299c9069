"""The outbox of PostgreSQL: no document is missed, whoever writes it and whenever."""

import asyncio
import contextlib
import random
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import IsolationLevel
from tests.storage.test_postgres_records import _Connection, _Fixtures, servers

from quire.actions.forward_documents import DocumentSteps
from quire.documents.document import Document
from quire.ports.outbox_records import Amount, Position
from quire.ports.store import Store
from quire.storage.postgres.changes import Changes
from quire.storage.postgres.outbox import PostgresOutbox
from quire.storage.postgres.session import Session
from quire.testing.documents import make_run
from quire.testing.outlet_contract import (
    OutboxContract,
    RecordingOutlet,
    drain,
    raws,
    take,
)
from quire.testing.still_clock import StillClock

__all__ = ["servers"]


class TestPostgresOutbox(_Fixtures, OutboxContract):
    pass


@pytest.fixture
def writers(postgres_url: str) -> Iterator[tuple[_Connection, _Connection]]:
    with (
        psycopg.connect(postgres_url) as one,
        psycopg.connect(postgres_url) as other,
    ):
        yield one, other


class _Reader:
    def __init__(self, url: str) -> None:
        self._url = url

    def end(self) -> int:
        with psycopg.connect(self._url) as connection:
            session = Session(connection, Changes(), deciding=False)
            return PostgresOutbox(session)._end()

    def newest(self) -> int:
        with psycopg.connect(self._url) as connection:
            return int(
                connection.execute(b"SELECT max(id) FROM block").fetchall()[0][0]
            )

    def late(self) -> list[tuple[int, bytes, int]]:
        with psycopg.connect(self._url) as connection:
            query = b"SELECT id >> 20, run, number FROM outbox_late ORDER BY id"
            return connection.execute(query).fetchall()


def _append(connection: _Connection, run: str = "r") -> int:
    query = (
        b"INSERT INTO block (run, directory, body)"
        b" VALUES (%s, '\\x90', '') RETURNING id"
    )
    row = connection.execute(query, [run.encode()]).fetchone()
    assert row is not None
    return int(row[0])


def _adopt(connection: _Connection, run: str, *numbers: int) -> None:
    query = b"INSERT INTO adopted (run, number) SELECT %s, unnest(%s::bigint[])"
    connection.execute(query, [run.encode(), list(numbers)])


def _write(url: str, seed: int) -> int:
    """Append in random transactions; return how many were committed."""
    dice = random.Random(seed)
    committed = 0
    with psycopg.connect(url) as connection:
        for _ in range(60):
            if dice.random() < 0.2:
                connection.execute(b"SELECT pg_current_xact_id()")
            for _ in range(dice.randrange(1, 5)):
                with contextlib.suppress(ZeroDivisionError), connection.transaction():
                    _append(connection)
                    if dice.random() < 0.2:
                        raise ZeroDivisionError
            if dice.random() < 0.15:
                connection.rollback()
            else:
                connection.commit()
                committed += 1
    return committed


def _go_on(connection: _Connection, passed: int, seen: set[int]) -> int:
    with connection.transaction():
        session = Session(connection, Changes(), deciding=False)
        end = PostgresOutbox(session)._end()
        query = "SELECT id FROM block WHERE id > %s AND id <= %s"
        seen.update(row[0] for row in session.rows(query, (passed, end)))
    return max(passed, end)


class TestOrderOfTheOutbox:
    def test_nothing_passes_an_id_that_can_still_come(
        self, postgres_url: str, writers: tuple[_Connection, _Connection]
    ) -> None:
        one, other = writers
        reader = _Reader(postgres_url)
        first, second = _append(one), _append(other)
        assert reader.end() < first
        other.commit()  # the greater id is visible first
        assert reader.newest() == second
        assert reader.end() < first
        third = _append(other)
        other.commit()
        assert reader.end() < first
        one.commit()
        assert first < second < third == reader.end()

    def test_ids_that_were_given_back_hold_up_nobody(
        self, postgres_url: str, writers: tuple[_Connection, _Connection]
    ) -> None:
        one, other = writers
        reader = _Reader(postgres_url)
        _append(one)
        last = _append(other)
        other.commit()
        one.rollback()
        assert reader.end() == last

    def test_who_has_a_number_but_no_id_yet_comes_behind(
        self, postgres_url: str, writers: tuple[_Connection, _Connection]
    ) -> None:
        one, other = writers
        reader = _Reader(postgres_url)
        one.execute(b"SELECT pg_current_xact_id()")
        first = _append(other)
        other.commit()
        assert reader.end() < first  # it could have taken an id before
        second = _append(one)
        one.commit()
        assert first < second == reader.end()

    def test_a_transaction_of_many_parts_leaves_a_mark_of_its_last_id(
        self, postgres_url: str, writers: tuple[_Connection, _Connection]
    ) -> None:
        one, _ = writers
        _append(one)
        with one.transaction():
            _append(one)
        with contextlib.suppress(ZeroDivisionError), one.transaction():
            _append(one)
            raise ZeroDivisionError
        last = _append(one)
        one.commit()
        assert _Reader(postgres_url).end() == last

    def test_a_reader_beside_many_writers_misses_nothing(
        self, postgres_url: str
    ) -> None:
        with ThreadPoolExecutor(4) as pool:
            writing = [pool.submit(_write, postgres_url, seed) for seed in range(4)]
            seen: set[int] = set()
            passed = 0
            with psycopg.connect(postgres_url) as connection:
                connection.isolation_level = IsolationLevel.REPEATABLE_READ
                done = False
                while not done:
                    done = all(one.done() for one in writing)
                    passed = _go_on(connection, passed, seen)
        with psycopg.connect(postgres_url) as connection:
            rows = connection.execute(b"SELECT id FROM block").fetchall()
        assert seen == {one for (one,) in rows}
        assert sum(one.result() for one in writing) > 0

    def test_late_documents_follow_the_block_that_told_their_run(
        self, postgres_url: str, writers: tuple[_Connection, _Connection]
    ) -> None:
        one, other = writers
        _adopt(one, "r", 7, 8)
        _adopt(other, "s", 5)
        at_s = _append(other, "s")
        _append(one, "q")
        _adopt(one, "r", 9)
        at_r = _append(one, "r")
        _append(one, "r")
        one.commit()
        other.commit()
        expected = [(at_s, b"s", 5), *((at_r, b"r", number) for number in (7, 8, 9))]
        assert _Reader(postgres_url).late() == expected

    def test_what_no_block_told_goes_out_too(
        self, postgres_url: str, writers: tuple[_Connection, _Connection]
    ) -> None:
        one, _ = writers
        reader = _Reader(postgres_url)
        last = _append(one)
        one.commit()
        _adopt(one, "r", 1)
        one.commit()
        ((block, run, number),) = reader.late()
        assert (run, number) == (b"r", 1)
        assert last < block <= reader.end()


async def test_what_may_not_go_out_yet_is_behind(
    servers: list[Store], postgres_url: str
) -> None:
    """Else an outlet would be said to have sent all of a run, and had not."""
    with psycopg.connect(postgres_url) as another:
        another.execute(b"SELECT pg_current_xact_id()")  # an id below it may yet come
        await take(servers[0], make_run(1, 4))
        amount = Amount(documents=100)
        page = await servers[1].view(lambda tx: tx.outbox.after(Position(), amount))
        behind = await servers[1].view(lambda tx: tx.outbox.behind(Position(), 100))
    assert (page, behind) == ((), len(make_run(1, 4)))


async def test_outlets_miss_nothing_that_many_servers_take(
    servers: list[Store],
) -> None:
    runs = [make_run(seed, 9) for seed in range(24)]
    outlet = RecordingOutlet()
    steps = DocumentSteps("out", outlet, servers[0], StillClock(1.0))
    taken = asyncio.Event()

    async def take_all(store: Store, own: list[list[Document]]) -> None:
        # Events before the start that tells their run, in halves.
        for start, *rest in own:
            await take(store, rest[:5])
            await asyncio.gather(take(store, [start]), take(store, rest[5:]))

    async def forward() -> None:
        await steps.begin()
        while not taken.is_set():
            await steps.step()
            await asyncio.sleep(0)
        await drain(steps)

    async with asyncio.TaskGroup() as group:
        group.create_task(forward())
        parts = [
            group.create_task(take_all(servers[place % 2], runs[place::6]))
            for place in range(6)
        ]
        await asyncio.gather(*parts)
        taken.set()
    everything = await servers[1].view(
        lambda tx: tx.outbox.after(Position(), Amount(documents=10_000))
    )
    for documents in runs:
        uid = documents[0].body["uid"]
        assert sorted(outlet.raws(uid)) == sorted(raws(documents))
        of_run = [one for one in everything if one.run == uid]
        assert [one.document.raw for one in of_run] == outlet.raws(uid)
    known = [one for one in outlet.received if one.run is not None]
    assert len({one.document.number for one in known}) == len(known)
    assert len(known) == sum(map(len, runs))
