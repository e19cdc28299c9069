"""Waiting for a job's phase to change: woken by the change, not by asking again."""

import asyncio

from quire.jobs.job import Job
from quire.jobs.phases import Phase
from quire.ports.doorbell import Doorbell
from quire.ports.job_records import job_topic
from quire.ports.store import Store

# UWS 1.1, section 2.2.1.1: in the others nothing changes by itself, or never.
WAITABLE = frozenset({Phase.PENDING, Phase.QUEUED, Phase.EXECUTING})


class Waiting:
    """Holds those who wait for jobs.

    Parameters
    ----------
    stopping
        Set when the server is to stop; then nobody is held any longer.
    """

    def __init__(
        self, store: Store, doorbell: Doorbell, stopping: asyncio.Event
    ) -> None:
        self._store = store
        self._doorbell = doorbell
        self._stopping = stopping

    async def changed(
        self, job: str, seconds: float, *, phases: frozenset[Phase] = WAITABLE
    ) -> None:
        """Return once the job has left the phase that it is in, or is gone.

        Parameters
        ----------
        seconds
            After which it returns in any case.
        phases
            Those worth waiting in; in another one it returns at once.
        """
        first = await self._job(job)
        if first is None or first.phase not in phases:
            return
        changing = asyncio.create_task(self._until(job, first.phase, seconds))
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            await asyncio.wait(
                (changing, stopping), return_when=asyncio.FIRST_COMPLETED
            )
            if changing.done():
                changing.result()
        finally:
            for task in (changing, stopping):
                task.cancel()
            await asyncio.gather(changing, stopping, return_exceptions=True)

    async def ended(self, job: str, seconds: float) -> None:
        """Return once the job is over, HELD or gone, or the seconds have passed."""
        deadline = asyncio.get_running_loop().time() + seconds
        busy = frozenset(Phase) - {Phase.HELD, *(one for one in Phase if one.final)}
        while not self._stopping.is_set():
            current = await self._job(job)
            left = deadline - asyncio.get_running_loop().time()
            if current is None or current.phase not in busy or left <= 0:
                return
            await self.changed(job, left, phases=busy)

    async def _until(self, job: str, phase: Phase, seconds: float) -> None:
        loop, topic = asyncio.get_running_loop(), job_topic(job)
        deadline = loop.time() + seconds
        while (left := deadline - loop.time()) > 0:
            ticket = self._doorbell.ticket(topic)
            current = await self._job(job)
            if current is None or current.phase is not phase:
                return
            await self._doorbell.wait(topic, ticket, left)

    async def _job(self, job: str) -> Job | None:
        return await self._store.view(lambda tx: tx.jobs.get(job))
