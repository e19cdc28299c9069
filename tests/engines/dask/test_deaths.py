"""A runner dies with what had launched it, and takes its children along."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from msgspec.structs import replace

from quire.engines.dask.launcher import DaskLauncher, DaskSettings
from quire.engines.distributed import DistributedEngine
from quire.jobs.phases import Phase
from quire.ports.engine import Launch
from quire.ports.launcher import RunnerOrder
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.testing.attempt_server import AttemptServer
from quire.testing.dask.cluster import DaskCluster
from quire.testing.engine_bench import Bench, noted, until_dead

KINDS = "quire.testing.hostile_kinds:hostile"

pytestmark = pytest.mark.crash


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    doorbell = LocalDoorbell()
    return Bench(MemoryStore(doorbell=doorbell), doorbell, tmp_path)


@pytest.fixture
async def engine(
    bench: Bench, cluster: DaskCluster
) -> AsyncIterator[DistributedEngine]:
    server = AttemptServer(bench)
    async with server.served():
        engine = DistributedEngine(
            server.runners,
            DaskLauncher(DaskSettings(address=cluster.address), kinds=KINDS),
            bench.doorbell,
            server.order,
            slots=4,
            poll=0.2,
        )
        await engine.start()
        yield engine
        await engine.stop()


def parent_of(pid: int) -> int:
    stat = Path(f"/proc/{pid}/stat").read_text()
    return int(stat.rpartition(")")[2].split()[1])


async def begun(
    bench: Bench, engine: DistributedEngine, notes: Path, kind: str
) -> tuple[str, dict[str, int]]:
    job = await bench.submit(kind, NOTES=str(notes))
    await bench.launch(engine, job)
    daemon, _ = await noted(notes, "daemon.1")
    worker, keeper = await noted(notes, "worker.1")
    warm = parent_of(keeper)
    place = parent_of(warm)
    pids = {"daemon": daemon, "worker": worker, "keeper": keeper}
    return job, {**pids, "warm": warm, "place": place}


@pytest.mark.parametrize("kind", ["double_fork", "shake_off"])
@pytest.mark.parametrize("victim", ["worker", "keeper", "warm", "place"])
async def test_nothing_survives_and_the_loss_is_told(
    victim: str,
    kind: str,
    bench: Bench,
    engine: DistributedEngine,
    cluster: DaskCluster,
    tmp_path: Path,
) -> None:
    notes = tmp_path / "notes"
    notes.mkdir()
    job, pids = await begun(bench, engine, notes, kind)
    if victim == "place":
        assert pids["place"] in {cluster.worker_pid(0), cluster.worker_pid(1)}
    os.kill(pids[victim], signal.SIGKILL)
    lost = await bench.until(job, lambda found: found.losses == 1)
    assert (lost.phase, lost.attempt) == (Phase.QUEUED, 1)
    for name in ("daemon", "worker", "keeper"):
        await until_dead(pids[name])
    if victim == "place":
        cluster.start()
    again = await bench.submit("behave")
    await bench.launch(engine, again)
    await bench.until_phase(again, Phase.COMPLETED)


async def test_a_runner_that_cannot_start_is_told(
    bench: Bench, cluster: DaskCluster
) -> None:
    server = AttemptServer(bench)
    kinds = "no.such:module"

    async def order(launch: Launch) -> RunnerOrder:
        return replace(await server.order(launch), kinds=kinds)

    async with server.served():
        launcher = DaskLauncher(DaskSettings(address=cluster.address), kinds=kinds)
        engine = DistributedEngine(
            server.runners, launcher, bench.doorbell, order, slots=1, poll=0.1
        )
        await engine.start()
        job = await bench.submit("behave")
        await bench.launch(engine, job)
        await bench.until(job, lambda found: found.losses == 1)
        assert "before it began" in (await bench.messages(job))[0]
        await engine.stop()
