"""How an attempt ends: by its own verdict, or by that of whoever watches it.

Every verdict is one decision, fenced by the attempt's number.
"""

from collections.abc import Callable
from typing import assert_never

from msgspec.structs import replace

from quire.actions.attempt_records import merged, setback, undecided
from quire.actions.progress_log import tell as tell_listeners
from quire.clock import Clock
from quire.errors import AttemptLost
from quire.jobs import transitions
from quire.jobs.job import (
    Alert,
    Blocked,
    Completed,
    Failed,
    Job,
    JobError,
    Outcome,
    Suspended,
)
from quire.jobs.limits import Excess, KindLimits
from quire.jobs.phases import Phase
from quire.jobs.retrying import RetryPolicy, after_error, after_excess, after_loss
from quire.ports.store import Store, Transaction
from quire.progress.event import ProgressEvent, complete, error, failed

# From the job and the time to the job behind it, and what listeners are told.
_Advance = Callable[[Job, float], tuple[Job, ProgressEvent | None]]


class Verdicts:
    """Puts the end of an attempt into its job's row and log.

    Parameters
    ----------
    policy, limits
        How often a job is tried: in general, and by kind.
    lease
        Seconds that an attempt may be silent before it counts as lost.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        policy: RetryPolicy,
        limits: KindLimits,
        *,
        lease: float,
    ) -> None:
        self._store = store
        self._clock = clock
        self._policy = policy
        self._limits = limits
        self._lease = lease

    def policy_of(self, job: Job) -> RetryPolicy:
        """Return how often a job is tried, and at what distance."""
        retries = self._limits.of(job.kind).retries
        return (
            self._policy if retries is None else replace(self._policy, retries=retries)
        )

    async def give(
        self,
        job: str,
        attempt: int,
        outcome: Outcome,
        told: ProgressEvent | None = None,
    ) -> None:
        """End an attempt as it says itself, without a product.

        Parameters
        ----------
        told
            What it said before it was completed and is not in its log yet.
        """
        match outcome:
            case Completed():
                await self._complete(job, attempt, outcome, told)
            case Failed():
                await self._fail(job, attempt, outcome.error)
            case Blocked():
                await self._hold(job, attempt, outcome.alerts)
            case Suspended():
                await self._suspend(job, attempt, outcome.alerts)
            case _ as never:
                assert_never(never)

    async def stage(self, job: str, attempt: int, outcome: Completed) -> None:
        """Commit a job to its product: an abort now comes too late."""

        def advance(current: Job, _: float) -> tuple[Job, ProgressEvent | None]:
            results = merged(current, outcome.results)
            return replace(current, staged=outcome.product, results=results), None

        await self._advance(job, attempt, advance)

    async def lose(self, job: str, attempt: int, reason: str) -> None:
        """Give up an attempt that ended without a verdict, or was never claimed."""
        now = self._clock.now()

        def decision(tx: Transaction) -> None:
            current = tx.jobs.get(job)
            if current and current.phase is Phase.QUEUED:
                if current.attempt != attempt - 1:
                    raise AttemptLost(job, attempt)
                current = transitions.claim(current, now=now, lease=self._lease)
            current = undecided(current, job, attempt)
            lost = after_loss(current, reason, policy=self.policy_of(current), now=now)
            tx.jobs.put(lost)
            message = f"Attempt {attempt} was lost: {reason}"
            tell_listeners(tx, job, setback(lost, message, now), now=now)

        await self._store.decide(decision)

    async def exceed(self, job: str, attempt: int, excess: Excess) -> None:
        """End the job because its attempt went beyond a limit, and was killed."""

        def advance(current: Job, now: float) -> tuple[Job, ProgressEvent]:
            behind = after_excess(current, excess, now=now)
            return behind, setback(behind, excess.describe(current.kind), now)

        await self._advance(job, attempt, advance)

    async def overrun(self, job: str, attempt: int) -> None:
        """End the job because its attempt took longer than it may."""

        def advance(current: Job, now: float) -> tuple[Job, ProgressEvent]:
            limits = self._limits.of(current.kind)
            seconds = limits.seconds(current.execution_duration)
            message = f"Aborted: attempt {attempt} took longer than {seconds} s"
            return transitions.overrun(current, now=now), failed(message)

        await self._advance(job, attempt, advance)

    async def _complete(
        self, job: str, attempt: int, outcome: Completed, told: ProgressEvent | None
    ) -> None:
        def advance(current: Job, now: float) -> tuple[Job, ProgressEvent]:
            done = replace(current, results=merged(current, outcome.results))
            return transitions.complete(done, now=now), complete(outcome.message)

        await self._advance(job, attempt, advance, told)

    async def _fail(self, job: str, attempt: int, problem: JobError) -> None:
        def advance(current: Job, now: float) -> tuple[Job, ProgressEvent]:
            policy = self.policy_of(current)
            behind = after_error(current, problem, policy=policy, now=now)
            return behind, setback(behind, problem.message, now)

        await self._advance(job, attempt, advance)

    async def _hold(self, job: str, attempt: int, alerts: tuple[Alert, ...]) -> None:
        def advance(current: Job, now: float) -> tuple[Job, ProgressEvent]:
            held = transitions.hold(current, alerts, now=now)
            return held, error("; ".join(alert.description for alert in alerts))

        await self._advance(job, attempt, advance)

    async def _suspend(self, job: str, attempt: int, alerts: tuple[Alert, ...]) -> None:
        def advance(current: Job, now: float) -> tuple[Job, ProgressEvent]:
            waiting = transitions.suspend(current, alerts, now=now)
            return waiting, error("; ".join(alert.description for alert in alerts))

        await self._advance(job, attempt, advance)

    async def _advance(
        self,
        job: str,
        attempt: int,
        advance: _Advance,
        told: ProgressEvent | None = None,
    ) -> None:
        now = self._clock.now()

        def decision(tx: Transaction) -> None:
            current = undecided(tx.jobs.get(job), job, attempt)
            advanced, event = advance(current, now)
            tx.jobs.put(advanced)
            for one in (told, event):
                if one is not None:
                    tell_listeners(tx, job, one, now=now)

        await self._store.decide(decision)
