import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

import pytest

from quire.actions.dispatch import Dispatcher
from quire.engines.embedded.engine import EmbeddedEngine
from quire.errors import StoreFull
from quire.jobs.limits import KindLimits, Limits, Quotas
from quire.jobs.phases import Phase
from quire.ports.engine import Engine, Launch
from quire.ports.store import Decision
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.testing.engine_bench import Bench, alive, noted, until_dead
from quire.testing.hostile_kinds import hostile
from quire.testing.inline_engine import InlineEngine
from quire.testing.stores import open_store_of
from quire.testing.waiting import PATIENCE, until_async

T = TypeVar("T")

HOSTILE = ["quire.worker", "--kinds=quire.testing.hostile_kinds:hostile", "--beat=0.1"]


class CountingStore(MemoryStore):
    looks = 0

    async def view(self, question: Decision[T]) -> T:
        self.looks += 1
        return await super().view(question)


class FillingStore(MemoryStore):
    full = False
    refused = 0

    async def decide(self, decision: Decision[T], *, brief: bool = False) -> T:
        if self.full:
            self.refused += 1
            raise StoreFull("the disk is full")
        return await super().decide(decision, brief=brief)


class CountingEngine(InlineEngine):
    launches: Counter[str]

    async def start(self) -> None:
        self.launches = Counter()
        await super().start()

    async def launch(self, launch: Launch) -> None:
        await super().launch(launch)
        self.launches[launch.job] += 1


def make_bench(tmp_path: Path, *, lease: float = 30.0) -> Bench:
    doorbell = LocalDoorbell()
    return Bench(MemoryStore(doorbell=doorbell), doorbell, tmp_path, lease=lease)


@asynccontextmanager
async def dispatching(
    bench: Bench,
    engine: Engine,
    *,
    limits: KindLimits | None = None,
    quotas: Quotas | None = None,
) -> AsyncIterator[None]:
    dispatcher = Dispatcher(
        bench.store,
        engine,
        bench.attempts,
        doorbell=bench.doorbell,
        clock=bench.clock,
        limits=limits,
        quotas=quotas,
    )
    await dispatcher.start()
    try:
        yield
    finally:
        await dispatcher.stop()


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    return make_bench(tmp_path)


@pytest.fixture
def inline(bench: Bench) -> InlineEngine:
    return InlineEngine(bench.attempts, bench.doorbell, hostile(), slots=2)


def embedded(bench: Bench, *, slots: int = 1) -> EmbeddedEngine:
    return EmbeddedEngine(bench.attempts, bench.doorbell, HOSTILE, slots=slots)


async def test_more_jobs_than_slots_all_run(bench: Bench, inline: InlineEngine) -> None:
    before = [await bench.submit("behave") for _ in range(5)]
    async with dispatching(bench, inline):
        jobs = before + [await bench.submit("behave") for _ in range(5)]
        for job in jobs:
            done = await bench.until_phase(job, Phase.COMPLETED)
            assert done.attempt == 1


async def test_oldest_first(bench: Bench) -> None:
    engine = InlineEngine(bench.attempts, bench.doorbell, hostile(), slots=1)
    jobs = [await bench.submit("behave") for _ in range(5)]
    async with dispatching(bench, engine):
        ended = [(await bench.until_phase(job, Phase.COMPLETED)).ended for job in jobs]
    assert ended == sorted(ended, key=lambda time: time or 0.0)


async def test_a_transient_error_is_tried_again(
    bench: Bench, inline: InlineEngine
) -> None:
    async with dispatching(bench, inline):
        job = await bench.submit("fail_for_now", TIMES=2)
        done = await bench.until_phase(job, Phase.COMPLETED)
    assert (done.attempt, done.retries) == (3, 2)


async def test_a_held_job_waits_for_a_person(
    bench: Bench, inline: InlineEngine
) -> None:
    async with dispatching(bench, inline):
        job = await bench.submit("block")
        await bench.until_phase(job, Phase.HELD)
        await bench.run(job)
        done = await bench.until_phase(job, Phase.COMPLETED)
    assert done.attempt == 2


