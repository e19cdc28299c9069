import asyncio
import json
from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any

import psycopg
import pytest
from msgspec.structs import replace

from quire.jobs.job import Job, JobError
from quire.jobs.outside import begin
from quire.jobs.phases import Phase
from quire.ports.acquisition_records import AcquisitionChange
from quire.ports.doorbell import Doorbell
from quire.ports.job_numbers import NumberQuery
from quire.ports.job_records import JobQuery
from quire.ports.store import Store, Transaction
from quire.storage.codec import Codec
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.postgres.changes import Changes
from quire.storage.postgres.job_copying import copy_jobs
from quire.storage.postgres.job_numbers import PostgresJobNumbers
from quire.storage.postgres.jobs import PostgresJobs
from quire.storage.postgres.session import Row, Session
from quire.storage.postgres.store import PostgresStore
from quire.testing.contracts.fixtures import uuid
from quire.testing.contracts.saved_queries import SavedQueriesContract

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
