"""What runners on other machines ask of the server, and what it has to tell them."""

import asyncio
import contextlib
from collections.abc import Callable, Collection
from typing import Annotated

import msgspec

from quire.actions.attempt_records import under_way
from quire.actions.attempts import Attempts
from quire.actions.progress_log import is_newest
from quire.actions.shipping import Shipping, check_places
from quire.errors import AttemptLost
from quire.jobs.job import Assignment, Completed, Job, JobResult, Outcome
from quire.jobs.limits import Excess
from quire.jobs.outcome_files import sizes
from quire.jobs.phases import Phase
from quire.ports.doorbell import Doorbell
from quire.ports.job_records import job_topic
from quire.ports.launcher import AttemptKey
from quire.ports.result_carrier import ResultCarrier
from quire.ports.store import Store, Transaction
from quire.progress.event import ProgressEvent

RunnerName = Annotated[str, msgspec.Meta(pattern="^[!-~]{1,200}$")]
"""Host and process, with something that no other runner has: plain ASCII."""


class Parting(msgspec.Struct, frozen=True, kw_only=True):
    """A runner's last word: nothing of its attempt is left.

    Attributes
    ----------
    runner
        As in its claim.
    reason
        What ended it without a verdict, empty if it gave one or was told to end.
    excess
        The limit that it was killed by, None if it was not.
    overrun
        Whether it took longer than it may.
    log
        Whether what it printed was sent through an object store.
    """

    runner: RunnerName
    reason: str = ""
    excess: Excess | None = None
    overrun: bool = False
    log: bool = False


