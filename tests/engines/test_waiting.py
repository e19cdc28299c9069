"""Attempts that wait with a scheduler, and what it may say of them."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from pathlib import Path

import pytest

from quire.actions.attempts import Attempts
from quire.actions.dispatch import Dispatcher
from quire.actions.runners import Parting, Runners
from quire.engines.choosing import ChoosingEngine
from quire.engines.distributed import DistributedEngine
from quire.jobs.job import Completed, JobResult
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


def remarks(messages: list[str]) -> list[str]:
    return [one for one in messages if one.startswith("Attempt 1: ")]


async def log_of(bench: Bench, job: str) -> list[str]:
    return [entry.event.message for entry in await bench.log(job)]


async def until_told(bench: Bench, job: str, words: str) -> list[str]:
    """Return what the job's log says, once these words are in it."""
    async with asyncio.timeout(PATIENCE):
        while not any(words in one for one in await log_of(bench, job)):  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    return await log_of(bench, job)


async def until_looked(site: Site, times: int) -> None:
    async with asyncio.timeout(PATIENCE):
        goal = site.queue.looks + times
        while site.queue.looks < goal:  # noqa: ASYNC110  # a number
            await asyncio.sleep(0.005)


async def test_why_it_waits_is_told_and_each_reason_once(
    bench: Bench, site: Site
) -> None:
    site.queue.why = "held by an administrator"
    job = await bench.submit("sleep")
    await until_told(bench, job, "held by an administrator")
    site.queue.why = "no node for it"
    await until_told(bench, job, "no node for it")
    site.queue.why = "held by an administrator"
    await until_looked(site, 4)
    assert remarks(await log_of(bench, job)) == [
        "Attempt 1: held by an administrator",
        "Attempt 1: no node for it",
    ]


async def test_reasons_without_end_do_not_fill_a_log(bench: Bench, site: Site) -> None:
    job = await bench.submit("sleep")
    await until_launched(site)
    for number in range(14):
        site.queue.why = f"{number} jobs are before it"
        await until_looked(site, 3)
    assert 0 < len(remarks(await log_of(bench, job))) <= 10


async def test_a_scheduler_that_is_away_is_told_to_who_is_to_be_launched(
    bench: Bench, site: Site
) -> None:
    site.queue.problem = LauncherAway("connection refused")
    job = await bench.submit("sleep")
    await until_told(bench, job, "connection refused")
    site.queue.problem = None
    await until_launched(site)


async def test_a_scheduler_that_is_away_is_told_to_who_waits(
    bench: Bench, site: Site
) -> None:
    job = await bench.submit("sleep")
    await until_launched(site)
    site.queue.problem = LauncherAway("connection refused")
    await until_looked(site, 6)
    told = remarks(await until_told(bench, job, "connection refused"))
    assert len(told) == 1


async def test_how_it_ended_before_it_began_is_told(bench: Bench, site: Site) -> None:
    job = await bench.submit("sleep")
    await until_launched(site)
    site.queue.says, site.queue.why = There.GONE, "no such interpreter"
    await bench.until(job, lambda found: found.losses == 1)
    [lost, *_] = await log_of(bench, job)
    assert "before it began: no such interpreter" in lost


async def test_how_what_had_begun_ended_is_told_before_its_lease_ends(
    bench: Bench, site: Site
) -> None:
    job = await bench.submit("sleep")
    await until_launched(site)
    await site.runners.claim(job, 1, ME)
    site.queue.says, site.queue.why = There.GONE, "out of memory"
    await bench.until(job, lambda found: found.losses == 1)
    first, second, *_ = await log_of(bench, job)
    assert first == "Attempt 1: out of memory"
    assert "it gave no sign of life" in second


async def test_how_it_ended_is_told_behind_its_runners_last_word(
    bench: Bench, site: Site
) -> None:
    job = await bench.submit("sleep")
    await until_launched(site)
    await site.runners.claim(job, 1, ME)
    await site.runners.leave(job, 1, Parting(runner=ME, reason="it was cut"))
    site.queue.says, site.queue.why = There.GONE, "time limit"
    told = await until_told(bench, job, "time limit")
    assert "it was cut" in told[0]
    assert remarks(told) == ["Attempt 1: time limit"]


async def test_nothing_is_told_of_what_the_server_ended_itself(
    bench: Bench, site: Site
) -> None:
    job = await bench.submit("sleep")
    await until_launched(site)
    await site.runners.claim(job, 1, ME)
    site.queue.why = "cancelled"
    await bench.until(job, lambda found: found.losses == 1)
    assert site.queue.killed == [(job, 1)]
    site.queue.says = There.GONE
    await until_looked(site, 3)
    assert remarks(await log_of(bench, job)) == ["Attempt 1: cancelled"]


async def test_a_verdict_behind_the_last_word_finds_its_files(
    bench: Bench, site: Site
) -> None:
    """As where lines break: the one waits at a server, the other comes by another."""
    job = await bench.submit("sleep")
    await until_launched(site)
    given = await site.runners.claim(job, 1, ME)
    file = Path(given.folder) / "label.txt"
    file.parent.mkdir(parents=True)
    file.write_text("of the attempt")
    await site.runners.leave(job, 1, Parting(runner=ME))
    path = str(file.relative_to(bench.data_folder))
    result = JobResult(id="label", path=path, mime_type="text/plain", size=14)
    await site.runners.finish(job, 1, Completed(results=(result,)))
    done = await bench.until_phase(job, Phase.COMPLETED)
    assert done.results == (result,)
    assert file.read_text() == "of the attempt"


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
