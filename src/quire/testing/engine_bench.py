"""What the tests of engines work with: a store, attempts, and somebody who waits."""

import asyncio
import contextlib
import os
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from quire.actions.attempts import Attempts
from quire.clock import Clock, SystemClock
from quire.jobs import transitions
from quire.jobs.job import Job, StagedProduct
from quire.jobs.limits import KindLimits
from quire.jobs.phases import Phase
from quire.jobs.retrying import RetryPolicy
from quire.ports.doorbell import Doorbell
from quire.ports.engine import Engine, Launch
from quire.ports.store import Store, Transaction
from quire.progress.log import Entry
from quire.testing.waiting import PATIENCE

_ENDING = 0x4  # linux/sched.h: PF_EXITING
# Seconds after which what was waited for will not come.


class RenamingPublisher:
    """`quire.ports.publisher.Publisher` by bare renames.

    Attributes
    ----------
    refusals
        So often it fails before it succeeds.
    """

    def __init__(self, data_folder: Path) -> None:
        self._data_folder = data_folder
        self.refusals = 0
        self.published = 0

    def destination(self, staged: StagedProduct) -> tuple[Path, Path]:
        """Return where file and manifest will lie, relative to the data folder."""
        folder = Path("products")
        return folder / staged.file_name, folder / staged.manifest_name

    def publish(self, staged: StagedProduct) -> None:
        """Publish."""
        if self.refusals:
            self.refusals -= 1
            raise OSError(28, "No space left on device")
        file, manifest = self.destination(staged)
        (self._data_folder / "products").mkdir(exist_ok=True)
        for source, target in ((staged.manifest, manifest), (staged.part, file)):
            with contextlib.suppress(FileNotFoundError):  # published before
                (self._data_folder / source).rename(self._data_folder / target)
        self.published += 1


class Bench:
    """A store with attempts on it.

    Parameters
    ----------
    server
        The name of the one whose attempts they are, where several share the store.
    """

    def __init__(  # each test its own
        self,
        store: Store,
        doorbell: Doorbell,
        data_folder: Path,
        *,
        # Longer than any test waits: none goes on because one has ended.
        lease: float = 10 * PATIENCE,
        losses: int = 3,
        clock: Clock | None = None,
        limits: KindLimits | None = None,
        server: str = "",
    ) -> None:
        self.store = store
        self.doorbell = doorbell
        self.data_folder = data_folder
        self.clock = clock or SystemClock()
        self._lease = lease
        self._limits = limits
        self._server = server
        self._policy = RetryPolicy(first=0.01, losses=losses, jitter=0.0)
        self.use(RenamingPublisher(data_folder))

    def use(self, publisher: RenamingPublisher) -> None:
        """Have products published by this one."""
        self.publisher = publisher
        self.attempts = Attempts(
            self.store,
            self.clock,
            publisher,
            data_folder=self.data_folder,
            lease=self._lease,
            policy=self._policy,
            limits=self._limits,
            server=self._server,
        )

    async def submit(
        self, kind: str, *, duration: int = 0, owner: str = "tester", **parameters: Any
    ) -> str:
        """Queue a job and return its id."""
        job = Job(
            id=str(uuid.uuid4()),
            kind=kind,
            owner=owner,
            phase=Phase.QUEUED,
            parameters=parameters,
            execution_duration=duration,
            created=self.clock.now(),
        )
        await self.store.decide(lambda tx: tx.jobs.put(job))
        return job.id

    async def abort(self, job: str) -> None:
        """Abort a job, as its row has it."""

        def decision(tx: Transaction) -> None:
            tx.jobs.put(transitions.abort(_job(tx, job), now=self.clock.now()))

        await self.store.decide(decision)

    async def run(self, job: str) -> None:
        """Queue a job again that was held."""
        await self.store.decide(lambda tx: tx.jobs.put(transitions.run(_job(tx, job))))

    async def job(self, job: str) -> Job:
        """Return a job."""
        return await self.store.view(lambda tx: _job(tx, job))

    async def log(self, job: str) -> tuple[Entry, ...]:
        """Return a job's progress log."""
        return await self.store.view(lambda tx: tx.progress.entries(job, 0, 1000))

    async def messages(self, job: str) -> list[str]:
        """Return what a job's progress log says, as ``type: message``."""
        return [
            f"{entry.event.type}: {entry.event.message}"
            for entry in await self.log(job)
        ]

    async def until(self, job: str, condition: Callable[[Job], bool]) -> Job:
        """Wait until a job is as it should be."""
        async with asyncio.timeout(PATIENCE):
            while True:
                ticket = self.doorbell.ticket("jobs")
                found = await self.job(job)
                if condition(found):
                    return found
                await self.doorbell.wait("jobs", ticket, 1.0)

    async def until_phase(self, job: str, *phases: Phase) -> Job:
        """Wait until a job is in one of the phases."""
        return await self.until(job, lambda found: found.phase in phases)

    async def launch(
        self, engine: Engine, job: str, *, attempt: int = 1, deadline: float = 0.0
    ) -> None:
        """Launch an attempt as soon as the engine can."""
        await self.until_free(engine)
        kind = (await self.job(job)).kind
        await engine.launch(
            Launch(job=job, attempt=attempt, kind=kind, deadline=deadline)
        )

    async def until_free(self, engine: Engine, slots: int = 1) -> None:
        """Wait until so many attempts can be launched."""
        async with asyncio.timeout(PATIENCE):
            while True:
                ticket = self.doorbell.ticket("jobs")
                if engine.free() >= slots:
                    return
                await self.doorbell.wait("jobs", ticket, 1.0)


async def noted(notes: Path, name: str) -> tuple[int, int]:
    """Wait for a note of a hostile kind: the ids of the process and its parent."""
    async with asyncio.timeout(PATIENCE):
        while not (notes / name).exists():  # noqa: ASYNC110  # a file
            await asyncio.sleep(0.005)
    own, parent = (notes / name).read_text().split()  # a few bytes
    return int(own), int(parent)


def alive(pid: int) -> bool:
    """Return whether a process runs; one that is ending, or waits to be reaped, not.

    A kernel that ends a process first takes its memory, and with it what it was known
    by; on a busy machine the rest may follow milliseconds later (proc(5), ``flags``).
    """
    try:
        os.kill(pid, 0)
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except (ProcessLookupError, FileNotFoundError):
        return False
    return fields[0] not in "ZX" and not int(fields[6]) & _ENDING


async def until_dead(pid: int) -> None:
    """Wait until a process has ended."""
    async with asyncio.timeout(PATIENCE):
        while alive(pid):  # noqa: ASYNC110  # somebody else's child tells nobody
            await asyncio.sleep(0.005)


def _job(tx: Transaction, job: str) -> Job:
    found = tx.jobs.get(job)
    assert found is not None
    return found
