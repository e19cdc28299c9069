"""Short attempts one after another in the place of one Slurm job."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from quire.engines.distributed import DistributedEngine
from quire.engines.slurm.launcher import SlurmLauncher
from quire.engines.slurm.names import Names
from quire.engines.slurm.settings import SlurmSettings
from quire.jobs.limits import KindLimits
from quire.jobs.phases import Phase
from quire.ports.engine import Launch
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.testing.attempt_server import AttemptServer
from quire.testing.engine_bench import Bench, alive, noted
from quire.testing.slurm.cluster import SlurmCluster
from quire.testing.waiting import PATIENCE

Make = Callable[..., DistributedEngine]


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "notes"
    folder.mkdir()
    return folder


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    doorbell = LocalDoorbell()
    folder = tmp_path / "data"
    folder.mkdir()
    return Bench(MemoryStore(doorbell=doorbell), doorbell, folder, lease=5.0)


@pytest.fixture
async def make(bench: Bench, cluster: SlurmCluster) -> AsyncIterator[Make]:
    server = AttemptServer(bench, KindLimits())

    def engine(slots: int = 4, **settings: float) -> DistributedEngine:
        given = SlurmSettings(
            python=sys.executable,
            environment=dict(cluster.environment),
            **{"pilots": 1, "pilot_idle": 20.0, **settings},  # type: ignore[arg-type]
        )
        return DistributedEngine(
            server.runners,
            SlurmLauncher(bench.data_folder, given),
            bench.doorbell,
            server.order,
            slots=slots,
            grace=1.0,
            poll=0.2,
        )

    async with server.served():
        yield engine
        await asyncio.to_thread(cluster.clear)


def submitted(cluster: SlurmCluster, bench: Bench) -> int:
    mine = Names(bench.data_folder).pilot("")
    listed = cluster.run("squeue", "--noheader", "--states=all", "--format=%j")
    return sum(line.startswith(mine) for line in listed.splitlines())


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110  # files and Slurm tell nobody
            await asyncio.sleep(0.02)


def orders(bench: Bench) -> list[Path]:
    return list((bench.data_folder / "engines").rglob("*.1"))


async def test_one_place_serves_many(
    make: Make, bench: Bench, cluster: SlurmCluster
) -> None:
    engine = make()
    await engine.start()
    jobs = [await bench.submit("behave") for _ in range(8)]
    for job in jobs:
        await bench.launch(engine, job)
    for job in jobs:
        assert (await bench.until_phase(job, Phase.COMPLETED)).attempt == 1
    assert submitted(cluster, bench) == 1
    await engine.stop()


async def test_orders_are_for_their_owner_alone(make: Make, bench: Bench) -> None:
    engine = make()
    await engine.start()
    await bench.launch(engine, await bench.submit("sleep"))
    await until(lambda: orders(bench))
    found = orders(bench)
    assert [one.stat().st_mode & 0o077 for one in found] == [0] * len(found)
    await engine.stop()


@pytest.mark.parametrize("kind", ["double_fork", "compute_in_c"])
async def test_a_kill_leaves_no_survivor_and_the_pilot_goes_on(
    kind: str, make: Make, bench: Bench, notes: Path, cluster: SlurmCluster
) -> None:
    engine = make()
    await engine.start()
    job = await bench.submit(kind, NOTES=str(notes))
    await bench.launch(engine, job)
    names = ["worker.1", "daemon.1"] if kind == "double_fork" else ["worker.1"]
    pids = [(await noted(notes, name))[0] for name in names]
    await bench.abort(job)
    await engine.kill(job, 1)
    assert not [pid for pid in pids if alive(pid)]
    after = await bench.submit("behave")
    await bench.launch(engine, after)
    await bench.until_phase(after, Phase.COMPLETED)
    assert submitted(cluster, bench) == 1
    await engine.stop()


async def test_what_waits_is_withdrawn(make: Make, bench: Bench, notes: Path) -> None:
    engine = make()
    await engine.start()
    first = await bench.submit("sleep", NOTES=str(notes))
    await bench.launch(engine, first)
    await noted(notes, "worker.1")
    second = await bench.submit("sleep")
    await bench.launch(engine, second)
    await bench.abort(second)
    await engine.kill(second, 1)
    assert engine.free() == 3
    assert (await bench.job(second)).attempt == 0
    await bench.abort(first)
    await engine.kill(first, 1)
    await engine.stop()


async def test_an_idle_pilot_gives_its_place_back(
    make: Make, bench: Bench, cluster: SlurmCluster
) -> None:
    engine = make(pilot_idle=0.2)
    await engine.start()
    job = await bench.submit("behave")
    await bench.launch(engine, job)
    await bench.until_phase(job, Phase.COMPLETED)
    await until(lambda: not cluster.run("squeue", "--noheader", "--me"))
    again = await bench.submit("behave")
    await bench.launch(engine, again)
    await bench.until_phase(again, Phase.COMPLETED)
    assert submitted(cluster, bench) == 2
    await engine.stop()


@pytest.mark.crash
async def test_a_cancelled_pilot_is_replaced(
    make: Make, bench: Bench, notes: Path, cluster: SlurmCluster
) -> None:
    engine = make()
    await engine.start()
    first = await bench.submit("sleep", NOTES=str(notes))
    await bench.launch(engine, first)
    worker, _ = await noted(notes, "worker.1")
    waiting = await bench.submit("behave")
    await bench.launch(engine, waiting)
    cluster.run("scancel", "--me")
    lost = await bench.until(first, lambda found: found.losses == 1)
    assert (lost.phase, lost.attempt) == (Phase.QUEUED, 1)
    assert not alive(worker)
    assert (await bench.until_phase(waiting, Phase.COMPLETED)).attempt == 1
    await engine.stop()


@pytest.mark.crash
async def test_the_next_server_takes_up_what_pilots_have(
    make: Make, bench: Bench, notes: Path, cluster: SlurmCluster
) -> None:
    engine = make()
    await engine.start()
    job = await bench.submit("sleep", NOTES=str(notes))
    await bench.launch(engine, job)
    worker, _ = await noted(notes, "worker.1")
    waiting = await bench.submit("behave")
    await bench.launch(engine, waiting)
    await until(lambda: len(orders(bench)) == 2)
    await engine.stop()
    following = make()
    await following.start()
    for one, kind in ((job, "sleep"), (waiting, "behave")):
        launch = Launch(job=one, attempt=1, kind=kind)
        await following.adopt(launch)
    await bench.abort(job)
    await following.kill(job, 1)
    assert not alive(worker)
    await bench.until_phase(waiting, Phase.COMPLETED)
    assert submitted(cluster, bench) == 1
    await following.stop()
