import asyncio

import pytest
from msgspec.structs import replace

from quire.actions.waiting import Waiting
from quire.jobs.job import Job
from quire.jobs.phases import Phase
from quire.ports.store import Store, Transaction
from quire.storage.local_doorbell import LocalDoorbell
from quire.testing.waiting import PATIENCE

JOB = Job(id="11111111-2222-3333-4444-555555555555", kind="wait", owner="me")
# None of these waits so long.
LONG = 10 * PATIENCE


@pytest.fixture
def stopping() -> asyncio.Event:
    return asyncio.Event()


@pytest.fixture
def waiting(store: Store, doorbell: LocalDoorbell, stopping: asyncio.Event) -> Waiting:
    return Waiting(store, doorbell, stopping)


async def put(store: Store, job: Job) -> None:
    def decide(tx: Transaction) -> None:
        tx.jobs.put(job)

    await store.decide(decide)


async def test_a_change_of_phase_wakes(store: Store, waiting: Waiting) -> None:
    await put(store, JOB)
    # However late it looks first, it may not take the new phase for the old one.
    pending = frozenset({Phase.PENDING})
    task = asyncio.create_task(waiting.changed(JOB.id, LONG, phases=pending))
    await asyncio.sleep(0)
    await put(store, replace(JOB, run_id="a change, but not of the phase"))
    await asyncio.sleep(0)
    assert not task.done()
    await put(store, replace(JOB, phase=Phase.QUEUED))
    await asyncio.wait_for(task, PATIENCE)


async def test_a_deletion_wakes(store: Store, waiting: Waiting) -> None:
    await put(store, JOB)
    task = asyncio.create_task(waiting.changed(JOB.id, LONG))
    await asyncio.sleep(0)

    def remove(tx: Transaction) -> None:
        tx.jobs.remove(JOB.id)

    await store.decide(remove)
    await asyncio.wait_for(task, PATIENCE)


async def test_the_end_of_the_server_wakes(
    store: Store, waiting: Waiting, stopping: asyncio.Event
) -> None:
    await put(store, JOB)
    task = asyncio.create_task(waiting.changed(JOB.id, LONG))
    await asyncio.sleep(0)
    stopping.set()
    await asyncio.wait_for(task, PATIENCE)


@pytest.mark.parametrize(
    "phase", [Phase.HELD, Phase.SUSPENDED, Phase.COMPLETED, Phase.ARCHIVED]
)
async def test_nobody_waits_in_other_phases(
    store: Store, waiting: Waiting, phase: Phase
) -> None:
    await put(store, replace(JOB, phase=phase))
    await asyncio.wait_for(waiting.changed(JOB.id, LONG), PATIENCE)
    await asyncio.wait_for(waiting.changed("nothing", LONG), PATIENCE)


async def test_the_end_is_waited_for_over_all_that_comes_before(
    store: Store, waiting: Waiting
) -> None:
    await put(store, JOB)
    task = asyncio.create_task(waiting.ended(JOB.id, LONG))
    for phase in (Phase.QUEUED, Phase.EXECUTING, Phase.SUSPENDED):
        await put(store, replace(JOB, phase=phase))
        await asyncio.sleep(0)
        assert not task.done()
    await put(store, replace(JOB, phase=Phase.ERROR))
    await asyncio.wait_for(task, PATIENCE)
