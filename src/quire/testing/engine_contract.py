"""The guarantees of `quire.ports.engine`, for every engine to be tested by.

An engine's test inherits `EngineContract`, or `ProcessEngineContract` if attempts have
processes of their own, and makes the engine with the kinds of
`quire.testing.hostile_kinds`.
"""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from quire.jobs.limits import KindLimits, Limits
from quire.jobs.phases import Phase
from quire.ports.engine import Engine, Launch, NoFreeSlot
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.testing.engine_bench import Bench, alive, noted, until_dead
from quire.testing.waiting import PATIENCE

_MEMORY = 500_000_000
LIMITS = KindLimits(
    {
        "swarm": Limits(processes=8),
        "burn_together": Limits(cpu_seconds=1.0),
        "use_up": Limits(cpu_seconds=5.0),
        "hog_together": Limits(memory=_MEMORY),
    },
    memory=_MEMORY,
)
"""What a process engine is to be made with."""


class EngineContract:
    """What every engine keeps."""

    def make_engine(self, bench: Bench) -> Engine:
        """Return an engine with one slot, not started."""
        raise NotImplementedError

    @pytest.fixture
    def notes(self, tmp_path: Path) -> Path:
        """Return a folder in which works note their processes."""
        folder = tmp_path / "notes"
        folder.mkdir()
        return folder

    @pytest.fixture
    def bench(self, tmp_path: Path) -> Bench:
        """Return what attempts are recorded in."""
        doorbell = LocalDoorbell()
        folder = tmp_path / "data"
        folder.mkdir()
        return Bench(MemoryStore(doorbell=doorbell), doorbell, folder)

    @pytest.fixture
    async def engine(self, bench: Bench) -> AsyncIterator[Engine]:
        """Return the engine, started."""
        engine = self.make_engine(bench)
        await engine.start()
        yield engine
        await engine.stop()

    async def test_an_attempt_runs_to_its_end(
        self, bench: Bench, engine: Engine
    ) -> None:
        """With its progress, its delivered file and its message."""
        job = await bench.submit("behave")
        await bench.launch(engine, job)
        done = await bench.until_phase(job, Phase.COMPLETED)
        assert (done.attempt, [result.id for result in done.results]) == (1, ["result"])
        assert await bench.messages(job) == ["info: Half way", "complete: Behaved"]
        assert (bench.data_folder / done.results[0].path).read_text() == "42"
        await bench.until_free(engine)

    async def test_an_unexpected_error_fails_the_job(
        self, bench: Bench, engine: Engine
    ) -> None:
        """With a short message, and the rest in the detail."""
        job = await bench.submit("stumble")
        await bench.launch(engine, job)
        error = (await bench.until_phase(job, Phase.ERROR)).error
        assert error is not None
        assert (error.type, error.code) == ("fatal", "internal_error")
        assert error.message == "ValueError: a flaw in the work"
        assert "hostile_kinds.py" in error.detail
        await bench.until_free(engine)

    async def test_a_full_disk_is_no_flaw_of_the_work(
        self, bench: Bench, engine: Engine
    ) -> None:
        """It is tried again, and what is told names the mend."""
        job = await bench.submit("fill_the_disk")
        await bench.launch(engine, job)
        again = await bench.until(job, lambda found: found.retries == 1)
        assert again.phase is Phase.QUEUED
        assert "No space left on device (make room" in (await bench.messages(job))[-1]
        await bench.until_free(engine)

    async def test_an_unknown_kind_fails_the_job(
        self, bench: Bench, engine: Engine
    ) -> None:
        """With its name."""
        job = await bench.submit("no_such_kind")
        await bench.launch(engine, job)
        error = (await bench.until_phase(job, Phase.ERROR)).error
        assert error is not None
        assert error.code == "unknown_kind"
        assert "no_such_kind" in error.message

    async def test_a_launch_is_idempotent(self, bench: Bench, engine: Engine) -> None:
        """A second one of the same attempt changes nothing; another finds no slot."""
        job = await bench.submit("sleep")
        await bench.launch(engine, job)
        await engine.launch(Launch(job=job, attempt=1, kind="sleep"))
        assert engine.free() == 0
        with pytest.raises(NoFreeSlot):
            await engine.launch(Launch(job="other", attempt=1, kind="sleep"))
        await bench.until_phase(job, Phase.EXECUTING)

    async def test_a_kill_leaves_the_verdict_to_others(
        self, bench: Bench, engine: Engine
    ) -> None:
        """Its folder is cleared; killing again, or what never ran, is harmless."""
        job = await bench.submit("sleep")
        await bench.launch(engine, job)
        part = bench.data_folder / "jobs" / job / "1" / "half.part"
        await _until_exists(part)
        await bench.abort(job)
        await asyncio.gather(engine.kill(job, 1), engine.kill(job, 1))
        await engine.kill(job, 1)
        await engine.kill("unknown", 1)
        assert (await bench.job(job)).phase is Phase.ABORTED
        assert not part.exists()
        assert not await bench.messages(job)

    async def test_the_next_attempt_runs_after_a_kill(
        self, bench: Bench, engine: Engine
    ) -> None:
        """The slot is whole again."""
        for _ in range(3):
            job = await bench.submit("sleep")
            await bench.launch(engine, job)
            await bench.until_phase(job, Phase.EXECUTING)
            await bench.abort(job)
            await engine.kill(job, 1)
        job = await bench.submit("behave")
        await bench.launch(engine, job)
        await bench.until_phase(job, Phase.COMPLETED)

    async def test_an_overtaken_attempt_ends_without_a_word(
        self, bench: Bench, engine: Engine
    ) -> None:
        """As when the job was aborted before its claim."""
        job = await bench.submit("behave")
        await bench.until_free(engine)
        await bench.abort(job)
        await bench.launch(engine, job)
        await bench.until_free(engine)
        assert (await bench.job(job)).phase is Phase.ABORTED
        assert not await bench.messages(job)

    async def test_a_deadline_aborts_the_job(
        self, bench: Bench, engine: Engine
    ) -> None:
        """And the slot is free afterwards."""
        job = await bench.submit("sleep", duration=1)
        await bench.launch(engine, job, deadline=0.1)
        await bench.until_phase(job, Phase.ABORTED)
        assert await bench.messages(job) == [
            "failed: Aborted: attempt 1 took longer than 1 s"
        ]
        await bench.until_free(engine)

    async def test_a_product_is_published(self, bench: Bench, engine: Engine) -> None:
        """Once, with its record."""
        job = await bench.submit("stage")
        await bench.launch(engine, job)
        done = await bench.until_phase(job, Phase.COMPLETED)
        product = await bench.store.view(lambda tx: tx.products.get(job))
        assert product is not None
        assert (bench.data_folder / product.file).read_bytes() == b"product"
        assert (bench.publisher.published, done.staged) == (1, None)

    async def test_a_stop_leaves_the_job_to_recovery(
        self, bench: Bench, engine: Engine
    ) -> None:
        """It counts no loss, and the next attempt is the second."""
        job = await bench.submit("sleep")
        await bench.launch(engine, job)
        await bench.until_phase(job, Phase.EXECUTING)
        await engine.stop()
        assert (await bench.job(job)).phase is Phase.EXECUTING
        assert await bench.attempts.recover() == 1
        recovered = await bench.job(job)
        assert (recovered.phase, recovered.losses) == (Phase.QUEUED, 0)


