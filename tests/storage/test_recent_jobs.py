"""What the writer remembers of jobs is what is there, whatever fails in between."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from quire.jobs.job import Job
from quire.jobs.phases import Phase
from quire.ports.store import Transaction
from quire.progress.event import info
from quire.progress.log import Head, append
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.store import SqliteStore

JOB = Job(id="11111111-1111-4111-8111-111111111111", kind="wait", owner="me")


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqliteStore]:
    store = await SqliteStore.open(tmp_path, doorbell=LocalDoorbell())
    await store.decide(lambda tx: tx.jobs.put(JOB))
    yield store
    await store.aclose()


def fail_behind(tx: Transaction) -> None:
    """Change everything of the job, and think better of it."""
    tx.jobs.put(replace(JOB, phase=Phase.ERROR))
    tx.numbers.allocate(JOB.id)
    head, entry = append(Head(operation=JOB.id), info("never"), at=1.0)
    assert entry is not None
    tx.progress.append(head, entry)
    raise LookupError


async def both(store: SqliteStore) -> tuple[Job | None, Job | None]:
    """Return the job as the writer has it, and as it is on disk."""
    written = await store.decide(lambda tx: tx.jobs.get(JOB.id))
    return written, await store.view(lambda tx: tx.jobs.get(JOB.id))


async def test_what_failed_is_forgotten(store: SqliteStore) -> None:
    with pytest.raises(LookupError):
        await store.decide(fail_behind)
    assert await both(store) == (JOB, JOB)
    assert await store.decide(lambda tx: tx.progress.head(JOB.id)) is None
    assert await store.decide(lambda tx: tx.numbers.find(1)) is None


async def test_what_failed_among_others_of_one_commit_is_forgotten(
    store: SqliteStore,
) -> None:
    queued = replace(JOB, phase=Phase.QUEUED)

    def once_more(tx: Transaction) -> Phase | None:
        found = tx.jobs.get(JOB.id)
        return found.phase if found else None

    for _ in range(20):
        told = await asyncio.gather(
            store.decide(lambda tx: tx.jobs.put(queued)),
            store.decide(fail_behind),
            store.decide(once_more),
            return_exceptions=True,
        )
        assert isinstance(told[1], LookupError)
        assert told[2] is Phase.QUEUED
    assert await both(store) == (queued, queued)


async def test_a_log_goes_on_where_it_was(store: SqliteStore) -> None:
    def say(tx: Transaction) -> int:
        head = tx.progress.head(JOB.id) or Head(operation=JOB.id)
        head, entry = append(head, info("said"), at=1.0)
        assert entry is not None
        tx.progress.append(head, entry)
        return entry.number

    assert [await store.decide(say) for _ in range(3)] == [1, 2, 3]
    on_disk = await store.view(lambda tx: tx.progress.head(JOB.id))
    assert on_disk == await store.decide(lambda tx: tx.progress.head(JOB.id))


async def test_what_is_removed_is_no_more(store: SqliteStore) -> None:
    number = await store.decide(lambda tx: tx.numbers.allocate(JOB.id))
    found = await store.decide(lambda tx: tx.numbers.find(number))
    assert found is not None
    assert found.job == JOB
    await store.decide(lambda tx: tx.jobs.remove(JOB.id))
    assert await both(store) == (None, None)
    assert await store.decide(lambda tx: tx.numbers.find(number)) is None


async def test_what_is_archived_has_no_number(store: SqliteStore) -> None:
    number = await store.decide(lambda tx: tx.numbers.allocate(JOB.id))
    archived = replace(JOB, phase=Phase.ARCHIVED)
    await store.decide(lambda tx: tx.jobs.put(archived))
    assert await store.decide(lambda tx: tx.numbers.find(number)) is None


@pytest.mark.parametrize("size", [10, 5_000])
async def test_large_and_small_ones_are_found_by_their_parameters(
    store: SqliteStore, size: int
) -> None:
    values = [f"{place:05}" for place in range(size // 5)]
    job = replace(JOB, parameters={"A": values, "B": "x" * size})
    await store.decide(lambda tx: tx.jobs.put(job))
    assert await both(store) == (job, job)
    fewer = replace(JOB, parameters={"A": values[1:]})
    await store.decide(lambda tx: tx.jobs.put(fewer))
    assert await both(store) == (fewer, fewer)