async def test_an_aborted_job_is_killed_and_frees_its_slot(
    bench: Bench, inline: InlineEngine
) -> None:
    async with dispatching(bench, inline):
        for _ in range(4):
            job = await bench.submit("sleep")
            await bench.until_phase(job, Phase.EXECUTING)
            await bench.abort(job)
        await bench.until_free(inline, 2)


async def test_what_takes_too_long_is_aborted(
    bench: Bench, inline: InlineEngine
) -> None:
    async with dispatching(bench, inline):
        job = await bench.submit("sleep", duration=1)
        await bench.until_phase(job, Phase.ABORTED)


async def test_an_abort_leaves_no_survivor(bench: Bench, tmp_path: Path) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    async with dispatching(bench, embedded(bench)):
        job = await bench.submit("double_fork", NOTES=str(notes))
        pids = [(await noted(notes, name))[0] for name in ("worker.1", "daemon.1")]
        await bench.abort(job)
        for pid in pids:
            await until_dead(pid)
        after = await bench.submit("behave")
        await bench.until_phase(after, Phase.COMPLETED)


async def test_a_killed_worker_costs_an_attempt(bench: Bench) -> None:
    async with dispatching(bench, embedded(bench)):
        job = await bench.submit("die", TIMES=2)
        done = await bench.until_phase(job, Phase.COMPLETED)
        assert (done.attempt, done.losses) == (3, 2)
        hopeless = await bench.submit("die")
        failed = await bench.until_phase(hopeless, Phase.ERROR)
    assert failed.error is not None
    assert failed.error.code == "attempt_lost"


async def test_a_silent_worker_is_killed_and_lost(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, lease=1.0)
    async with dispatching(bench, embedded(bench)):
        job = await bench.submit("freeze", NOTES=str(tmp_path))
        worker, _ = await noted(tmp_path, "worker.1")
        done = await bench.until_phase(job, Phase.COMPLETED)
    # On a slow machine the second may be silent as well.
    assert (done.attempt, done.losses) in {(2, 1), (3, 2)}
    assert not alive(worker)
    assert "error: Attempt 1 was lost: it gave no sign of life" in "".join(
        await bench.messages(job)
    )


async def test_it_stops_while_nobody_can_write_down_that_one_was_silent(
    tmp_path: Path,
) -> None:
    doorbell = LocalDoorbell()
    store = FillingStore(doorbell=doorbell)
    bench = Bench(store, doorbell, tmp_path, lease=1.0)
    async with asyncio.timeout(PATIENCE):
        async with dispatching(bench, embedded(bench)):
            job = await bench.submit("freeze")
            await bench.until_phase(job, Phase.EXECUTING)
            store.full = True
            await until_async(lambda: store.refused)
    store.full = False
    assert (await bench.job(job)).phase is Phase.EXECUTING  # the next start's


async def test_a_busy_worker_keeps_its_lease(tmp_path: Path) -> None:
    bench = make_bench(tmp_path, lease=6.0)
    async with dispatching(bench, embedded(bench)):
        job = await bench.submit("sleep")
        begun = await bench.until_phase(job, Phase.EXECUTING)
        later = await bench.until(
            job, lambda found: (found.lease_until or 0) > (begun.lease_until or 0) + 1
        )
    assert (later.attempt, later.phase) == (1, Phase.EXECUTING)


async def test_a_restart_takes_up_what_was_under_way(tmp_path: Path) -> None:
    doorbell = LocalDoorbell()
    store = await open_store_of(tmp_path, doorbell)
    bench = Bench(store, doorbell, tmp_path)
    notes = tmp_path / "notes"
    notes.mkdir()
    async with dispatching(bench, embedded(bench)):
        job = await bench.submit("sleep", NOTES=str(notes))
        first, _ = await noted(notes, "worker.1")
    assert not alive(first)
    async with dispatching(bench, embedded(bench)):
        await noted(notes, "worker.2")
        await bench.abort(job)
    assert (await bench.job(job)).attempt == 2
    await store.aclose()


