"""Slurm's daemons die while jobs run: none is lost, and none is done twice."""

import asyncio
import random
import sys
from collections import Counter
from pathlib import Path

import pytest

from quire.actions.dispatch import Dispatcher
from quire.engines.choosing import ChoosingEngine
from quire.engines.distributed import DistributedEngine
from quire.engines.slurm.launcher import SlurmLauncher
from quire.engines.slurm.settings import SlurmSettings
from quire.jobs.limits import KindLimits, Limits
from quire.jobs.phases import Phase
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.store import SqliteStore
from quire.testing.attempt_server import AttemptServer
from quire.testing.engine_bench import Bench
from quire.testing.slurm.cluster import SlurmCluster

JOBS, KILLS, SLOTS = 16, 4, 4
# Seconds between two looks of an operator, and after how many jobs should have started.
LOOK, STILL = 0.5, 40
LIMITS = KindLimits({"stage": Limits(engine="slurm")})

pytestmark = pytest.mark.crash


async def kill_at_random(
    cluster: SlurmCluster, killed: Counter[str], done: asyncio.Event
) -> None:
    """Kill daemons, then see to Slurm as its operator would until all is done."""
    dice = random.Random()
    for _ in range(KILLS):
        await asyncio.sleep(dice.uniform(0.1, 1.0))
        daemon = dice.choice(["slurmctld", "slurmd"])
        cluster.kill(daemon)
        killed[daemon] += 1
        await asyncio.sleep(dice.uniform(0.0, 0.5))
        cluster.start(daemon)
    await asyncio.to_thread(cluster.until_ready)
    looks = 0
    while not done.is_set():
        await asyncio.sleep(LOOK)
        looks += 1
        see_to = cluster.resume if looks % STILL else cluster.restart
        await asyncio.to_thread(see_to)


def make_engine(
    bench: Bench, server: AttemptServer, cluster: SlurmCluster, pilots: int
) -> DistributedEngine:
    settings = SlurmSettings(
        python=sys.executable,
        environment=dict(cluster.environment),
        patience=2.0,
        pilots=pilots,
    )
    return DistributedEngine(
        server.runners,
        SlurmLauncher(bench.data_folder, settings),
        bench.doorbell,
        server.order,
        slots=SLOTS,
        grace=2.0,
        poll=0.5,
    )


@pytest.mark.parametrize("pilots", [0, 2])
async def test_no_job_is_lost_and_none_has_two_ends(
    pilots: int, tmp_path: Path, cluster: SlurmCluster
) -> None:
    doorbell, killed = LocalDoorbell(), Counter[str]()
    store = await SqliteStore.open(tmp_path, doorbell=doorbell)
    bench = Bench(store, doorbell, tmp_path, losses=1000, lease=6.0, limits=LIMITS)
    server = AttemptServer(bench, LIMITS)
    async with server.served():
        engine = ChoosingEngine(
            {"slurm": make_engine(bench, server, cluster, pilots)}, LIMITS
        )
        dispatcher = Dispatcher(
            store,
            engine,
            bench.attempts,
            doorbell=doorbell,
            clock=bench.clock,
            limits=LIMITS,
            choice=engine,
        )
        await dispatcher.start()
        jobs = [await bench.submit("stage") for _ in range(JOBS)]
        done = asyncio.Event()
        async with asyncio.TaskGroup() as group:  # what it fails by is told at once
            group.create_task(kill_at_random(cluster, killed, done))
            for job in jobs:
                await bench.until_phase(job, Phase.COMPLETED)
            done.set()
        for job in jobs:
            ends = [entry for entry in await bench.log(job) if entry.event.type.final]
            assert len(ends) == 1
        await dispatcher.stop()
        await asyncio.to_thread(cluster.clear)
    products = await store.view(lambda tx: tx.products.newest(1000, None))
    assert sorted(product.id for product in products) == sorted(jobs)
    assert bench.publisher.published == JOBS
    assert killed.total() == KILLS
    await store.aclose()
