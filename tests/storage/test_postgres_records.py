import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace
from psycopg import IsolationLevel

from quire.actions.forward_documents import DocumentSteps
from quire.documents.document import Document
from quire.jobs.job import Job, JobError
from quire.jobs.outside import begin
from quire.jobs.phases import Phase
from quire.ports.acquisition_records import AcquisitionChange
from quire.ports.doorbell import Doorbell
from quire.ports.job_numbers import NumberQuery
from quire.ports.job_records import JobQuery
from quire.ports.outbox_records import Amount, Position
from quire.ports.store import Store, Transaction
from quire.storage.codec import Codec
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.postgres.changes import Changes
from quire.storage.postgres.job_copying import copy_jobs
from quire.storage.postgres.job_numbers import PostgresJobNumbers
from quire.storage.postgres.jobs import PostgresJobs
from quire.storage.postgres.outbox import PostgresOutbox
from quire.storage.postgres.session import Row, Session
from quire.storage.postgres.store import PostgresStore
from quire.testing.contracts.fixtures import uuid
from quire.testing.contracts.saved_queries import SavedQueriesContract
from quire.testing.documents import make_run
from quire.testing.outlet_contract import (
    OutboxContract,
    RecordingOutlet,
    drain,
    raws,
    take,
)
from quire.testing.still_clock import StillClock

_Connection = psycopg.Connection[Any]
_BOTH = ("one", "other")


class _Fixtures:
    @pytest.fixture
    def doorbell(self) -> Doorbell:
        return LocalDoorbell()

    @pytest.fixture
    async def store(
        self, doorbell: Doorbell, postgres_url: str
    ) -> AsyncIterator[Store]:
        store = await PostgresStore.open(postgres_url, doorbell=doorbell)
        yield store
        await store.aclose()


class TestPostgresSavedQueries(_Fixtures, SavedQueriesContract):
    pass


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


@pytest.fixture
async def servers(postgres_url: str) -> AsyncIterator[list[Store]]:
    stores: list[Store] = [
        await PostgresStore.open(postgres_url, doorbell=LocalDoorbell()) for _ in _BOTH
    ]
    yield stores
    for store in stores:
        await store.aclose()


def _job(number: int, phase: Phase = Phase.QUEUED) -> Job:
    return Job(id=uuid(number), kind="wait", owner="me", phase=phase, created=number)


def _acquisition(number: int) -> Job:
    wanted = {"id": f"F{number}", "target": {"fileId": f"file-{number}"}}
    parameters = {"SPECIFICATION": json.dumps(wanted)}
    return replace(_job(number), kind="merge", parameters=parameters)


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


async def test_numbers_of_two_servers_are_given_once_in_order(
    servers: list[Store],
) -> None:
    seen: list[int] = []

    async def make(store: Store, number: int) -> None:
        def decide(tx: Transaction) -> int:
            job = begin(
                job=uuid(number), service="s", owner="a", parameters={}, now=0.0
            )
            tx.jobs.put(job)
            return tx.numbers.allocate(job.id)

        before = max(seen, default=0)
        given = await store.decide(decide)
        assert given > before  # whoever asks later gets a greater one
        seen.append(given)

    await asyncio.gather(*(make(servers[n % 2], n) for n in range(60)))
    assert sorted(seen) == list(range(1, 61))


async def test_a_page_that_is_decided_by_is_nobody_elses(
    servers: list[Store],
) -> None:
    """As many servers claim what is next in the queue, each job is claimed once."""

    def put(tx: Transaction) -> None:
        for number in range(40):
            tx.jobs.put(_job(number))

    await servers[0].decide(put)
    query = JobQuery(
        limit=1, phases=frozenset({Phase.QUEUED}), ready_at=9.0, oldest_first=True
    )

    def claim(tx: Transaction) -> str | None:
        for job in tx.jobs.page(query):
            tx.jobs.put(replace(job, phase=Phase.EXECUTING))
            return job.id
        return None

    async def claim_all(store: Store) -> list[str]:
        found = []
        while (job := await store.decide(claim)) is not None:
            found.append(job)
        return found

    claimed = await asyncio.gather(*(claim_all(store) for store in servers * 3))
    assert sorted(job for own in claimed for job in own) == [uuid(n) for n in range(40)]


async def test_a_quota_holds_over_all_servers(servers: list[Store]) -> None:
    query = JobQuery(limit=9, owner="me", phases=frozenset({Phase.QUEUED}))

    async def submit(number: int) -> bool:
        def decide(tx: Transaction) -> bool:
            if len(tx.jobs.page(query)) >= 5:
                return False
            tx.jobs.put(_job(number))
            return True

        return await servers[number % 2].decide(decide)

    assert sum(await asyncio.gather(*map(submit, range(20)))) == 5


async def test_a_name_is_reserved_once_over_all_servers(servers: list[Store]) -> None:
    async def reserve(number: int) -> str:
        job = uuid(number)
        return await servers[number % 2].decide(
            lambda tx: tx.jobs.reserve("space", "name", job)
        )

    assert len(set(await asyncio.gather(*map(reserve, range(12))))) == 1


