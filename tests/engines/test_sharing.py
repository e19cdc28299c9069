"""Two servers that share one scheduler: one of them launches on it and watches."""

import asyncio
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace
from tests.engines.test_distributed import of_the_page

from quire.actions.dispatch import Dispatcher
from quire.engines.choosing import ChoosingEngine
from quire.engines.distributed import DistributedEngine
from quire.engines.embedded.engine import EmbeddedEngine
from quire.jobs import transitions
from quire.jobs.limits import KindLimits, Limits
from quire.jobs.phases import Phase
from quire.ports.engine import Launch
from quire.ports.launcher import RunnerOrder
from quire.ports.store import Transaction
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.testing.attempt_server import AttemptServer
from quire.testing.engine_bench import Bench, alive, noted
from quire.testing.waiting import PATIENCE

pytestmark = pytest.mark.usefixtures("runners_end")

LIMITS = KindLimits({name: Limits(engine="cluster") for name in ("sleep", "behave")})
# Seconds: whoever waits for it has missed a ring.
NEVER = 600.0


class Site:
    """One server: attempts of its own, served, an engine and a dispatcher."""

    def __init__(
        self, store: MemoryStore, doorbell: LocalDoorbell, folder: Path, name: str
    ) -> None:
        self.bench = Bench(store, doorbell, folder, server=name, limits=LIMITS)
        self.face = AttemptServer(self.bench, LIMITS)
        self.others: list[str] = []
        launcher = of_the_page().ProcessLauncher(python=sys.executable)
        self.engine = DistributedEngine(
            self.face.runners,
            launcher,
            doorbell,
            self.order,
            slots=1,
            poll=NEVER,
            shared=True,
        )
        program = ["quire.worker", "--kinds=quire.testing.hostile_kinds:hostile"]
        self.embedded = EmbeddedEngine(
            self.bench.attempts, doorbell, program, slots=1, server=name
        )
        self.choice = ChoosingEngine(
            {"cluster": self.engine, "embedded": self.embedded}, LIMITS
        )
        self.dispatcher = Dispatcher(
            store,
            self.choice,
            self.bench.attempts,
            doorbell=doorbell,
            clock=self.bench.clock,
            limits=LIMITS,
            choice=self.choice,
        )

    async def order(self, launch: Launch) -> RunnerOrder:
        """Return an order whose runner speaks to another server, if there is one."""
        order = await self.face.order(launch)
        return replace(order, url=self.others[0]) if self.others else order


@pytest.fixture
async def sites(tmp_path: Path) -> AsyncIterator[tuple[Site, Site]]:
    doorbell = LocalDoorbell()
    store = MemoryStore(doorbell=doorbell)
    one, two = (Site(store, doorbell, tmp_path, name) for name in ("one", "two"))
    async with one.face.served(), two.face.served():
        one.engine.lead()
        for site in (one, two):
            await site.dispatcher.start()
        yield one, two
        for site in (one, two):
            await site.dispatcher.stop()


async def test_the_one_that_leads_launches_and_none_besides(
    sites: tuple[Site, Site],
) -> None:
    one, two = sites
    assert (one.engine.free(), two.engine.free()) == (1, 0)
    job = await two.bench.submit("behave")
    done = await one.bench.until_phase(job, Phase.COMPLETED)
    assert done.attempt == 1
    await one.bench.until_free(one.engine)


async def test_a_slot_is_free_as_soon_as_a_runner_has_left_at_another_server(
    sites: tuple[Site, Site],
) -> None:
    one, two = sites
    one.others = [two.face.url]
    for _ in range(2):
        job = await two.bench.submit("behave")
        await two.bench.until_phase(job, Phase.COMPLETED)
        await one.bench.until_free(one.engine)


async def test_another_takes_up_what_runs_and_launches_what_waits(
    sites: tuple[Site, Site], tmp_path: Path
) -> None:
    one, two = sites
    one.others = [two.face.url]
    notes = tmp_path / "notes"
    notes.mkdir()
    running = await one.bench.submit("sleep", NOTES=str(notes))
    await one.bench.until_phase(running, Phase.EXECUTING)
    worker, keeper = await noted(notes, "worker.1")
    waiting = await one.bench.submit("behave")
    await one.engine.let_go()
    assert alive(worker)
    two.engine.lead()
    await two.bench.until(running, lambda _: two.engine.leads and not two.engine.free())
    await two.bench.abort(running)
    done = await two.bench.until_phase(waiting, Phase.COMPLETED)
    assert done.attempt == 1
    assert not alive(worker)
    found = await two.bench.job(running)
    assert (found.phase, found.attempt, found.losses) == (Phase.ABORTED, 1, 0)
    await two.bench.until_free(two.engine)
    assert not alive(keeper)


@pytest.mark.parametrize("kind", ["sleep", "double_fork"])
async def test_an_abort_waits_for_what_another_server_has_to_end(
    kind: str, sites: tuple[Site, Site], tmp_path: Path
) -> None:
    one, two = sites
    for site in sites:  # so that both try to have it, where it is a child process
        await site.bench.until_free(site.embedded)
    notes = tmp_path / "notes"
    notes.mkdir()
    job = await two.bench.submit(kind, NOTES=str(notes))
    worker, _ = await noted(notes, "worker.1")
    await one.bench.until_phase(job, Phase.EXECUTING)

    def begin(tx: Transaction) -> None:
        found = tx.jobs.get(job)
        assert found is not None
        tx.jobs.put(transitions.begin_abort(found))

    await two.bench.store.decide(begin)
    ending = [asyncio.create_task(site.dispatcher.end(job)) for site in sites]
    async with asyncio.timeout(PATIENCE):  # long before its lease ends
        await asyncio.wait(ending, return_when=asyncio.FIRST_COMPLETED)
        assert not alive(worker)
        await asyncio.gather(*ending)
    folder = tmp_path / "jobs" / job / "1"
    assert not (folder / "half.part").exists()
