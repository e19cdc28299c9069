import asyncio
import contextlib
import os
import random
import signal
from collections import Counter
from pathlib import Path

import pytest

from quire.actions.dispatch import Dispatcher
from quire.engines.embedded.engine import EmbeddedEngine
from quire.engines.embedded.processes import children
from quire.jobs.phases import Phase
from quire.storage.local_doorbell import LocalDoorbell
from quire.testing.engine_bench import Bench
from quire.testing.stores import open_store_of

HOSTILE = ["quire.worker", "--kinds=quire.testing.hostile_kinds:hostile"]
JOBS = 120

pytestmark = pytest.mark.crash


async def kill_at_random(
    others: set[int], killed: Counter[str], doorbell: LocalDoorbell
) -> None:
    """Kill as jobs go on, so that they do so however slow the machine is."""
    dice = random.Random()
    while True:
        ticket = doorbell.ticket("jobs")
        await doorbell.wait("jobs", ticket, 1.0)
        await asyncio.sleep(dice.uniform(0.0, 0.02))
        if dice.random() > 1 / 3:
            continue
        supervisor = dice.choice([*set(children(os.getpid())) - others] or [0])
        with contextlib.suppress(ProcessLookupError):  # it has ended just now
            if supervisor and dice.random() < 0.1:
                os.kill(supervisor, signal.SIGKILL)
                killed["supervisors"] += 1
            elif supervisor:
                for worker in children(supervisor):
                    os.kill(worker, signal.SIGKILL)
                    killed["workers"] += 1


async def test_no_job_is_lost_and_none_has_two_ends(tmp_path: Path) -> None:
    others = set(children(os.getpid()))
    doorbell, killed = LocalDoorbell(), Counter[str]()
    store = await open_store_of(tmp_path, doorbell)
    bench = Bench(store, doorbell, tmp_path, losses=1000)
    engine = EmbeddedEngine(bench.attempts, doorbell, HOSTILE, slots=3)
    dispatcher = Dispatcher(
        store, engine, bench.attempts, doorbell=doorbell, clock=bench.clock
    )
    await dispatcher.start()
    jobs = [await bench.submit("stage") for _ in range(JOBS)]
    killing = asyncio.create_task(kill_at_random(others, killed, doorbell))
    for job in jobs:
        await bench.until_phase(job, Phase.COMPLETED)
    killing.cancel()
    for job in jobs:
        ends = [entry for entry in await bench.log(job) if entry.event.type.final]
        assert len(ends) == 1
    products = await store.view(lambda tx: tx.products.newest(1000, None))
    assert sorted(product.id for product in products) == sorted(jobs)
    assert bench.publisher.published == JOBS
    assert killed["workers"] > 0
    await dispatcher.stop()
    await store.aclose()
    assert not set(children(os.getpid())) - others
