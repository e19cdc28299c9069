import asyncio
from itertools import pairwise
from pathlib import Path

import pytest
from msgspec.structs import replace

from quire.access.principals import Principal
from quire.actions.destroying import ARCHIVE_SECONDS, Destroying
from quire.actions.follow import Follow
from quire.errors import NotFound
from quire.jobs.job import Job, JobResult
from quire.jobs.phases import Phase
from quire.ports.store import Store
from quire.storage.local_doorbell import LocalDoorbell
from quire.testing.still_clock import StillClock

NAME = "11111111-2222-3333-4444-555555555555"


@pytest.fixture
def destroying(
    store: Store, doorbell: LocalDoorbell, clock: StillClock, tmp_path: Path
) -> Destroying:
    return Destroying(store, doorbell, clock, data_folder=tmp_path)


def folder_of(tmp_path: Path, job: str) -> Path:
    folder = tmp_path / "jobs" / job
    (folder / "1").mkdir(parents=True)
    (folder / "1" / "said.txt").write_text("said")
    return folder


async def put(store: Store, *jobs: Job) -> None:
    def decide(tx: object) -> None:
        for job in jobs:
            tx.jobs.put(job)  # type: ignore[attr-defined]

    await store.decide(decide)


async def got(store: Store, job: str = NAME) -> Job | None:
    return await store.view(lambda tx: tx.jobs.get(job))


def finished(clock: StillClock, **more: object) -> Job:
    result = JobResult(id="r", path="p", size=1, mime_type="t")
    job = Job(id=NAME, kind="wait", owner="visitor", phase=Phase.COMPLETED,
              results=(result,), created=clock.now())  # fmt: skip
    return replace(job, **more)


async def test_a_time_that_has_come_archives_and_later_purges(
    store: Store, destroying: Destroying, clock: StillClock, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path, NAME)
    await put(store, finished(clock, destruction=clock.now() + 10))
    assert await destroying.sweep() == 0
    assert folder.exists()
    clock.advance(11)
    assert await destroying.sweep() == 1
    archived = await got(store)
    assert archived is not None
    assert archived.phase is Phase.ARCHIVED
    assert archived.results == ()
    assert not folder.exists()
    assert await destroying.sweep() == 0
    clock.advance(ARCHIVE_SECONDS)
    assert await destroying.sweep() == 1
    assert await got(store) is None


async def test_what_runs_is_aborted_first(
    store: Store,
    destroying: Destroying,
    clock: StillClock,
    doorbell: LocalDoorbell,
    staff: Principal,
) -> None:
    running = finished(
        clock, phase=Phase.EXECUTING, attempt=1, destruction=clock.now() - 1
    )
    await put(store, running)
    assert await destroying.sweep() == 1
    archived = await got(store)
    assert archived is not None
    assert archived.phase is Phase.ARCHIVED
    assert archived.ended == clock.now()
    told = await Follow(store, doorbell).told(NAME, 10)
    assert "destruction" in told[-1].event.message
    del staff


async def test_more_than_a_batch_is_due(
    store: Store, destroying: Destroying, clock: StillClock
) -> None:
    jobs = [
        finished(
            clock,
            id=f"{number:08d}-2222-3333-4444-555555555555",
            destruction=clock.now() - 1,
        )
        for number in range(450)
    ]
    await put(store, *jobs)
    assert await destroying.sweep() == 450


async def test_deleting_forgets_the_job_and_its_files(
    store: Store,
    destroying: Destroying,
    clock: StillClock,
    tmp_path: Path,
    visitor: Principal,
    staff: Principal,
) -> None:
    folder = folder_of(tmp_path, NAME)
    await put(store, finished(clock, owner="someone"))
    with pytest.raises(NotFound):
        await destroying.delete(NAME, visitor)
    assert folder.exists()
    await destroying.delete(NAME, staff)
    assert await got(store) is None
    assert not folder.exists()
    with pytest.raises(NotFound):
        await destroying.delete(NAME, staff)


async def test_what_a_dead_process_writes_late_goes_as_well(
    store: Store,
    destroying: Destroying,
    clock: StillClock,
    tmp_path: Path,
    staff: Principal,
) -> None:
    await put(store, finished(clock))
    await destroying.delete(NAME, staff)
    folder = folder_of(tmp_path, NAME)
    await destroying.sweep()
    assert not folder.exists()


async def test_other_folders_stay(
    store: Store, destroying: Destroying, clock: StillClock, tmp_path: Path
) -> None:
    folder = folder_of(tmp_path, NAME)
    await put(store, finished(clock))
    fresh = folder_of(tmp_path, "being-made")
    await destroying.sweep()
    assert folder.exists()
    assert fresh.exists()


async def test_others_have_their_turn_while_many_come_due(
    store: Store, destroying: Destroying, clock: StillClock
) -> None:
    names = [f"{number:08x}-2222-4333-8444-555555555555" for number in range(600)]
    due = clock.now() + 10
    await put(store, *(finished(clock, id=name, destruction=due) for name in names))
    clock.advance(11)

    sweeping, left = asyncio.create_task(destroying.sweep()), []
    while not sweeping.done():
        jobs = await store.decide(
            lambda tx: [tx.jobs.get(name) for name in names[::10]]
        )
        left.append(sum(job.phase is Phase.COMPLETED for job in jobs if job))
        await asyncio.sleep(0)

    assert await sweeping == len(names)
    # Nobody had to wait for all of them: many were seen half done.
    assert len(set(left)) > 3
    assert max(one - two for one, two in pairwise([60, *left])) < 40
