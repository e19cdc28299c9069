"""What engines keep besides, whose attempts outlive the server."""

import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quire.engines.distributed import DistributedEngine
from quire.jobs.phases import Phase
from quire.ports.engine import Engine
from quire.ports.job_records import JobQuery
from quire.ports.launcher import Launcher
from quire.testing.attempt_server import AttemptServer
from quire.testing.engine_bench import Bench, alive, noted, until_dead
from quire.testing.engine_contract import LIMITS, ProcessEngineContract


class LastingEngineContract(ProcessEngineContract):
    """For the tests of a launcher, which inherit it and make that."""

    def make_launcher(self) -> Launcher:
        """Return the launcher."""
        raise NotImplementedError

    @pytest.fixture
    def launcher(self) -> Launcher:
        """Return the launcher, from fixtures if it needs some."""
        return self.make_launcher()

    @pytest.fixture
    async def server(self, bench: Bench) -> AsyncIterator[AttemptServer]:
        """Serve the attempts of the bench."""
        server = AttemptServer(bench, LIMITS)
        async with server.served():
            yield server

    @pytest.fixture
    async def engine(
        self, bench: Bench, server: AttemptServer, launcher: Launcher
    ) -> AsyncIterator[Engine]:
        """Return an engine of one slot on the launcher, started."""
        engine = DistributedEngine(
            server.runners,
            launcher,
            bench.doorbell,
            server.order,
            slots=1,
            grace=1.0,
            poll=0.2,
        )
        await engine.start()
        yield engine
        jobs = await bench.store.view(lambda tx: tx.jobs.page(JobQuery(limit=100)))
        for job in jobs:
            await engine.kill(job.id, job.attempt or 1)
        await engine.stop()

    async def test_a_stop_leaves_the_job_to_recovery(
        self, bench: Bench, engine: Engine
    ) -> None:
        """It goes on, is adopted by the next server, and hears of its abort."""
        job = await bench.submit("sleep")
        await bench.launch(engine, job)
        await bench.until_phase(job, Phase.EXECUTING)
        await engine.stop()
        assert await bench.attempts.recover() == 0
        [adopted] = await bench.attempts.adopt()
        assert (adopted.id, adopted.attempt, adopted.losses) == (job, 1, 0)
        await bench.abort(job)

    @pytest.mark.parametrize("kind", ["double_fork", "shake_off"])
    async def test_a_stop_leaves_no_process(  # type: ignore[override]
        self, kind: str, bench: Bench, engine: Engine, notes: Path
    ) -> None:
        """Not once it is aborted, though no engine is there to kill it."""
        job = await bench.submit(kind, NOTES=str(notes))
        await bench.launch(engine, job)
        daemon, _ = await noted(notes, "daemon.1")
        worker, keeper = await noted(notes, "worker.1")
        await engine.stop()
        assert alive(worker)
        await bench.abort(job)
        for pid in (daemon, worker, keeper):
            await until_dead(pid)

    async def test_a_call_of_c_is_ended_without_its_engine(
        self, bench: Bench, engine: Engine, notes: Path
    ) -> None:
        """Its keeper hears of the abort, where the work itself hears nothing."""
        job = await bench.submit("compute_in_c", NOTES=str(notes))
        await bench.launch(engine, job)
        worker, keeper = await noted(notes, "worker.1")
        await engine.stop()
        await bench.abort(job)
        for pid in (worker, keeper):
            await until_dead(pid)

    async def test_a_launch_into_a_dying_worker_is_lost_too(
        self, bench: Bench, engine: Engine, notes: Path
    ) -> None:
        """Told by its keeper, long before its lease ends."""
        job = await bench.submit("sleep", NOTES=str(notes))
        await bench.launch(engine, job)
        worker, _ = await noted(notes, "worker.1")
        os.kill(worker, signal.SIGKILL)
        lost = await bench.until(job, lambda found: found.losses == 1)
        assert (lost.phase, lost.attempt) == (Phase.QUEUED, 1)
