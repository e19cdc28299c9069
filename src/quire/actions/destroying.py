"""The end of jobs: deletion, destruction, and later the purge of what is archived.

A product that a job has published outlives it: it goes only by its own verb.
"""

import asyncio
import shutil
import time
from pathlib import Path

from msgspec.structs import replace

from quire.access.principals import Principal
from quire.actions.job_access import visible_job
from quire.actions.progress_log import tell
from quire.clock import Clock
from quire.errors import PhaseConflict
from quire.jobs import transitions
from quire.jobs.job import Job
from quire.jobs.phases import Phase
from quire.ports.doorbell import Doorbell
from quire.ports.job_records import JobQuery, job_topic
from quire.ports.store import Store, Transaction
from quire.progress.event import failed

ARCHIVE_SECONDS = 30 * 24 * 3600.0
_BATCH = 100
_LONGEST_PAUSE = 0.2
# Seconds that a deletion waits for a product that is being published.
_PUBLISHING_SECONDS = 30.0
# Seconds after which no process of a deleted job can write any more.
_LAST_WORDS_SECONDS = 15.0
# A folder without a job that is younger may be of one that is just being made.
_ORPHAN_SECONDS = 3600.0
_ARCHIVED = frozenset({Phase.ARCHIVED})


class Destroying:
    """Takes jobs away.

    Parameters
    ----------
    data_folder
        Absolute; a job's own files lie in ``jobs/<id>`` below it.
    archive_seconds
        How long an archived job is remembered after its destruction.
    """

    def __init__(
        self,
        store: Store,
        doorbell: Doorbell,
        clock: Clock,
        *,
        data_folder: Path,
        archive_seconds: float = ARCHIVE_SECONDS,
    ) -> None:
        self._store = store
        self._doorbell = doorbell
        self._clock = clock
        self._folder = data_folder / "jobs"
        self._archive_seconds = archive_seconds
        # Jobs whose processes may still be writing, and until when (Unix seconds).
        self._dying: dict[str, float] = {}
        self._looked_for_orphans = False

    async def delete(self, job: str, principal: Principal) -> None:
        """Forget a job in any phase, with its own files; what runs of it is killed.

        Raises
        ------
        PhaseConflict
            Its product has been in the course of publication for 30 s.
        """
        deadline = time.monotonic() + _PUBLISHING_SECONDS
        while True:
            ticket = self._doorbell.ticket(job_topic(job))
            left = await self._store.decide(lambda tx: self._forget(tx, job, principal))
            if left is None:
                break
            seconds = deadline - time.monotonic()
            if not await self._doorbell.wait(job_topic(job), ticket, max(seconds, 0)):
                raise PhaseConflict(job, left.phase, "deletion")
        await self._remove_files([job])

    async def sweep(self) -> int:
        """Archive what is due and purge what was archived long ago; return how many."""
        now = self._clock.now()
        if not self._looked_for_orphans:
            self._looked_for_orphans = True
            await self._remove_orphans()
        due = JobQuery(limit=_BATCH, due_at=now, without=Phase.ARCHIVED)
        old = JobQuery(
            limit=_BATCH, due_at=now - self._archive_seconds, phases=_ARCHIVED
        )
        count = 0
        # Looking first keeps an idle server from writing.
        going = await self._store.view(lambda tx: _any(tx, due))
        while going:
            began = time.monotonic()
            gone = await self._store.decide(lambda tx: self._archive(tx, due))
            await self._remove_files(gone)
            count += len(gone)
            # Fewer: that is all, or the rest is being published; its turn comes.
            going = len(gone) == _BATCH
            await _let_others(began)
        going = await self._store.view(lambda tx: _any(tx, old))
        while going:
            began = time.monotonic()
            purged = await self._store.decide(lambda tx: _purge(tx, old))
            count += purged
            going = purged == _BATCH
            await _let_others(began)
        await self._remove_last_words()
        return count

    def _forget(self, tx: Transaction, job: str, principal: Principal) -> Job | None:
        """Forget a job, or return it if it is just being published."""
        found = visible_job(tx, job, principal)
        if found.staged is not None:
            return found
        if not found.phase.final:
            tell(tx, job, failed(f"Deleted by {principal.name}"), now=self._clock.now())
        tx.jobs.remove(job)
        return None

    def _archive(self, tx: Transaction, due: JobQuery) -> list[str]:
        now, gone = self._clock.now(), []
        for job in tx.jobs.page(due):
            if job.staged is not None:
                continue
            if not job.phase.final:
                event = failed("Aborted: its time of destruction has come")
                tell(tx, job.id, event, now=now)
                job = transitions.abort(job, now=now)  # noqa: PLW2901
            tx.jobs.put(transitions.archive(job))
            gone.append(job.id)
        return gone

    async def _remove_files(self, jobs: list[str]) -> None:
        """Remove the jobs' own files; the next sweep looks for what came since."""
        end = self._clock.now() + _LAST_WORDS_SECONDS
        self._dying |= dict.fromkeys(jobs, end)
        await asyncio.to_thread(self._remove_folders, jobs)

    async def _remove_last_words(self) -> None:
        now, doomed = self._clock.now(), list(self._dying)
        self._dying = {job: end for job, end in self._dying.items() if end > now}
        await asyncio.to_thread(self._remove_folders, doomed)

    def _remove_folders(self, jobs: list[str]) -> None:
        for job in jobs:
            if (self._folder / job).parent == self._folder:
                shutil.rmtree(self._folder / job, ignore_errors=True)

    async def _remove_orphans(self) -> None:
        """Remove what a server that died between the two halves has left."""
        found = await asyncio.to_thread(self._old_folders)
        for begin in range(0, len(found), _BATCH):
            names = found[begin : begin + _BATCH]
            known = await self._store.view(
                lambda tx, names=names: [tx.jobs.get(name) for name in names]  # type: ignore[misc]
            )
            orphans = [
                name
                for name, job in zip(names, known, strict=True)
                if job is None or job.phase is Phase.ARCHIVED
            ]
            await asyncio.to_thread(self._remove_folders, orphans)

    def _old_folders(self) -> list[str]:
        before = time.time() - _ORPHAN_SECONDS
        if not self._folder.is_dir():
            return []
        return [
            entry.name
            for entry in self._folder.iterdir()
            if entry.is_dir() and entry.stat().st_mtime < before
        ]


async def _let_others(began: float) -> None:
    """Leave the store to others for twice as long as it was taken up."""
    await asyncio.sleep(min(2 * (time.monotonic() - began), _LONGEST_PAUSE))


def _any(tx: Transaction, query: JobQuery) -> bool:
    return bool(tx.jobs.page(replace(query, limit=1)))


def _purge(tx: Transaction, old: JobQuery) -> int:
    jobs = tx.jobs.page(old)
    for job in jobs:
        tx.jobs.remove(job.id)
    return len(jobs)
