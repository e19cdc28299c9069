import asyncio
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from quire.access.principals import Principal
from quire.actions.destroying import Destroying
from quire.actions.outside_jobs import CHUNK, Listing, NewJob, OutsideJobs
from quire.clock import RandomIds
from quire.errors import InputError, NotFound
from quire.jobs.job import Job
from quire.jobs.outside import Completed, Executing, Queued, begin
from quire.jobs.phases import Phase
from quire.ports.job_numbers import NumberQuery, Place
from quire.ports.store import Store, Transaction
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.storage.sqlite.store import SqliteStore
from quire.testing.still_clock import StillClock
from quire.testing.stores import open_store_of

ALICE = Principal(name="alice", service="cutout")
EVERY = NumberQuery(limit=0, service="cutout", owner="alice")
PLACES = st.tuples(st.integers(-1, 4).map(float), st.integers(0, 9))
PHASES = st.sampled_from([Phase.PENDING, Phase.ERROR, Phase.ARCHIVED])
JOBS = st.lists(
    st.tuples(st.sampled_from("st"), st.sampled_from("ab"), st.integers(0, 3), PHASES),
    max_size=8,
)
QUERIES = st.lists(
    st.builds(
        NumberQuery,
        limit=st.integers(0, 9),
        skip=st.integers(0, 3),
        service=st.sampled_from([None, "s", "t", "u"]),
        owner=st.sampled_from([None, "a", "b", "c"]),
        phases=st.frozensets(PHASES),
        since=st.none() | st.integers(-1, 3).map(float),
        begin=st.none() | PLACES,
        newer_than=st.none() | PLACES,
        oldest_first=st.booleans(),
    ),
    min_size=3,
    max_size=6,
)


@pytest.fixture
def clock() -> StillClock:
    return StillClock(1000.0)


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    opened = await open_store_of(tmp_path)
    yield opened
    await opened.aclose()


@pytest.fixture
def jobs(store: Store, clock: StillClock) -> OutsideJobs:
    return OutsideJobs(store, clock, RandomIds(), kinds=("merge",))


async def create(jobs: OutsideJobs, count: int = 1) -> None:
    new = NewJob(parameters={}, destruction=2000.0)
    await asyncio.gather(*(jobs.create(new, ALICE) for _ in range(count)))


async def numbers(listing: Listing) -> list[int]:
    return [one.number async for chunk in listing.jobs for one in chunk]


async def test_a_life_is_told_to_listeners(store: Store, jobs: OutsideJobs) -> None:
    await create(jobs)
    for report in (Queued(), Executing(started=1001.0), Completed(), Completed()):
        last = await jobs.report(1, report, ALICE)
    entries = await store.view(lambda tx: tx.progress.entries(last.job.id, 0, 9))
    told = [(entry.event.type.value, entry.event.message) for entry in entries]
    assert told == [
        ("info", "Created by cutout"),
        ("info", "Queued"),
        ("info", "Executing"),
        ("complete", "Completed"),
    ]


async def test_a_deletion_is_told_once_it_matters(
    store: Store, jobs: OutsideJobs
) -> None:
    await create(jobs)
    job = (await jobs.get(1, ALICE)).job
    await jobs.delete(1, ALICE)
    head = await store.view(lambda tx: tx.progress.head(job.id))
    assert head is not None
    assert head.final
    with pytest.raises(NotFound):
        await jobs.delete(1, ALICE)


async def test_a_kind_is_no_service(jobs: OutsideJobs) -> None:
    merge = Principal(name="alice", service="merge")
    with pytest.raises(InputError):
        await jobs.create(NewJob(parameters={}, destruction=2000.0), merge)


async def test_a_chunk_follows_the_other_whatever_goes_in_between(
    jobs: OutsideJobs,
) -> None:
    await create(jobs, CHUNK + 5)
    listing = await jobs.listing(EVERY, limit=None, behind=None)
    seen = [one.number for one in await anext(listing.jobs)]
    assert seen == list(range(CHUNK + 5, 5, -1))
    await jobs.delete(6, ALICE)
    await jobs.delete(3, ALICE)
    await create(jobs)
    assert await numbers(listing) == [5, 4, 2, 1]


@pytest.mark.parametrize("limit", [None, 1, 3, CHUNK + 1])
async def test_going_back_ends_where_one_began(
    jobs: OutsideJobs, limit: int | None
) -> None:
    await create(jobs, CHUNK + 7)
    behind: Place = (1000.0, 4)
    listing = await jobs.listing(EVERY, limit=limit, behind=behind)
    last = CHUNK + 7 if limit is None else min(4 + limit, CHUNK + 7)
    assert await numbers(listing) == list(range(last, 4, -1))
    assert listing.older == behind
    assert (listing.newer is not None) is (last < CHUNK + 7)


async def test_what_is_due_is_archived_and_gone(
    store: Store, jobs: OutsideJobs, clock: StillClock, tmp_path: Path
) -> None:
    await create(jobs, 450)
    await jobs.report(1, Executing(started=1001.0), ALICE)
    destroying = Destroying(store, LocalDoorbell(), clock, data_folder=tmp_path)
    clock.at = 1999.0
    assert await destroying.sweep() == 0
    clock.at = 2000.0
    assert await destroying.sweep() == 450
    assert await numbers(await jobs.listing(EVERY, limit=None, behind=None)) == []
    assert await jobs.services() == ()
    with pytest.raises(NotFound):
        await jobs.get(1, ALICE)


def made(service: str, owner: str, created: int, phase: Phase, place: int) -> Job:
    job = begin(
        job=f"job {place}", service=service, owner=owner, parameters={}, now=created
    )
    return replace(job, phase=phase)


@settings(max_examples=30, deadline=None)
@given(JOBS, QUERIES)
def test_sqlite_lists_as_memory_does(
    drawn: list[tuple[str, str, int, Phase]], queries: list[NumberQuery]
) -> None:
    # Numbers and times grow together, as they do behind one clock.
    every = [
        made(*one, place) for place, one in enumerate(sorted(drawn, key=lambda d: d[2]))
    ]

    def put(tx: Transaction) -> None:
        for job in every:
            tx.jobs.put(job)
            tx.numbers.allocate(job.id)

    def ask(tx: Transaction) -> object:
        pages = [tx.numbers.page(query) for query in queries]
        names = [tx.numbers.owners(name) for name in (None, "s", "t", "u")]
        return pages, names, tx.numbers.services()

    async def compare(folder: Path) -> None:
        memory = MemoryStore(doorbell=LocalDoorbell())
        sqlite = await SqliteStore.open(folder, doorbell=LocalDoorbell())
        try:
            for store in (memory, sqlite):
                await store.decide(put)
            assert await sqlite.view(ask) == await memory.view(ask)
        finally:
            await sqlite.aclose()

    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(compare(Path(folder)))