async def test_idle_it_looks_only_when_it_is_called(bench: Bench) -> None:
    doorbell = LocalDoorbell()
    store = CountingStore(doorbell=doorbell)
    bench = Bench(store, doorbell, bench.data_folder)
    engine = InlineEngine(bench.attempts, doorbell, hostile(), slots=1)
    async with dispatching(bench, engine):
        job = await bench.submit("behave")
        await bench.until_phase(job, Phase.COMPLETED)
        await bench.until_free(engine)
        looks = []
        for _ in range(20):
            before = store.looks
            doorbell.ring(["runs"])
            await asyncio.sleep(0.02)
            looks.append(store.looks - before)
        # The first may still be of what the job has left to do.
        assert 0 in looks


async def test_a_kind_runs_no_more_at_once_than_it_may(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    engine = InlineEngine(bench.attempts, bench.doorbell, hostile(), slots=3)
    limits = KindLimits({"sleep": Limits(concurrency=1)})
    async with dispatching(bench, engine, limits=limits):
        sleepers = [await bench.submit("sleep") for _ in range(300)]
        await bench.until_phase(sleepers[0], Phase.EXECUTING)
        others = [await bench.submit("behave") for _ in range(4)]
        for job in others:
            await bench.until_phase(job, Phase.COMPLETED)
        assert (await bench.job(sleepers[1])).phase is Phase.QUEUED
        await bench.abort(sleepers[0])
        await bench.until_phase(sleepers[1], Phase.EXECUTING)


async def test_one_owners_thousand_do_not_hold_up_anothers_one(bench: Bench) -> None:
    engine = InlineEngine(bench.attempts, bench.doorbell, hostile(), slots=1)
    many = [await bench.submit("idle", owner="ann") for _ in range(1000)]
    async with dispatching(bench, engine):
        await bench.until_phase(many[5], Phase.COMPLETED)
        job = await bench.submit("idle", owner="bob")
        await bench.until_phase(job, Phase.COMPLETED)
        assert (await bench.job(many[-1])).phase is Phase.QUEUED


async def test_an_owner_has_no_more_slots_than_allowed(tmp_path: Path) -> None:
    bench = make_bench(tmp_path)
    engine = InlineEngine(bench.attempts, bench.doorbell, hostile(), slots=3)
    async with dispatching(bench, engine, quotas=Quotas(running=1)):
        first, second = [await bench.submit("sleep", owner="ann") for _ in range(2)]
        other = await bench.submit("sleep", owner="bob")
        for job in (first, other):
            await bench.until_phase(job, Phase.EXECUTING)
        assert engine.free() == 1
        assert (await bench.job(second)).phase is Phase.QUEUED
        await bench.abort(first)
        await bench.until_phase(second, Phase.EXECUTING)


async def test_the_urgent_come_first(bench: Bench) -> None:
    engine = InlineEngine(bench.attempts, bench.doorbell, hostile(), slots=1)
    usual = [await bench.submit("behave") for _ in range(3)]
    urgent = [await bench.submit("idle") for _ in range(3)]
    limits = KindLimits({"idle": Limits(priority=1)})
    async with dispatching(bench, engine, limits=limits):
        ended = [
            (await bench.until_phase(job, Phase.COMPLETED)).ended
            for job in (*urgent, *usual)
        ]
    assert ended == sorted(ended, key=lambda time: time or 0.0)


async def test_a_stop_queues_again_what_it_cut_off(
    bench: Bench, inline: InlineEngine
) -> None:
    async with dispatching(bench, inline):
        job = await bench.submit("sleep")
        await bench.until_phase(job, Phase.EXECUTING)
    stopped = await bench.job(job)
    assert (stopped.phase, stopped.cut_off, stopped.losses) == (Phase.QUEUED, 0, 0)


async def test_every_job_is_launched_once(bench: Bench) -> None:
    """What is remembered of the queue is not taken for what waits there still."""
    engine = CountingEngine(bench.attempts, bench.doorbell, hostile(), slots=3)
    jobs = [await bench.submit("idle", owner=f"{n % 7}") for n in range(600)]
    async with dispatching(bench, engine):
        jobs += [await bench.submit("idle") for _ in range(100)]
        for job in jobs:
            await bench.until_phase(job, Phase.COMPLETED)
    assert engine.launches == Counter(jobs)
