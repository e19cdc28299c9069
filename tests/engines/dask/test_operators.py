"""What operators do to a Dask under attempts: nothing of it loses a job."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest
from distributed import Client
from msgspec.structs import replace

from quire.engines.dask.launcher import DaskLauncher, DaskSettings
from quire.engines.distributed import DistributedEngine
from quire.jobs.phases import Phase
from quire.ports.engine import Launch
from quire.ports.launcher import Resources, RunnerOrder, There
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.testing.attempt_server import AttemptServer
from quire.testing.dask.cluster import DaskCluster
from quire.testing.engine_bench import Bench, noted, until_dead
from quire.testing.waiting import PATIENCE

KINDS = "quire.testing.hostile_kinds:hostile"

pytestmark = pytest.mark.crash


@pytest.fixture(scope="module")
def nursed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaskCluster]:
    """One worker, which its nanny starts again."""
    folder = tmp_path_factory.mktemp("nursed")
    with DaskCluster(folder, workers=1, nanny=True) as cluster:
        yield cluster


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    doorbell = LocalDoorbell()
    return Bench(MemoryStore(doorbell=doorbell), doorbell, tmp_path)


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    return folder


class Site:
    """An engine on a Dask, whose attempts ask for some resources."""

    def __init__(self, bench: Bench, address: str) -> None:
        self.tags: tuple[str, ...] = ()
        self.server = AttemptServer(bench)
        self.launcher = DaskLauncher(DaskSettings(address=address), kinds=KINDS)
        self.engine = DistributedEngine(
            self.server.runners,
            self.launcher,
            bench.doorbell,
            self.order,
            slots=4,
            poll=0.2,
        )

    async def order(self, launch: Launch) -> RunnerOrder:
        order = await self.server.order(launch)
        return replace(order, resources=Resources(tags=self.tags))


@pytest.fixture
async def site(bench: Bench, nursed: DaskCluster) -> AsyncIterator[Site]:
    site = Site(bench, nursed.address)
    async with site.server.served():
        await site.engine.start()
        yield site
        await site.engine.stop()


async def until_it_runs_again(bench: Bench, site: Site) -> None:
    again = await bench.submit("behave")
    await bench.launch(site.engine, again)
    await bench.until_phase(again, Phase.COMPLETED)


async def log_of(bench: Bench, job: str) -> list[str]:
    return [entry.event.message for entry in await bench.log(job)]


async def until_told(bench: Bench, job: str, words: str) -> None:
    async with asyncio.timeout(PATIENCE):
        while not any(words in one for one in await log_of(bench, job)):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def test_who_asks_for_what_no_worker_has_is_told(
    bench: Bench, site: Site
) -> None:
    site.tags = ("gpu=1",)
    job = await bench.submit("behave")
    await bench.launch(site.engine, job)
    await until_told(bench, job, "no worker there has what it asks for")
    seen = await site.launcher.poll([(job, 1)])
    assert seen[job, 1].there is There.WAITING
    await bench.abort(job)
    await site.engine.kill(job, 1)
    assert site.engine.free() == 4


async def test_a_worker_with_a_nanny_comes_back_and_its_attempt_is_lost(
    bench: Bench, site: Site, notes: Path
) -> None:
    job = await bench.submit("double_fork", NOTES=str(notes))
    await bench.launch(site.engine, job)
    daemon, _ = await noted(notes, "daemon.1")
    worker, keeper = await noted(notes, "worker.1")
    os.kill(parent_of(parent_of(keeper)), signal.SIGKILL)  # Dask's, above the warm one
    lost = await bench.until(job, lambda found: found.losses == 1)
    assert (lost.phase, lost.attempt) == (Phase.QUEUED, 1)
    for pid in (daemon, worker, keeper):
        await until_dead(pid)
    await until_it_runs_again(bench, site)


async def test_a_restart_of_all_workers_costs_an_attempt(
    bench: Bench, site: Site, nursed: DaskCluster, notes: Path
) -> None:
    job = await bench.submit("sleep", NOTES=str(notes))
    await bench.launch(site.engine, job)
    worker, keeper = await noted(notes, "worker.1")
    await asyncio.to_thread(restart, nursed.address)
    lost = await bench.until(job, lambda found: found.losses == 1)
    assert (lost.phase, lost.attempt) == (Phase.QUEUED, 1)
    for pid in (worker, keeper):
        await until_dead(pid)
    await until_it_runs_again(bench, site)


def restart(address: str) -> None:
    make: Any = Client
    with make(address, timeout=PATIENCE, set_as_default=False) as client:
        client.restart(timeout=PATIENCE)


def parent_of(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])