class ProcessEngineContract(EngineContract):
    """What engines keep besides, whose attempts have processes of their own."""

    @pytest.mark.parametrize(
        "kind", ["double_fork", "ignore_signals", "compute_in_c", "babble"]
    )
    async def test_a_kill_leaves_no_survivor(
        self, kind: str, bench: Bench, engine: Engine, notes: Path
    ) -> None:
        """Whatever the work does to live on."""
        job = await bench.submit(kind, NOTES=str(notes))
        await bench.launch(engine, job)
        names = ["worker.1", "daemon.1"] if kind == "double_fork" else ["worker.1"]
        pids = [(await noted(notes, name))[0] for name in names]
        await bench.abort(job)
        await engine.kill(job, 1)
        assert not [pid for pid in pids if alive(pid)]
        await bench.until_free(engine)

    @pytest.mark.parametrize("kind", ["die", "exit_at_once"])
    async def test_a_dead_worker_is_a_lost_attempt(
        self, kind: str, bench: Bench, engine: Engine
    ) -> None:
        """Told at once; what it left behind is cleared."""
        job = await bench.submit(kind)
        await bench.launch(engine, job)
        lost = await bench.until(job, lambda found: found.losses == 1)
        assert (lost.phase, lost.attempt) == (Phase.QUEUED, 1)
        [message] = await bench.messages(job)
        assert message.startswith("error: Attempt 1 was lost: its process ")
        await bench.until_free(engine)
        assert not (bench.data_folder / "jobs" / job / "1" / "half.part").exists()

    async def test_a_dead_supervisor_is_a_lost_attempt(
        self, bench: Bench, engine: Engine, notes: Path
    ) -> None:
        """Its orphans die as well, and another one takes its place."""
        job = await bench.submit("double_fork", NOTES=str(notes))
        await bench.launch(engine, job)
        daemon, _ = await noted(notes, "daemon.1")
        worker, supervisor = await noted(notes, "worker.1")
        os.kill(supervisor, signal.SIGKILL)
        await bench.until(job, lambda found: found.losses == 1)
        assert not [pid for pid in (worker, daemon) if alive(pid)]
        await bench.until_free(engine)

    async def test_a_stopped_supervisor_cannot_prevent_a_kill(
        self, bench: Bench, engine: Engine, notes: Path
    ) -> None:
        """It is killed itself, and its slot is swept without it."""
        job = await bench.submit("double_fork", NOTES=str(notes))
        await bench.launch(engine, job)
        daemon, _ = await noted(notes, "daemon.1")
        worker, supervisor = await noted(notes, "worker.1")
        os.kill(supervisor, signal.SIGSTOP)
        await bench.abort(job)
        await engine.kill(job, 1)
        assert not [pid for pid in (worker, daemon, supervisor) if alive(pid)]
        await bench.until_free(engine)

    async def test_a_launch_into_a_dying_worker_is_lost_too(
        self, bench: Bench, engine: Engine, notes: Path
    ) -> None:
        """Its number is used up, so that it is never claimed late."""
        first = await bench.submit("behave", NOTES=str(notes))
        await bench.launch(engine, first)
        worker, _ = await noted(notes, "worker.1")
        await bench.until_free(engine)
        os.kill(worker, signal.SIGSTOP)
        job = await bench.submit("behave")
        await bench.launch(engine, job)
        os.kill(worker, signal.SIGKILL)
        lost = await bench.until(job, lambda found: found.losses == 1)
        assert (lost.phase, lost.attempt) == (Phase.QUEUED, 1)

    async def test_nothing_outlives_a_job_that_ended_well(
        self, bench: Bench, engine: Engine, notes: Path
    ) -> None:
        """The slot is free only when what it left behind is dead."""
        job = await bench.submit("leave_behind", NOTES=str(notes))
        await bench.launch(engine, job)
        daemon, _ = await noted(notes, "daemon.1")
        await bench.until_phase(job, Phase.COMPLETED)
        await bench.until_free(engine)
        assert not alive(daemon)

    async def test_a_fork_of_the_work_has_no_say(
        self, bench: Bench, engine: Engine, notes: Path
    ) -> None:
        """Only the worker itself gives the verdict."""
        job = await bench.submit("come_back_twice", NOTES=str(notes))
        await bench.launch(engine, job)
        await bench.until_phase(job, Phase.COMPLETED)
        fork, _ = await noted(notes, "fork.1")
        await bench.until_free(engine)
        assert (await bench.messages(job))[-1] == "complete: By the worker"
        assert not alive(fork)

    async def test_a_polite_exit_is_an_error(
        self, bench: Bench, engine: Engine
    ) -> None:
        """Not a loss that is tried again."""
        job = await bench.submit("exit_politely")
        await bench.launch(engine, job)
        assert (await bench.until_phase(job, Phase.ERROR)).losses == 0

    async def test_too_much_memory_is_an_error(
        self, bench: Bench, engine: Engine
    ) -> None:
        """The engine's limit of memory holds."""
        job = await bench.submit("hog")
        await bench.launch(engine, job)
        error = (await bench.until_phase(job, Phase.ERROR)).error
        assert error is not None
        assert error.code == "out_of_memory"
        await bench.until_free(engine)

    @pytest.mark.parametrize(
        ("kind", "limit"),
        [
            ("swarm", "processes"),
            ("burn_together", "cpu_seconds"),
            ("use_up", "cpu_seconds"),
            ("hog_together", "memory"),
        ],
    )
    async def test_a_limit_holds_for_all_processes_together(
        self, kind: str, limit: str, bench: Bench, engine: Engine, notes: Path
    ) -> None:
        """It ends the job, is named, and is not tried again; nothing is left."""
        job = await bench.submit(kind, NOTES=str(notes))
        await bench.launch(engine, job)
        ended = await bench.until_phase(job, Phase.ERROR)
        assert ended.error is not None
        assert (ended.error.type, ended.error.code) == ("fatal", f"limit_{limit}")
        assert f"[kinds.{kind}] {limit} = " in ended.error.message
        assert (ended.attempt, ended.losses) == (1, 0)
        worker, _ = await noted(notes, "worker.1")
        await bench.until_free(engine)
        assert not alive(worker)
        after = await bench.submit("behave")
        await bench.launch(engine, after)
        await bench.until_phase(after, Phase.COMPLETED)

    async def test_what_the_work_prints_is_in_its_log(
        self, bench: Bench, engine: Engine
    ) -> None:
        """Of its own attempt."""
        job = await bench.submit("behave")
        await bench.launch(engine, job)
        await bench.until_phase(job, Phase.COMPLETED)
        log = bench.data_folder / "jobs" / job / "1" / "log.txt"
        assert log.read_text() == "said by the work\n"

    async def test_a_stop_leaves_no_process(
        self, bench: Bench, engine: Engine, notes: Path
    ) -> None:
        """Daemons included."""
        job = await bench.submit("double_fork", NOTES=str(notes))
        await bench.launch(engine, job)
        daemon, _ = await noted(notes, "daemon.1")
        worker, supervisor = await noted(notes, "worker.1")
        await engine.stop()
        for pid in (daemon, worker, supervisor):
            await until_dead(pid)


async def _until_exists(path: Path) -> None:
    async with asyncio.timeout(PATIENCE):
        while not path.exists():  # noqa: ASYNC110, ASYNC240  # a file tells nobody
            await asyncio.sleep(0.005)
