"""What is left of attempts: those that a server took with it, and their files."""

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from pathlib import Path

from msgspec.structs import replace

from quire.actions.attempt_folders import clear_folder, discard_done, remove_begun
from quire.actions.attempt_records import executing, under_way
from quire.actions.progress_log import tell as tell_listeners
from quire.clock import Clock
from quire.jobs.job import Job
from quire.jobs.phases import Phase
from quire.ports.store import Store, Transaction
from quire.progress.event import ProgressEvent

Again = Callable[[Job], tuple[Job, ProgressEvent]]
"""From a job that was cut off to the job behind it, and what listeners are told."""

Left = Callable[[Job], Iterable[Path]]
"""Files outside of a job's folder that its killed attempts may have begun."""

_GIVEN_UP = frozenset({Phase.ABORTED, Phase.ERROR, Phase.ARCHIVED})


async def let_go(
    store: Store, clock: Clock, again: Again, concerns: Callable[[Job], bool]
) -> list[Job]:
    """Let go of attempts that died with their server; return their jobs.

    Parameters
    ----------
    concerns
        Which jobs are meant; not those whose attempts run elsewhere.
    """
    now = clock.now()

    def decision(tx: Transaction) -> list[Job]:
        cut_off = [
            job
            for job in executing(tx)
            if job.staged is None
            and not job.host
            and not job.aborting
            and concerns(job)
        ]
        for job in cut_off:
            behind, event = again(job)
            tx.jobs.put(behind)
            tell_listeners(tx, job.id, event, now=now)
        return cut_off

    return await store.decide(decision)


async def adopt(
    store: Store, clock: Clock, concerns: Callable[[Job], bool], *, lease: float
) -> tuple[Job, ...]:
    """Return the jobs whose attempts went on elsewhere, with a new lease in seconds.

    Parameters
    ----------
    concerns
        Which jobs are meant.
    """
    now = clock.now()

    def decision(tx: Transaction) -> tuple[Job, ...]:
        adopted = [
            replace(job, lease_until=now + lease)
            for job in executing(tx)
            if job.staged is None and job.host and concerns(job)
        ]
        for job in adopted:
            tx.jobs.put(job)
        return tuple(adopted)

    return await store.decide(decision)


async def deserted(
    store: Store, clock: Clock, server: str, *, lease: float
) -> tuple[list[Job], list[Job]]:
    """Return jobs of silent servers other than this, and of silent runners elsewhere.

    Those elsewhere are nobody's children; whoever launched them goes first.
    """
    now = clock.now()

    def question(tx: Transaction) -> tuple[list[Job], list[Job]]:
        every = executing(tx)
        left = [
            job
            for job in every
            if job.server not in ("", server) and (job.lease_until or 0.0) < now
        ]
        silent = [
            job
            for job in every
            if job.host
            and job.staged is None
            and (job.lease_until or 0.0) + lease < now
        ]
        return left, silent

    return await store.view(question)


async def note_left(
    store: Store, job: str, attempt: int, left: Callable[[Job], bool]
) -> None:
    """Write down that nothing of an attempt is left, for servers that wait for it.

    Parameters
    ----------
    left
        Whether the attempt of that number is the one that has left.
    """

    def decision(tx: Transaction) -> None:
        found = tx.jobs.get(job)
        if found is None or found.attempt != attempt or not left(found):
            return
        if found.phase is not Phase.EXECUTING or found.aborting:
            tx.jobs.put(replace(found, host="", server=""))

    await store.decide(decision)


async def clear(
    store: Store, data_folder: Path, job: str, attempt: int, left: Left
) -> None:
    """Remove what an attempt left behind, once its processes are dead.

    Kept are its log, the results that it delivered and what it staged; what its job has
    finished only while something may still become of it. Nothing is removed while the
    row says that it is under way: its verdict may be on its way, through another server
    or a slow line, and would complete the job with files that are gone.
    """
    stored = await store.view(lambda tx: tx.jobs.get(job))
    if stored is not None and under_way(stored, attempt):
        return
    kept: set[str] = set()
    if stored is not None:
        kept.update(result.path for result in stored.results)
        if stored.staged is not None:
            kept.update((stored.staged.part, stored.staged.manifest))
            kept.update(stored.staged.beside.values())
    folder = data_folder / "jobs" / job / str(attempt)
    await asyncio.to_thread(
        clear_folder, folder, kept={data_folder / path for path in kept}
    )
    if stored is None or stored.phase in _GIVEN_UP:
        with contextlib.suppress(OSError):  # a folder that stays is seen
            await asyncio.to_thread(discard_done, folder.parent)
    if stored is not None and stored.phase is Phase.ABORTED:
        await asyncio.to_thread(remove_begun, left(stored))
