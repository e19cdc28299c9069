"""Attempts that wait with a scheduler, and what it may say of them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest

from quire.actions.attempts import Attempts
from quire.actions.dispatch import Dispatcher
from quire.actions.runners import Runners
from quire.engines.choosing import ChoosingEngine
from quire.engines.distributed import DistributedEngine
from quire.jobs.job import Completed
from quire.jobs.limits import KindLimits, Limits
from quire.jobs.phases import Phase
from quire.ports.launcher import (
    AttemptKey,
    LauncherAway,
    LaunchRefused,
    RunnerOrder,
    Seen,
    There,
)
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.testing.attempt_server import AttemptServer
from quire.testing.engine_bench import Bench
from quire.testing.hostile_kinds import hostile
from quire.testing.inline_engine import InlineEngine
from quire.testing.still_clock import StillClock
from quire.testing.waiting import PATIENCE

LIMITS = KindLimits({"sleep": Limits(engine="cluster")})
ME = "node:1"


class Queue:
    """A `quire.ports.launcher.Launcher` whose attempts wait; it says what it is told."""

    def __init__(self) -> None:
        self.launched: list[AttemptKey] = []
        self.killed: list[AttemptKey] = []
        self.says: There = There.WAITING
        self.why = ""
        self.looks = 0
        self.problem: Exception | None = None

    async def start(self) -> None:
        return

    async def launch(self, order: RunnerOrder) -> None:
        if self.problem is not None:
            raise self.problem
        self.launched.append((order.job, order.attempt))

    async def kill(self, key: AttemptKey) -> None:
        if self.problem is not None:
            raise self.problem
        self.killed.append(key)
        self.says = There.GONE

    async def poll(self, keys: Sequence[AttemptKey]) -> Mapping[AttemptKey, Seen]:
        self.looks += 1
        if self.problem is not None:
            raise self.problem
        return dict.fromkeys(keys, Seen(there=self.says, why=self.why))

    async def stop(self) -> None:
        return


class Site:
    """A dispatcher over the server's own engine and one that only queues."""

    def __init__(self, bench: Bench) -> None:
        self.queue = Queue()
        server = AttemptServer(bench)
        self.runners: Runners = server.runners
        self.cluster = DistributedEngine(
            server.runners,
            self.queue,
            bench.doorbell,
            server.order,
            slots=2,
            grace=0.05,
            poll=0.02,
        )
        embedded = InlineEngine(bench.attempts, bench.doorbell, hostile(), slots=1)
        engine = ChoosingEngine({"embedded": embedded, "cluster": self.cluster}, LIMITS)
        self.dispatcher = Dispatcher(
            bench.store,
            engine,
            bench.attempts,
            doorbell=bench.doorbell,
            clock=bench.clock,
            limits=LIMITS,
            choice=engine,
        )


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    doorbell = LocalDoorbell()
    return Bench(
        MemoryStore(doorbell=doorbell), doorbell, tmp_path, lease=0.2, limits=LIMITS
    )


@pytest.fixture
def clock() -> StillClock:
    return StillClock(1.8e9)


@pytest.fixture
def still(tmp_path: Path, clock: StillClock) -> Bench:
    """A bench whose leases end when a test says so."""
    doorbell = LocalDoorbell()
    store = MemoryStore(doorbell=doorbell)
    return Bench(store, doorbell, tmp_path, lease=0.2, limits=LIMITS, clock=clock)


@pytest.fixture
async def site(bench: Bench) -> AsyncIterator[Site]:
    site = Site(bench)
    await site.dispatcher.start()
    yield site
    await site.dispatcher.stop()


async def until_launched(site: Site, times: int = 1) -> None:
    async with asyncio.timeout(PATIENCE):
        while len(site.queue.launched) < times:  # noqa: ASYNC110  # a list
            await asyncio.sleep(0.005)


async def until_looked(site: Site, times: int) -> None:
    async with asyncio.timeout(PATIENCE):
        goal = site.queue.looks + times
        while site.queue.looks < goal:  # noqa: ASYNC110  # a number
            await asyncio.sleep(0.005)


async def test_who_waits_is_not_lost(bench: Bench, site: Site) -> None:
    waiting = await bench.submit("sleep")
    await until_launched(site)
    others = [await bench.submit("behave") for _ in range(3)]
    for other in others:
        await bench.until_phase(other, Phase.COMPLETED)
    await asyncio.sleep(3 * bench.attempts.lease)
    found = await bench.job(waiting)
    assert (found.phase, found.attempt, found.losses) == (Phase.QUEUED, 0, 0)
    assert site.queue.launched == [(waiting, 1)]


async def test_a_full_engine_does_not_hold_up_another(bench: Bench, site: Site) -> None:
    for _ in range(4):
        await bench.submit("sleep")
    await until_launched(site, 2)
    job = await bench.submit("behave")
    await bench.until_phase(job, Phase.COMPLETED)
    assert len(site.queue.launched) == 2


async def test_who_waits_is_taken_from_the_queue(bench: Bench, site: Site) -> None:
    job = await bench.submit("sleep")
    await until_launched(site)
    await bench.abort(job)
    await bench.until_free(site.cluster, 2)
    assert site.queue.killed == [(job, 1)]


