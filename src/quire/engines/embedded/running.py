"""One attempt in a slot, as the server sees it."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import Any

from quire.actions.attempts import Attempts
from quire.engines.embedded.hearing import Hearing
from quire.engines.embedded.messages import (
    Answer,
    Beat,
    Claim,
    Deliver,
    Finish,
    Tell,
)
from quire.errors import AttemptLost, StoreUnavailable
from quire.jobs.job import Assignment, Completed, Outcome
from quire.jobs.limits import Excess
from quire.ports.engine import Launch
from quire.progress.event import ProgressEvent

_log = logging.getLogger(__name__)
# Seconds between two tries to write down an overrun while the store takes no writes.
_PAUSE = 0.5

Asked = Claim | Beat | Tell | Deliver | Finish


class Running:
    """Answers the runner of one attempt and sees to what is left of it.

    Parameters
    ----------
    end
        Ends the attempt's processes; called at most once.
    """

    def __init__(
        self, attempts: Attempts, launch: Launch, *, end: Callable[[], None]
    ) -> None:
        self.launch = launch
        self.completed = False
        self._attempts = attempts
        self._end = end
        self._ending = False
        self._verdict = False
        self._deadline: asyncio.Task[None] | None = None
        self._over = asyncio.Event()
        self._hearing = Hearing(attempts, launch)
        self._claim = self._begin_claim()

    @property
    def harmless(self) -> bool:
        """Whether the worker may go on with another attempt."""
        return self.completed

    async def hear(self, event: ProgressEvent) -> None:
        """Take what the runner says in passing; it gets no answer."""
        await self._hearing.hear(event)

    async def answer(self, request: Asked) -> Answer:
        """Do what the runner asks for and return what to tell it."""
        try:
            return await self._obey(request)
        except AttemptLost:
            self._verdict = True  # somebody else has given it
            return Answer(lost=True)
        except StoreUnavailable:
            return Answer(unavailable=True)
        except Exception as problem:  # noqa: BLE001  # the runner is told
            _log.exception(
                "%s: %s failed",
                self.launch,
                type(request).__name__,
                extra=_named(self.launch),
            )
            return Answer(problem=f"{type(problem).__name__}: {problem}")

    async def kill(self) -> None:
        """End the attempt without a verdict; returns when nothing of it is left."""
        self._verdict = True
        if not self._ending:
            self._ending = True
            self._end()
        await self._over.wait()

    async def settle(self, reason: str, excess: Excess | None = None) -> None:
        """Conclude, once nothing of the attempt is left.

        Parameters
        ----------
        reason
            Why it ended, if it ended without a verdict.
        excess
            The limit that it was killed by, None if it was not.
        """
        if self._deadline is not None:
            self._deadline.cancel()
        job, attempt = self.launch.job, self.launch.attempt
        await asyncio.gather(self._claim, return_exceptions=True)
        try:
            with contextlib.suppress(AttemptLost, StoreUnavailable):
                await self._hearing.write()
            if not self._verdict:
                with contextlib.suppress(AttemptLost):
                    if excess is None:
                        await self._attempts.lose(job, attempt, reason)
                    else:
                        await self._attempts.exceed(job, attempt, excess)
            if not self.completed:
                await self._attempts.clear_own(job, attempt)
        except Exception:  # noqa: BLE001  # the slot goes on, as the store may later
            # Once its lease has ended, the attempt is lost as well.
            words = "%s ended unrecorded: %s"
            _log.exception(words, self.launch, reason, extra=_named(self.launch))
        finally:
            self._over.set()

    def when_claimed(self, begin: Callable[[Assignment | None], None]) -> None:
        """Have something called once the attempt is claimed, or cannot be.

        Parameters
        ----------
        begin
            Gets what is to be done; None where the worker is to ask for it, and to
            hear why it cannot have it.
        """

        def claimed(claim: asyncio.Task[Assignment]) -> None:
            if claim.cancelled():
                return
            assignment = None if claim.exception() else claim.result()
            if assignment is not None:
                self._mind_deadline()
            begin(assignment)

        self._claim.add_done_callback(claimed)

    def abandon(self) -> None:
        """Conclude without a word: the server ends, and recovers at its next start."""
        if self._deadline is not None:
            self._deadline.cancel()
        self._claim.cancel()
        self._hearing.forget()
        self._over.set()

    def _begin_claim(self) -> asyncio.Task[Assignment]:
        claim = asyncio.create_task(
            self._attempts.claim(self.launch.job, self.launch.attempt)
        )
        # It is not to be complained of if the worker never asks.
        claim.add_done_callback(lambda done: done.cancelled() or done.exception())
        return claim

    async def _claimed(self) -> Assignment:
        try:
            return await asyncio.shield(self._claim)
        except StoreUnavailable:
            self._claim = self._begin_claim()
            raise

    async def _obey(self, request: Asked) -> Answer:
        job, attempt = self.launch.job, self.launch.attempt
        if not (isinstance(request, Finish) and _together(request.outcome)):
            await self._hearing.write()
        match request:
            case Claim():
                assignment = await self._claimed()
                self._mind_deadline()
                return Answer(assignment=assignment)
            case Beat():
                await self._attempts.beat(job, attempt)
            case Tell():
                await self._attempts.tell(job, attempt, request.event, request.standing)
            case Deliver():
                await self._attempts.deliver(job, attempt, request.result)
            case Finish():
                await self._finish(request.outcome)
        return Answer()

    async def _finish(self, outcome: Outcome) -> None:
        job, attempt = self.launch.job, self.launch.attempt
        said = await self._hearing.take()
        try:
            await self._attempts.finish(job, attempt, outcome, said)
        except StoreUnavailable:
            self._hearing.keep(said)
            raise
        self._verdict = True
        self.completed = isinstance(outcome, Completed)

    def _mind_deadline(self) -> None:
        if self.launch.deadline and self._deadline is None:
            self._deadline = asyncio.create_task(self._overrun())

    async def _overrun(self) -> None:
        await asyncio.sleep(self.launch.deadline)
        while True:
            try:
                await self._attempts.overrun(self.launch.job, self.launch.attempt)
            except AttemptLost:
                return  # it ended in time after all
            except StoreUnavailable:
                await asyncio.sleep(_PAUSE)
            else:
                break
        self._verdict = True
        if not self._ending:
            self._ending = True
            self._end()


def _together(outcome: Outcome) -> bool:
    """Return whether what was said and the end are one decision."""
    return isinstance(outcome, Completed) and outcome.product is None


def _named(launch: Launch) -> dict[str, Any]:
    """Return what a line of the log says of an attempt."""
    return {"job": launch.job, "attempt": launch.attempt}
