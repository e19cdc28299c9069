"""What happens to an attempt, as its server decides it.

Every verb is one decision, fenced by the attempt's number: the job and its progress
entry are put together, or neither is. Publishing a product takes two decisions with
the disk between them: the first commits the job to the product (an abort now comes
too late), the second completes it. Whatever dies in between, the second half is done
again at the next start.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from quire.actions.admission import Admission
from quire.actions.attempt_folders import discard_done
from quire.actions.attempt_records import executing, guarded, merged, setback
from quire.actions.attempt_recovery import (
    Again,
    Left,
    adopt,
    clear,
    deserted,
    let_go,
    note_left,
)
from quire.actions.claiming import Claiming
from quire.actions.progress_log import is_newest
from quire.actions.progress_log import tell as tell_listeners
from quire.actions.publishing import Publishing
from quire.actions.verdicts import Verdicts
from quire.clock import Clock
from quire.errors import AttemptLost
from quire.jobs import transitions
from quire.jobs.job import Assignment, Completed, Job, JobResult, Outcome, Standing
from quire.jobs.limits import Excess, KindLimits
from quire.jobs.phases import Phase
from quire.jobs.retrying import RetryPolicy, after_cut_off
from quire.ports.publisher import Publisher
from quire.ports.store import Store, Transaction
from quire.progress.event import ProgressEvent, info


class Attempts:
    """The verbs of an attempt.

    Parameters
    ----------
    data_folder
        Absolute; attempts get their folders below it.
    lease
        Seconds that an attempt may be silent before it counts as lost.
    admission
        Says whether there is disk space for an attempt.
    limits
        What each kind may use, and how often it is tried.
    server
        The name of this one, where several share a store: its attempts are its own
        until their lease has lapsed.
    left
        Returns the files elsewhere that an aborted job may have begun.
    """

    def __init__(  # noqa: PLR0913  # what it works with; all given by the root
        self,
        store: Store,
        clock: Clock,
        publisher: Publisher,
        *,
        data_folder: Path,
        lease: float = 30.0,
        policy: RetryPolicy | None = None,
        admission: Admission | None = None,
        limits: KindLimits | None = None,
        server: str = "",
        left: Left = lambda _: (),
    ) -> None:
        self.data_folder = data_folder
        self.lease = lease
        self._store = store
        self._clock = clock
        self._verdicts = Verdicts(
            store, clock, policy or RetryPolicy(), limits or KindLimits(), lease=lease
        )
        self._claiming = Claiming(
            store,
            clock,
            admission or Admission(data_folder),
            lease=lease,
            server=server,
        )
        self._server = server
        self._left = left
        self._publishing = Publishing(store, clock, publisher)
        self._kept: set[asyncio.Task[None]] = set()

    async def claim(self, job: str, attempt: int, *, host: str = "") -> Assignment:
        """Begin an attempt and return what is to be done.

        Parameters
        ----------
        attempt
            The number that it is to get, one above the newest.
        host
            Where it runs, empty for a child process of the server; attempts elsewhere
            outlive the server.

        Raises
        ------
        AttemptLost
            The job is not in the queue any more, or another attempt has begun.
        """
        return self.assignment(await self._claiming.claim(job, attempt, host=host))

    def assignment(self, claimed: Job) -> Assignment:
        """Return what is to be done in a job's newest attempt."""
        return Assignment(
            job=claimed.id,
            attempt=claimed.attempt,
            kind=claimed.kind,
            parameters=claimed.parameters,
            runs=claimed.runs,
            owner=claimed.owner,
            folder=str(self._folder(claimed.id, claimed.attempt)),
            data_folder=str(self.data_folder),
            marks=claimed.marks,
        )

    async def beat(self, job: str, attempt: int) -> None:
        """Renew the attempt's lease, written down only once a third of it is gone."""
        now = self._clock.now()
        seen = await self._store.view(lambda tx: guarded(tx, job, attempt))
        if (seen.lease_until or 0.0) - now > self.lease * 2 / 3:
            return

        def decision(tx: Transaction) -> None:
            current = guarded(tx, job, attempt)
            tx.jobs.put(replace(current, lease_until=now + self.lease))

        await self._store.decide(decision)

    async def tell(
        self,
        job: str,
        attempt: int,
        event: ProgressEvent,
        standing: Standing | None = None,
    ) -> None:
        """Append to the job's progress log; only its end is final."""
        now = self._clock.now()
        if event.type.final:
            event = info(event.message)

        def decision(tx: Transaction) -> None:
            current = guarded(tx, job, attempt)
            if standing is not None and current.staged is None:
                stands = transitions.stand(current, standing, now=now)
                if stands != current:
                    tx.jobs.put(stands)
            tell_listeners(tx, job, event, now=now)

        await self._store.decide(decision)

    async def remark(self, job: str, attempt: int, words: str) -> None:
        """Tell listeners what its scheduler says of an attempt, once in a row.

        It changes nothing; of a job that has ended, or is gone, nothing is told.
        """
        now = self._clock.now()
        event = info(f"Attempt {attempt}: {words}")

        def decision(tx: Transaction) -> None:
            if tx.jobs.get(job) is not None and not is_newest(tx, job, event):
                tell_listeners(tx, job, event, now=now)

        await self._store.decide(decision)

    async def deliver(self, job: str, attempt: int, result: JobResult) -> None:
        """Make a finished file known while the attempt goes on."""

        def decision(tx: Transaction) -> None:
            current = guarded(tx, job, attempt)
            tx.jobs.put(replace(current, results=merged(current, (result,))))

        await self._store.decide(decision)

    async def finish(
        self,
        job: str,
        attempt: int,
        outcome: Outcome,
        told: ProgressEvent | None = None,
    ) -> None:
        """End the attempt; a product is published before this returns.

        Parameters
        ----------
        told
            What it said before it was completed without a product, and is not in its
            log yet.
        """
        match outcome:
            case Completed() if outcome.product is not None:
                await self._keep(self._stage_and_publish(job, attempt, outcome))
            case _:
                await self._verdicts.give(job, attempt, outcome, told)

    async def lose(self, job: str, attempt: int, reason: str) -> None:
        """Give up an attempt that ended without a verdict; the job is tried again.

        An attempt that was launched and never claimed is lost as well: its number is
        used up, so that it cannot be claimed later.
        """
        await self._verdicts.lose(job, attempt, reason)

    async def exceed(self, job: str, attempt: int, excess: Excess) -> None:
        """End the job because its attempt went beyond a limit, and was killed."""
        await self._verdicts.exceed(job, attempt, excess)

    async def overrun(self, job: str, attempt: int) -> None:
        """End the job because its attempt took longer than it may."""
        await self._verdicts.overrun(job, attempt)

    async def clear(self, job: str, attempt: int) -> None:
        """Remove what an attempt left behind, once its processes are dead.

        Kept are its log, the results that it delivered and what it staged, and all of
        it while it is under way.
        """
        await clear(self._store, self.data_folder, job, attempt, self._left)

    async def clear_own(self, job: str, attempt: int) -> None:
        """Do so unless another has claimed that attempt: then the folder is theirs."""
        found = await self._store.view(lambda tx: tx.jobs.get(job))
        mine = found is None or (not found.host and found.server == self._server)
        if mine or (found and found.attempt != attempt):
            await self.clear(job, attempt)

    async def recover(self) -> int:
        """Queue again what was under way when its server died; return how many.

        Only child processes of this server in its former life, and of others that were
        silent for longer than their lease; not attempts elsewhere. It counts no loss,
        but a job under which servers die again and again is not to do so for ever.
        """
        now = self._clock.now()

        def again(job: Job) -> tuple[Job, ProgressEvent]:
            behind = after_cut_off(job, policy=self._verdicts.policy_of(job), now=now)
            if behind.phase is Phase.QUEUED:
                return behind, _restarted(job)
            assert behind.error is not None  # noqa: S101  # it failed
            return behind, setback(behind, behind.error.message, now)

        return await self._let_go(again, self._is_left)

    async def release(self) -> int:
        """Queue again what an orderly stop has cut off; return how many there were."""
        return await self._let_go(
            lambda job: (transitions.requeue(job, not_before=0.0), _restarted(job)),
            lambda job: job.server == self._server,
        )

    def _is_left(self, job: Job) -> bool:
        """Return whether nobody looks after an attempt but us."""
        silent_since = job.lease_until or 0.0
        return job.server == self._server or silent_since < self._clock.now()

    async def _let_go(self, again: Again, concerns: Callable[[Job], bool]) -> int:
        cut_off = await let_go(self._store, self._clock, again, concerns)
        for job in cut_off:
            await self.clear(job.id, job.attempt)
        return len(cut_off)

    async def adopt(
        self, concerns: Callable[[Job], bool] = lambda _: True
    ) -> tuple[Job, ...]:
        """Return the jobs whose attempts went on elsewhere while nobody watched them.

        They get a new lease: perhaps nobody could take their word meanwhile.

        Parameters
        ----------
        concerns
            Which jobs are meant.
        """
        return await adopt(self._store, self._clock, concerns, lease=self.lease)

    async def note_left(self, job: str, attempt: int, *, host: str = "") -> None:
        """Let other servers know that nothing of an attempt is left.

        Parameters
        ----------
        host
            Where it ran, empty for a child process of this server.
        """

        def left(found: Job) -> bool:
            mine = found.server == self._server
            return found.host == host if host else mine and not found.host

        if self._server:
            await note_left(self._store, job, attempt, left)

    def elsewhere(self, job: Job) -> bool:
        """Return whether something of a job's attempt may run that is not our child."""
        if not self._server or (job.lease_until or 0.0) < self._clock.now():
            return False
        return bool(job.host) or self.at_another(job)

    def at_another(self, job: Job) -> bool:
        """Return whether a job's attempt is a child process of another server."""
        return job.server not in ("", self._server)

    async def take_over(self, alive: Callable[[str], Awaitable[bool]]) -> int:
        """Go on with what servers that have died left undone; return how much it is.

        Parameters
        ----------
        alive
            Whether the server of a name, not this one, still runs.
        """
        left, silent = await deserted(
            self._store, self._clock, self._server, lease=self.lease
        )
        count = 0
        if any(job.staged is None for job in left):
            count += await self.recover()
        for job in silent:
            with contextlib.suppress(AttemptLost):
                await self.lose(job.id, job.attempt, "it gave no sign of life")
                await self.clear(job.id, job.attempt)
                count += 1
        for job in left:
            if job.staged is not None and not await alive(job.server):
                self._keep_task(self._publish(job.id, job.attempt))
                count += 1
        return count

    async def resume_publishing(self) -> int:
        """Begin to publish again what was staged when the server ended."""
        staged = await self._store.view(
            lambda tx: [
                job
                for job in executing(tx)
                if job.staged is not None and job.server in ("", self._server)
            ]
        )
        for job in staged:
            self._keep_task(self._publish(job.id, job.attempt))
        return len(staged)

    async def aclose(self) -> None:
        """Wait for what is being written to its public place."""
        await self._publishing.aclose()
        await asyncio.gather(*self._kept, return_exceptions=True)

    def _folder(self, job: str, attempt: int) -> Path:
        return self.data_folder / "jobs" / job / str(attempt)

    async def _keep(self, work: Coroutine[Any, Any, None]) -> None:
        """Await work that goes on if whoever waits for it is cancelled."""
        await asyncio.shield(self._keep_task(work))

    def _keep_task(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._kept.add(task)
        task.add_done_callback(self._kept.discard)
        return task

    async def _stage_and_publish(
        self, job: str, attempt: int, outcome: Completed
    ) -> None:
        await self._verdicts.stage(job, attempt, outcome)
        await self._publish(job, attempt)

    async def _publish(self, job: str, attempt: int) -> None:
        await self._publishing.publish(job, attempt)
        behind = await self._store.view(lambda tx: tx.jobs.get(job))
        if behind is not None and behind.phase is Phase.HELD:
            await self.clear(job, attempt)  # what could not be published is made anew
        elif behind is None or behind.phase.final:
            with contextlib.suppress(OSError):  # what was collected is in the product
                folder = self._folder(job, attempt).parent
                await asyncio.to_thread(discard_done, folder)


def _restarted(job: Job) -> ProgressEvent:
    return info(f"The server was restarted; attempt {job.attempt + 1} follows")