async def test_a_refusal_is_told(bench: Bench, site: Site) -> None:
    site.queue.problem = LaunchRefused("there is no partition 'shrot'")
    job = await bench.submit("sleep")
    ended = await bench.until_phase(job, Phase.ERROR)
    assert ended.error is not None
    assert "there is no partition 'shrot'" in ended.error.message
    assert ended.losses == 3


async def test_a_scheduler_that_is_away_costs_nothing(bench: Bench, site: Site) -> None:
    site.queue.problem = LauncherAway("connection refused")
    job = await bench.submit("sleep")
    await asyncio.sleep(2 * bench.attempts.lease)
    site.queue.problem = None
    await until_launched(site)
    found = await bench.job(job)
    assert (found.phase, found.attempt, found.losses) == (Phase.QUEUED, 0, 0)


async def test_what_was_forgotten_is_launched_again(bench: Bench, site: Site) -> None:
    job = await bench.submit("sleep")
    await until_launched(site)
    site.queue.says = There.UNKNOWN
    await until_launched(site, 2)
    assert set(site.queue.launched) == {(job, 1)}


async def test_what_ended_before_it_began_is_lost(bench: Bench, site: Site) -> None:
    job = await bench.submit("sleep")
    await until_launched(site)
    site.queue.says = There.GONE
    lost = await bench.until(job, lambda found: found.losses == 1)
    assert (lost.phase, lost.attempt) == (Phase.QUEUED, 1)


async def test_what_has_begun_is_lost_by_its_lease_alone(
    still: Bench, clock: StillClock
) -> None:
    site = Site(still)
    await site.dispatcher.start()
    job = await still.submit("sleep")
    await until_launched(site)
    await site.runners.claim(job, 1, ME)
    site.queue.says = There.GONE
    for _ in range(10):
        clock.advance(still.attempts.lease / 2)
        await until_looked(site, 1)
        await still.attempts.beat(job, 1)
    assert (await still.job(job)).losses == 0
    clock.advance(2 * still.attempts.lease)
    lost = await still.until(job, lambda found: found.losses == 1)
    assert (lost.phase, lost.attempt) == (Phase.QUEUED, 1)
    assert site.queue.killed == [(job, 1)]
    await site.dispatcher.stop()


async def test_a_dead_scheduler_does_not_keep_what_is_silent(
    bench: Bench, site: Site
) -> None:
    job = await bench.submit("sleep")
    await until_launched(site)
    await site.runners.claim(job, 1, ME)
    site.queue.problem = LauncherAway("connection refused")
    lost = await bench.until(job, lambda found: found.losses == 1)
    assert (lost.phase, lost.attempt) == (Phase.QUEUED, 1)


async def test_the_next_server_adopts(still: Bench) -> None:
    first = Site(still)
    await first.dispatcher.start()
    job = await still.submit("sleep")
    await until_launched(first)
    await first.runners.claim(job, 1, ME)
    await first.dispatcher.stop()
    second = Site(still)
    await second.dispatcher.start()
    assert second.cluster.free() == 1
    await still.attempts.beat(job, 1)
    await second.runners.finish(job, 1, Completed())
    done = await still.until_phase(job, Phase.COMPLETED)
    assert (done.attempt, done.losses, done.cut_off) == (1, 0, 0)
    await second.dispatcher.stop()


async def test_an_adopted_attempt_may_be_lost(bench: Bench) -> None:
    first = Site(bench)
    await first.dispatcher.start()
    job = await bench.submit("sleep")
    await until_launched(first)
    await first.runners.claim(job, 1, ME)
    await first.dispatcher.stop()
    second = Site(bench)
    await second.dispatcher.start()
    lost = await bench.until(job, lambda found: found.losses == 1)
    assert lost.attempt == 1
    await second.dispatcher.stop()


async def test_a_silent_attempt_of_a_dead_server_is_lost(
    still: Bench, clock: StillClock
) -> None:
    one, other = (
        Attempts(
            still.store,
            still.clock,
            still.publisher,
            data_folder=still.data_folder,
            lease=0.1,
            server=name,
        )
        for name in ("one", "other")
    )

    async def alive(_: str) -> bool:
        return False

    job = await still.submit("sleep")
    await one.claim(job, 1, host=ME)
    assert await other.take_over(alive) == 0
    clock.advance(0.25)
    assert await other.take_over(alive) == 1
    lost = await still.job(job)
    assert (lost.phase, lost.losses, lost.cut_off) == (Phase.QUEUED, 1, 0)


async def test_what_was_lost_leaves_no_files(bench: Bench, site: Site) -> None:
    job = await bench.submit("sleep")
    await until_launched(site)
    given = await site.runners.claim(job, 1, ME)
    file = Path(given.folder) / "label.txt"
    file.parent.mkdir(parents=True)
    file.write_text("of the attempt")
    await bench.until(job, lambda found: found.losses == 1)
    async with asyncio.timeout(PATIENCE):
        while file.exists():  # noqa: ASYNC110  # the disk tells nobody
            await asyncio.sleep(0.005)
