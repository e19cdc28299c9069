"""The server of the campaign on attempts: FOLDER VICTIM POINT COUNT [CONTROL].

It does so many jobs one after the other, each with a trap, and ends. Killed and started
again it goes on where it was. Each verb of an attempt is a named point, before and
behind its commit.
"""

import argparse
import asyncio
import uuid
from pathlib import Path
from typing import TypeVar

from quire.actions.attempts import Attempts
from quire.actions.dispatch import Dispatcher
from quire.clock import SystemClock
from quire.engines.embedded.engine import EmbeddedEngine
from quire.jobs.job import Job, StagedProduct
from quire.jobs.phases import Phase
from quire.jobs.retrying import RetryPolicy
from quire.ports.store import Decision, Store, Transaction
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.store import SqliteStore
from quire.testing.campaigns.trap import SERVER, Trap
from quire.testing.campaigns.trapped_worker import KIND, PLAIN
from quire.writers.fits.folder_publisher import FolderPublisher

T = TypeVar("T")
# The verb behind a decision, by the name of the method that makes it.
_VERBS = {
    "Claiming.claim": "claim",
    "Attempts.tell": "tell",
    "Attempts.deliver": "deliver",
    "Verdicts._advance": "stage",
    "_submit": "queue",
    "Publishing._once": "record",
}
LOSE, DOUBLE = "lose", "double"
# The end of the names of points in the life of a job without a product.
COMPLETE = " complete"


class TrappedStore:
    """A `quire.ports.store.Store` with a trap before and behind each commit.

    Parameters
    ----------
    plain
        Whether jobs have no product: their end is one step, and not three.
    """

    def __init__(self, store: Store, trap: Trap, *, plain: bool) -> None:
        self._store = store
        self._trap = trap
        self._verbs = _VERBS | ({"Verdicts._advance": "complete"} if plain else {})

    async def decide(self, decision: Decision[T], *, brief: bool = False) -> T:
        """Run the decision in a transaction and return what it returned."""
        method, _, _ = decision.__qualname__.partition(".<locals>")
        verb = self._verbs.get(method, "")
        self._trap.at(f"before {verb}")
        decided = await self._store.decide(decision, brief=brief)
        self._trap.at(f"after {verb}")
        return decided

    async def view(self, question: Decision[T]) -> T:
        """Run a function that only reads."""
        return await self._store.view(question)

    async def ready(self) -> str:
        """Return why the store cannot take writes now."""
        return await self._store.ready()

    async def aclose(self) -> None:
        """Let go of everything."""
        await self._store.aclose()


class TrappedPublisher(FolderPublisher):
    """The publisher of `quire serve`, with a trap before and behind."""

    trap: Trap

    def publish(self, staged: StagedProduct) -> None:
        """Publish."""
        self.trap.at("before publish")
        super().publish(staged)
        self.trap.at("after publish")


class ForgetfulAttempts(Attempts):
    """A control: what was under way when the server died is left as it was."""

    async def recover(self) -> int:
        """Do nothing."""
        return 0


async def main(
    folder: Path, victim: str, point: str, *, count: int, control: str
) -> None:
    """Do the jobs that are not done yet."""
    doorbell, clock, trap = LocalDoorbell(), SystemClock(), Trap(folder, SERVER)
    kind = PLAIN if point.endswith(COMPLETE) else KIND
    opened = await SqliteStore.open(folder, doorbell=doorbell)
    store = TrappedStore(opened, trap, plain=kind == PLAIN)
    publisher = TrappedPublisher(folder)
    publisher.trap = trap
    make = ForgetfulAttempts if control == LOSE else Attempts
    attempts = make(
        store,
        clock,
        publisher,
        data_folder=folder,
        policy=RetryPolicy(first=0.01, losses=50, cut_off=50),
    )
    program = ["quire.testing.campaigns.trapped_worker", "--folder", str(folder)]
    if control == DOUBLE:
        program.append("--careless")
    engine = EmbeddedEngine(attempts, doorbell, program, slots=1)
    dispatcher = Dispatcher(store, engine, attempts, doorbell=doorbell, clock=clock)
    await dispatcher.start()
    await _until_free(doorbell, engine)  # so that there is a worker to be killed
    for number in range(count):
        job = str(uuid.UUID(int=number + 1, version=4))
        trap.set(job, victim, point)
        await _submit(store, job, kind)
        await _until_done(store, doorbell, engine, job)
    await dispatcher.stop()
    await store.aclose()


async def _submit(store: Store, job: str, kind: str) -> None:
    def decision(tx: Transaction) -> None:
        if tx.jobs.get(job) is None:
            tx.jobs.put(Job(id=job, kind=kind, owner="me", phase=Phase.QUEUED))

    await store.decide(decision)


async def _until_free(doorbell: LocalDoorbell, engine: EmbeddedEngine) -> None:
    while True:
        ticket = doorbell.ticket("jobs")
        if engine.free():
            return
        await doorbell.wait("jobs", ticket, 1.0)


async def _until_done(
    store: Store, doorbell: LocalDoorbell, engine: EmbeddedEngine, job: str
) -> None:
    """Wait for the verdict, and for the slot: there are points behind the verdict."""
    while True:
        ticket = doorbell.ticket("jobs")
        found = await store.view(lambda tx: tx.jobs.get(job))
        if found is not None and found.phase.final and engine.free():
            return
        await doorbell.wait("jobs", ticket, 1.0)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("folder", type=Path)
    parser.add_argument("victim")
    parser.add_argument("point")
    parser.add_argument("count", type=int)
    parser.add_argument("--control", default="")
    given = parser.parse_args()
    asyncio.run(
        main(
            given.folder,
            given.victim,
            given.point,
            count=given.count,
            control=given.control,
        )
    )
