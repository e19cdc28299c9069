"""Aborting an acquisition: ESO's transitional substate, and what it takes to leave it.

An abort is decided in the row first: from then on nothing else becomes of the job.
Then its processes are killed and what it has not finished is removed, and only then it
is ABORTED. What cannot be removed leaves it in Aborting with an alert, until an operator
aborts it again. Whatever dies in between, the next start goes on with it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path

from quire.access.principals import Principal
from quire.actions.acquisition_access import active_acquisition, visible_acquisition
from quire.actions.attempt_folders import discard_unfinished
from quire.actions.progress_log import tell
from quire.clock import Clock
from quire.errors import Conflict, QuireError
from quire.jobs import transitions
from quire.jobs.job import Alert, Job, Severity
from quire.ports.acquisition_records import AcquisitionQuery
from quire.ports.store import Store, Transaction
from quire.products.acquisition import Acquisition
from quire.products.acquisition_states import ABORTABLE, Substate
from quire.progress.event import error, failed, info

_ABORTING = frozenset({Substate.ABORTING})
_MOST = 1000


class AbortFailed(QuireError):
    """An abort that left something behind; it can be tried again.

    Parameters
    ----------
    acquisition
        Its id.
    """

    code = "abort_failed"

    def __init__(self, acquisition: str, reason: str) -> None:
        self.acquisition = acquisition
        self.reason = reason
        super().__init__(
            f"acquisition {acquisition} stays in Aborting: {reason} "
            "(mend it, then abort it again)"
        )


class Aborting:
    """Aborts acquisitions.

    Parameters
    ----------
    end
        Ends what runs of a job; returns when nothing of it is left.
    data_folder
        Absolute; a job's own files lie in ``jobs/<id>`` below it.
    left
        Returns the files elsewhere that a job's killed attempts may have begun.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        end: Callable[[str], Awaitable[None]],
        data_folder: Path,
        left: Callable[[Job], Iterable[Path]] = lambda _: (),
    ) -> None:
        self._store = store
        self._clock = clock
        self._end = end
        self._data_folder = data_folder
        self._left = left

    async def abort(self, acquisition: str, principal: Principal) -> Acquisition:
        """Abort an acquisition for good; what it returns shows it so already.

        Raises
        ------
        NotFound
            There is none of that id, or it is archived.
        Conflict
            Its product is just being published.
        AbortFailed
            Something of it cannot be removed: it stays in Aborting.
        """
        job = await self._store.decide(
            lambda tx: self._begin(tx, acquisition, principal)
        )
        if not job.phase.final:
            await self._finish(job, f"Aborted by {principal.name}")
        return await self._store.view(
            lambda tx: visible_acquisition(tx, acquisition, principal)
        )

    async def resume(self) -> int:
        """Go on with aborts that the end of a server has cut off; return how many.

        One that fails again waits for its operator.
        """
        query = AcquisitionQuery(limit=_MOST, substates=_ABORTING)
        jobs = await self._store.view(
            lambda tx: [tx.jobs.get(one.job) for one in tx.acquisitions.page(query)]
        )
        begun = [job for job in jobs if job is not None and job.aborting]
        for job in begun:
            try:
                await self._finish(job, "Aborted")
            except AbortFailed:
                continue
        return len(begun)

    def _begin(self, tx: Transaction, acquisition: str, principal: Principal) -> Job:
        """Return the job, ABORTED at once if there is nothing to remove."""
        found, job = active_acquisition(tx, acquisition, principal)
        if found.substate not in ABORTABLE or job.staged is not None:
            reason = f"it is {found.substate}: its product is being published"
            raise Conflict("acquisition", acquisition, reason)
        begun = transitions.begin_abort(job)
        # Both changes are told: those who watch see ESO's transitional substate.
        tx.jobs.put(begun)
        if job.attempt:
            told = info(f"{principal.name} aborts it")
            tell(tx, job.id, told, now=self._clock.now())
            return begun
        return self._end_of(tx, begun, f"Aborted by {principal.name}")

    async def _finish(self, job: Job, words: str) -> None:
        await self._end(job.id)
        kept = {self._data_folder / result.path for result in job.results}
        folder = self._data_folder / "jobs" / job.id
        try:
            await asyncio.to_thread(discard_unfinished, folder, kept=kept)
            await asyncio.to_thread(_remove, self._left(job))
        except OSError as problem:
            reason = f"{problem.filename or folder}: {problem.strerror or problem}"
            name = await self._store.decide(lambda tx: self._stay(tx, job.id, reason))
            raise AbortFailed(name, reason) from None

        def decide(tx: Transaction) -> None:
            current = tx.jobs.get(job.id)
            if current is not None and current.aborting:  # else somebody was faster
                self._end_of(tx, current, words)

        await self._store.decide(decide)

    def _end_of(self, tx: Transaction, job: Job, words: str) -> Job:
        now = self._clock.now()
        aborted = transitions.abort(job, now=now)
        tx.jobs.put(aborted)
        tell(tx, job.id, failed(words), now=now)
        return aborted

    def _stay(self, tx: Transaction, job: str, reason: str) -> str:
        """Write down why an abort has failed; return the acquisition's id."""
        current, now = tx.jobs.get(job), self._clock.now()
        if current is None or not current.aborting:
            return job
        alert = Alert(
            id="failed_operation/abort",
            severity=Severity.ERROR,
            description=f"Failed Operation: the abort cannot remove {reason} "
            "(mend it, then abort it again)",
        )
        tx.jobs.put(transitions.fail_abort(current, alert, now=now))
        tell(tx, job, error(alert.description), now=now)
        query = AcquisitionQuery(limit=_MOST, substates=_ABORTING)
        names = (one.id for one in tx.acquisitions.page(query) if one.job == job)
        return next(names, job)


def _remove(files: Iterable[Path]) -> None:
    for one in files:
        one.unlink(missing_ok=True)
