"""Runs one job in the embedded engine until it is killed: DATA_FOLDER JOB."""

import asyncio
import sys
from pathlib import Path

from quire.actions.dispatch import Dispatcher
from quire.engines.embedded.engine import EmbeddedEngine
from quire.jobs.job import Job
from quire.jobs.phases import Phase
from quire.ports.store import Transaction
from quire.storage.local_doorbell import LocalDoorbell
from quire.testing.engine_bench import Bench
from quire.testing.stores import open_store_of

HOSTILE = ["quire.worker", "--kinds=quire.testing.hostile_kinds:hostile"]


async def main(folder: Path, job: str) -> None:
    doorbell = LocalDoorbell()
    store = await open_store_of(folder, doorbell)
    bench = Bench(store, doorbell, folder)
    engine = EmbeddedEngine(bench.attempts, doorbell, HOSTILE, slots=1)

    def submit(tx: Transaction) -> None:
        if tx.jobs.get(job) is None:
            tx.jobs.put(
                Job(
                    id=job,
                    kind="double_fork",
                    owner="me",
                    phase=Phase.QUEUED,
                    parameters={"NOTES": str(folder)},
                )
            )

    await store.decide(submit)
    await Dispatcher(
        store, engine, bench.attempts, doorbell=doorbell, clock=bench.clock
    ).start()
    await asyncio.Event().wait()


asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