class Runners:
    """The verbs of a runner beside those of every attempt.

    Parameters
    ----------
    stopping
        Set when the server is to stop; then nobody is held any longer.
    carrier_of
        Returns what carries the results of a kind, None where they lie in the data
        folder.
    """

    def __init__(  # what it works with; all given by the root
        self,
        attempts: Attempts,
        store: Store,
        doorbell: Doorbell,
        stopping: asyncio.Event,
        *,
        carrier_of: Callable[[str], ResultCarrier | None] = lambda _: None,
    ) -> None:
        self.attempts = attempts
        self._shipping = Shipping(attempts, carrier_of)
        self._store = store
        self._doorbell = doorbell
        self._stopping = stopping
        self._dismissed: set[AttemptKey] = set()
        self._watching: dict[AttemptKey, Callable[[], None]] = {}

    def watch(self, key: AttemptKey, on_left: Callable[[], None]) -> None:
        """Have a function called when a runner has left."""
        self._watching[key] = on_left

    def dismiss(self, key: AttemptKey) -> None:
        """Have a runner told to end, whatever the job's row says."""
        self._dismissed.add(key)
        self._doorbell.ring([job_topic(key[0])])

    def forget(self, key: AttemptKey) -> None:
        """Have nobody called, and nobody told, any more."""
        self._dismissed.discard(key)
        self._watching.pop(key, None)

    async def claim(self, job: str, attempt: int, runner: str) -> Assignment:
        """Begin an attempt; the same runner may ask again.

        Parameters
        ----------
        runner
            Host and process, with something that no other runner has.

        Raises
        ------
        AttemptLost
            The job is not in the queue any more, or another runner was first.
        """
        found = await self._job(job)
        mine = found is not None and found.host == runner
        if found is None or (job, attempt) in self._dismissed:
            raise AttemptLost(job, attempt)
        if mine and found.phase is Phase.EXECUTING and found.attempt == attempt:
            return self.attempts.assignment(found)
        return await self.attempts.claim(job, attempt, host=runner)

    async def told(self, job: str, event: ProgressEvent) -> bool:
        """Return whether a repeated event is the newest in the log already."""
        return await self._store.view(lambda tx: is_newest(tx, job, event))

    async def deliver(self, job: str, attempt: int, result: JobResult) -> None:
        """Make a finished file known while the attempt goes on."""
        check_places(job, (result.path,))
        told = {result.path: result.size}
        await self._shipping.bring(await self._job(job), attempt, told)
        await self.attempts.deliver(job, attempt, result)

    async def finish(self, job: str, attempt: int, outcome: Outcome) -> None:
        """End the attempt; a product is published before this returns."""
        if isinstance(outcome, Completed):
            told = sizes(outcome)
            check_places(job, told)
            await self._shipping.bring(await self._job(job), attempt, told)
        await self.attempts.finish(job, attempt, outcome)

    async def upload(self, job: str, attempt: int, path: str) -> str:
        """Return where a runner that does not see the data folder puts a file."""
        check_places(job, (path,))
        return self._shipping.place(await self._job(job), attempt, path)

    async def orders(self, job: str, attempt: int, seconds: float) -> bool:
        """Return False as soon as the attempt must end, True after so many seconds."""
        deadline = asyncio.get_running_loop().time() + seconds
        holding = asyncio.create_task(self._until_over(job, attempt, deadline))
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait((holding, stopping), return_when=asyncio.FIRST_COMPLETED)
            return holding.result() if holding.done() else True
        finally:
            for task in (holding, stopping):
                task.cancel()
            await asyncio.gather(holding, stopping, return_exceptions=True)

    async def leave(self, job: str, attempt: int, parting: Parting) -> None:
        """Take a runner's last word, and give the verdict that it could not give."""
        found = await self._job(job)
        if found is not None and _anothers(found, attempt, parting.runner):
            return
        if found is not None and under_way(found, attempt) and found.staged is None:
            with contextlib.suppress(AttemptLost):
                await self._judge(job, attempt, parting)
        if parting.log and found is not None:
            await self._shipping.bring_log(found, attempt)
        await self.clear(job, attempt)
        on_left = self._watching.get((job, attempt))
        if on_left is not None:
            on_left()
        if on_left is None or (found is not None and found.aborting):
            # Another server may watch over it, or wait for its end.
            await self.attempts.note_left(job, attempt, host=parting.runner)

    async def _judge(self, job: str, attempt: int, parting: Parting) -> None:
        if parting.excess is not None:
            await self.attempts.exceed(job, attempt, parting.excess)
        elif parting.overrun:
            await self.attempts.overrun(job, attempt)
        elif parting.reason:
            await self.attempts.lose(job, attempt, parting.reason)

    async def clear(self, job: str, attempt: int) -> None:
        """Remove what an attempt left behind, unless it completed its job."""
        found = await self._job(job)
        if found is None or found.attempt != attempt or not _kept(found):
            await self.attempts.clear(job, attempt)

    async def awaited(self, job: str, attempt: int) -> bool:
        """Return whether an attempt may still be claimed."""
        found = await self._job(job)
        return found is not None and (
            found.phase is Phase.QUEUED and found.attempt == attempt - 1
        )

    async def begun(self, job: str, attempt: int) -> bool:
        """Return whether an attempt was claimed."""
        found = await self._job(job)
        return found is not None and found.attempt >= attempt

    async def departed(self, keys: Collection[AttemptKey]) -> list[AttemptKey]:
        """Return those of the attempts whose runner told another server that it left."""

        def question(tx: Transaction) -> list[AttemptKey]:
            found = {key: tx.jobs.get(key[0]) for key in keys}
            return [key for key, job in found.items() if job and _gone(job, key[1])]

        return await self._store.view(question) if keys else []

    async def over(self, job: str, attempt: int) -> bool:
        """Return whether an attempt may change nothing any more."""
        found = await self._job(job)
        return found is None or not under_way(found, attempt)

    async def _until_over(self, job: str, attempt: int, deadline: float) -> bool:
        loop, topic = asyncio.get_running_loop(), job_topic(job)
        while True:
            ticket = self._doorbell.ticket(topic)
            found = await self._job(job)
            if found is None or not under_way(found, attempt):
                return False
            if (job, attempt) in self._dismissed:
                return False
            left = deadline - loop.time()
            if left <= 0:
                return True
            await self._doorbell.wait(topic, ticket, left)

    async def _job(self, job: str) -> Job | None:
        return await self._store.view(lambda tx: tx.jobs.get(job))


def _gone(job: Job, attempt: int) -> bool:
    return job.attempt == attempt and not job.host and not under_way(job, attempt)


def _anothers(job: Job, attempt: int, runner: str) -> bool:
    """Return whether the attempt was claimed, and by another runner."""
    return job.attempt == attempt and bool(job.host) and job.host != runner


def _kept(job: Job) -> bool:
    return job.phase is Phase.COMPLETED or job.staged is not None
