"""The beginning of an attempt: its job is claimed, if there is disk space for it."""

from quire.actions.admission import Admission, Forecast
from quire.actions.progress_log import tell as tell_listeners
from quire.clock import Clock
from quire.errors import AttemptLost, PhaseConflict
from quire.jobs import transitions
from quire.jobs.job import Job
from quire.jobs.phases import Phase
from quire.ports.store import Store, Transaction
from quire.progress.event import error, info


class Claiming:
    """Claims jobs.

    Parameters
    ----------
    admission
        Says whether there is disk space for an attempt.
    lease
        Seconds that an attempt may be silent before it counts as lost.
    server
        The name of this one, where there are several.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        admission: Admission,
        *,
        lease: float,
        server: str = "",
    ) -> None:
        self._store = store
        self._clock = clock
        self._admission = admission
        self._lease = lease
        self._server = server

    async def claim(self, job: str, attempt: int, *, host: str = "") -> Job:
        """Begin an attempt and return its job.

        Raises
        ------
        AttemptLost
            The job is not in the queue any more, or another attempt has begun, or
            there is no space: then the job waits for it.
        """
        now = self._clock.now()
        found = await self._store.decide(
            lambda tx: self._claim(tx, job, attempt, now=now, host=host)
        )
        if found is None:  # an acquisition: is there disk space for it?
            stored = await self._store.view(lambda tx: tx.jobs.get(job))
            forecast = await self._admission.forecast(stored) if stored else None
            found = await self._store.decide(
                lambda tx: self._admit(tx, job, attempt, forecast, now=now, host=host)
            )
        if found is None:
            raise AttemptLost(job, attempt)
        return found

    def _admit(
        self,
        tx: Transaction,
        job: str,
        attempt: int,
        forecast: Forecast | None,
        *,
        now: float,
        host: str,
    ) -> Job | None:
        """Claim a job if there is space for it; None if it must wait."""
        stored = tx.jobs.get(job)
        queued = stored is not None and stored.phase is Phase.QUEUED
        alerts = self._admission.refusal(tx, forecast) if forecast and queued else ()
        if stored is not None and alerts and stored.attempt == attempt - 1:
            tx.jobs.put(transitions.suspend(stored, alerts, now=now))
            tell_listeners(tx, job, error(alerts[0].description), now=now)
            return None
        reserved = forecast.needed if forecast else 0
        return self._claim(tx, job, attempt, now=now, host=host, reserved=reserved)

    def _claim(
        self,
        tx: Transaction,
        job: str,
        attempt: int,
        *,
        now: float,
        host: str,
        reserved: int | None = None,
    ) -> Job | None:
        """Claim a job; None if its need of space is to be looked up first."""
        stored = tx.jobs.get(job)
        if stored is None or stored.attempt != attempt - 1:
            raise AttemptLost(job, attempt)
        if reserved is None and stored.is_acquisition:
            return None
        try:
            claimed = transitions.claim(
                stored,
                now=now,
                lease=self._lease,
                reserved=reserved or 0,
                host=host,
                server="" if host else self._server,
            )
        except PhaseConflict:
            raise AttemptLost(job, attempt) from None
        tx.jobs.put(claimed)
        if attempt > 1:
            tell_listeners(tx, job, info(f"Attempt {attempt} begins"), now=now)
        return claimed
