"""The engine over a real Slurm: the contract, and what a kill leaves."""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest

from quire.engines.distributed import DistributedEngine
from quire.engines.slurm.launcher import SlurmLauncher
from quire.engines.slurm.settings import SlurmSettings
from quire.jobs.phases import Phase
from quire.ports.engine import Engine, Launch
from quire.testing.attempt_server import AttemptServer
from quire.testing.engine_bench import Bench, alive, noted, until_dead
from quire.testing.engine_contract import LIMITS, ProcessEngineContract
from quire.testing.slurm.cluster import SlurmCluster


class TestSlurmEngine(ProcessEngineContract):
    @pytest.fixture
    async def server(self, bench: Bench) -> AsyncIterator[AttemptServer]:
        server = AttemptServer(bench, LIMITS)
        async with server.served():
            yield server

    @pytest.fixture
    async def make(
        self, bench: Bench, server: AttemptServer, cluster: SlurmCluster
    ) -> AsyncIterator[Callable[[], DistributedEngine]]:
        def engine() -> DistributedEngine:
            settings = SlurmSettings(
                python=sys.executable, environment=dict(cluster.environment)
            )
            return DistributedEngine(
                server.runners,
                SlurmLauncher(bench.data_folder, settings),
                bench.doorbell,
                server.order,
                slots=1,
                grace=2.0,
                poll=0.5,
            )

        yield engine
        # While the server is there to hear their last words: a node on which a job is
        # ending takes no other.
        await asyncio.to_thread(cluster.clear)

    @pytest.fixture
    async def engine(
        self, make: Callable[[], DistributedEngine]
    ) -> AsyncIterator[Engine]:
        engine = make()
        await engine.start()
        yield engine
        await engine.stop()

    async def test_a_stop_leaves_the_job_to_recovery(  # type: ignore[override]
        self,
        bench: Bench,
        engine: Engine,
        notes: Path,
        make: Callable[[], DistributedEngine],
    ) -> None:
        """It goes on, and is adopted by the next engine."""
        job = await bench.submit("double_fork", NOTES=str(notes))
        await bench.launch(engine, job)
        daemon, _ = await noted(notes, "daemon.1")
        worker, keeper = await noted(notes, "worker.1")
        await engine.stop()
        assert await bench.attempts.recover() == 0
        [adopted] = await bench.attempts.adopt()
        assert (adopted.id, adopted.attempt, adopted.losses) == (job, 1, 0)
        following = make()
        await following.start()
        launch = Launch(job=job, attempt=1, kind="double_fork")
        await following.adopt(launch)
        await following.launch(launch)
        await bench.abort(job)
        await following.kill(job, 1)
        assert not [pid for pid in (daemon, worker) if alive(pid)]
        await until_dead(keeper)  # it has said its last word
        await following.stop()

    async def test_a_stop_leaves_no_process(
        self, bench: Bench, engine: Engine, notes: Path
    ) -> None:
        """Not of this engine: what runs goes on, and hears of an abort all the same."""
        job = await bench.submit("double_fork", NOTES=str(notes))
        await bench.launch(engine, job)
        daemon, _ = await noted(notes, "daemon.1")
        worker, keeper = await noted(notes, "worker.1")
        await engine.stop()
        assert alive(worker)
        await bench.abort(job)
        for pid in (daemon, worker, keeper):
            await until_dead(pid)

    async def test_a_launch_into_a_dying_worker_is_lost_too(
        self, bench: Bench, engine: Engine, notes: Path
    ) -> None:
        """Told by its keeper."""
        job = await bench.submit("sleep", NOTES=str(notes))
        await bench.launch(engine, job)
        worker, _ = await noted(notes, "worker.1")
        os.kill(worker, signal.SIGKILL)
        lost = await bench.until(job, lambda found: found.losses == 1)
        assert (lost.phase, lost.attempt) == (Phase.QUEUED, 1)