async def test_changes_of_acquisitions_are_seen_in_order(servers: list[Store]) -> None:
    seen: list[int] = []
    done = asyncio.Event()

    def look(tx: Transaction) -> tuple[AcquisitionChange, ...]:
        return tx.acquisitions.changes(seen[-1] if seen else 0, 100)

    async def follow() -> None:
        while True:
            finished = done.is_set()
            new = await servers[1].view(look)
            seen.extend(one.number for one in new)
            if finished and not new:
                return

    async def change(number: int) -> None:
        job = _acquisition(number)
        store = servers[number % 2]
        await store.decide(lambda tx: tx.jobs.put(job))
        await store.decide(lambda tx: tx.jobs.put(replace(job, phase=Phase.ABORTED)))

    async with asyncio.TaskGroup() as group:
        group.create_task(follow())
        await asyncio.gather(*map(change, range(40)))
        done.set()
    newest = await servers[0].view(lambda tx: tx.acquisitions.newest_change())
    assert seen == list(range(1, newest + 1))
    assert newest >= 80


async def test_names_of_any_length_are_kept(servers: list[Store]) -> None:
    """Longer than an entry of an index may be."""
    long = "ü\0" * 4000
    job = replace(_job(1), run_id=long, owner=long, parameters={long: "x"})
    await servers[0].decide(lambda tx: tx.jobs.put(job))
    assert await servers[0].decide(lambda tx: tx.jobs.reserve(long, long, "j")) == "j"
    for query in (
        JobQuery(limit=9, run_id=long),
        JobQuery(limit=9, owner=long),
        JobQuery(limit=9, parameters=((long, "x"),)),
    ):
        found = await servers[1].view(lambda tx, q=query: tx.jobs.page(q))  # type: ignore[misc]
        assert found == (job,)


class _Explaining(Session):
    """A session that keeps the plan of what it asks."""

    plan = ""

    def rows(
        self, text: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[Row]:
        explained = super().rows(f"EXPLAIN {text}", parameters)
        self.plan = "\n".join(line for (line,) in explained)
        return super().rows(text, parameters)


_QUEUED, _UNFINISHED = (
    frozenset({Phase.QUEUED}),
    frozenset({Phase.QUEUED, Phase.EXECUTING, Phase.SUSPENDED}),
)


_JOB_QUERIES = (
    JobQuery(limit=20),
    JobQuery(limit=20, before=(9_000.0, "x")),
    JobQuery(limit=20, phases=_QUEUED, ready_at=1e9, oldest_first=True),
    JobQuery(limit=20, owner="me7", phases=_UNFINISHED),
    JobQuery(limit=20, owner="me7"),
    JobQuery(limit=20, kind="merge", phases=frozenset({Phase.EXECUTING})),
    JobQuery(limit=20, run="run7"),
    JobQuery(limit=20, run_id="named7"),
    JobQuery(limit=20, error="broken"),
    JobQuery(limit=20, parameters=(("N", "7"),)),
    JobQuery(limit=20, due_at=50.0, without=Phase.ARCHIVED),
)
_NUMBER_QUERIES = (
    NumberQuery(limit=20),
    NumberQuery(limit=20, service="s7", owner="me7"),
    NumberQuery(limit=20, owner="me7", phases=_UNFINISHED),
    NumberQuery(limit=20, begin=(9_000.0, 50)),
    NumberQuery(limit=20, newer_than=(9_000.0, 50), oldest_first=True),
)


def test_jobs_are_found_by_indexes(many_jobs: str) -> None:
    with psycopg.connect(many_jobs) as connection:
        session = _Explaining(connection, Changes(), deciding=False)
        jobs = PostgresJobs(session, lambda _, __: None)
        plans: dict[object, str] = {}
        for query in _JOB_QUERIES:
            jobs.page(query)
            plans[query] = session.plan
        numbers = PostgresJobNumbers(session)
        for numbered in _NUMBER_QUERIES:
            numbers.page(numbered)
            plans[numbered] = session.plan
    for asked, plan in plans.items():
        assert "Index" in plan, (asked, plan)
        assert "Seq Scan" not in plan, (asked, plan)


@pytest.fixture
def many_jobs(postgres_url: str) -> str:
    def made(number: int) -> Job:
        numbered = number % 10 == 0
        return Job(
            id=uuid(number),
            kind=f"s{number % 20}" if numbered else "wait",
            owner=f"me{number % 50}",
            phase=Phase.QUEUED if number % 500 < 2 else Phase.COMPLETED,
            created=float(number),
            runs=(f"run{number % 5000}",),
            run_id=f"named{number}" if number % 9 == 0 else "",
            destruction=float(number) if number % 3 == 0 else None,
            error=JobError(type="fatal", code="broken", message="b")
            if number % 99 == 0
            else None,
            parameters={"N": number % 5000},
        )

    jobs = [made(number) for number in range(10_000)]
    codec = Codec(Job)
    with psycopg.connect(postgres_url) as connection:
        session = Session(connection, Changes(), deciding=True)
        rows = [
            (job, number if number % 10 == 0 else None, codec.encode(job))
            for number, job in enumerate(jobs)
        ]
        copy_jobs(session, rows)
        connection.execute(b"ANALYZE")
    return postgres_url
