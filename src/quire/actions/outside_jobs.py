"""Jobs that services run outside and report here (Wobbly)."""

from collections.abc import AsyncIterator, Collection
from typing import Any

import msgspec
from msgspec.structs import replace

from quire.access.principals import Principal
from quire.actions.progress_log import tell
from quire.clock import Clock, IdMaker
from quire.errors import InputError, NotFound
from quire.jobs.job import Job
from quire.jobs.outside import Report, Rescheduled, begin, reported
from quire.jobs.phases import Phase
from quire.ports.job_numbers import Numbered, NumberQuery, Place
from quire.ports.store import Store, Transaction
from quire.progress.event import ProgressEvent, complete, failed, info
from quire.progress.log import Head, append

# So many are read, and sent, at a time.
CHUNK = 200


class NewJob(msgspec.Struct, frozen=True, kw_only=True):
    """A job that a service is going to run.

    Attributes
    ----------
    destruction
        Unix seconds.
    execution_duration
        Seconds, 0 for no limit.
    """

    parameters: dict[str, Any]
    destruction: float
    run_id: str = ""
    execution_duration: int = 0


class Listing(msgspec.Struct, frozen=True, kw_only=True):
    """A page of jobs, newest first.

    Attributes
    ----------
    jobs
        The jobs, in chunks; read while they are taken.
    older
        Where the next page begins, None if this is the last.
    newer
        The first job of this page where newer ones are known to stand before it.
    """

    jobs: AsyncIterator[tuple[Numbered, ...]]
    older: Place | None = None
    newer: Place | None = None


class OutsideJobs:
    """What services and operators can do with such jobs.

    Parameters
    ----------
    kinds
        Names of the kinds that are run here; no service may have one of them.
    """

    def __init__(
        self, store: Store, clock: Clock, ids: IdMaker, *, kinds: Collection[str]
    ) -> None:
        self._store = store
        self._clock = clock
        self._ids = ids
        self._kinds = frozenset(kinds)

    async def create(self, new: NewJob, principal: Principal) -> Numbered:
        """Make a job, durably.

        Raises
        ------
        InputError
            Its destruction lies in the past, or the service has the name of a kind.
        """
        if principal.service in self._kinds:
            raise InputError("service", f"{principal.service!r} is a kind of ours")
        now = self._clock.now()
        self._require_future(new.destruction, now)
        made = begin(
            job=self._ids.new_id(),
            service=principal.service,
            owner=principal.name,
            parameters=new.parameters,
            now=now,
        )
        job = replace(
            made,
            run_id=new.run_id,
            destruction=new.destruction,
            execution_duration=new.execution_duration,
        )

        event = info(f"Created by {job.kind}")

        def decide(tx: Transaction) -> Numbered:
            tx.jobs.put(job)
            number = tx.numbers.allocate(job.id)
            # A new job has no log to look for.
            head, entry = append(Head(operation=job.id), event, at=now)
            if entry is not None:
                tx.progress.append(head, entry)
            return Numbered(number=number, job=job)

        return await self._store.decide(decide)

    async def get(self, number: int, principal: Principal) -> Numbered:
        """Return a job of the same service and user.

        Raises
        ------
        NotFound
            There is none of that number; somebody else's is as none.
        """
        return await self._store.view(lambda tx: _owned(tx, number, principal))

    async def report(
        self, number: int, report: Report, principal: Principal
    ) -> Numbered:
        """Take what its service reports of a job; return what it is then.

        Raises
        ------
        NotFound
            There is none of that number; somebody else's is as none.
        InputError
            It is to be destroyed in the past.
        """
        now = self._clock.now()

        def decide(tx: Transaction) -> Numbered:
            found = _owned(tx, number, principal)
            before = found.job
            # What stands already is no news, even when its time has come.
            if (
                isinstance(report, Rescheduled)
                and report.destruction != before.destruction
            ):
                self._require_future(report.destruction, now)
            after = reported(before, report, now=now)
            if after != before:
                tx.jobs.put(after)
            if after.phase is not before.phase:
                tell(tx, after.id, _event(after, principal), now=now)
            return replace(found, job=after)

        return await self._store.decide(decide)

    async def delete(self, number: int, principal: Principal) -> None:
        """Forget a job.

        Raises
        ------
        NotFound
            There is none of that number; somebody else's is as none.
        """

        def decide(tx: Transaction) -> None:
            job = _owned(tx, number, principal).job
            if not job.phase.final:
                event = failed(f"Deleted by {principal.service}")
                tell(tx, job.id, event, now=self._clock.now())
            tx.jobs.remove(job.id)

        await self._store.decide(decide)

    async def get_any(self, number: int, service: str, owner: str) -> Numbered:
        """Return a job of a service and a user, to an operator.

        Raises
        ------
        NotFound
            There is none.
        """
        asker = Principal(name=owner, service=service)
        return await self.get(number, asker)

    async def services(self) -> tuple[str, ...]:
        """Return the services that have jobs, sorted."""
        return await self._store.view(lambda tx: tx.numbers.services())

    async def users(self, service: str | None = None) -> tuple[str, ...]:
        """Return the users who have jobs, sorted."""
        return await self._store.view(lambda tx: tx.numbers.owners(service))

    async def listing(
        self, query: NumberQuery, *, limit: int | None, behind: Place | None
    ) -> Listing:
        """Return jobs, newest first.

        Parameters
        ----------
        query
            Which; `begin` says where a page begins.
        limit
            How many at most, None for all.
        behind
            Instead of `begin`: the page that ends before this place.
        """
        if behind is not None:
            return await self._before(query, behind, limit)
        if limit is None:
            return Listing(jobs=self._chunks(query, None))
        if limit > CHUNK:
            older = await self._peek(replace(query, limit=1, skip=limit))
            jobs = self._chunks(query, limit)
            return Listing(jobs=jobs, older=older[0].place if older else None)
        found = await self._peek(replace(query, limit=limit + 1))
        rest = found[limit:]
        return Listing(jobs=_once(found[:limit]), older=rest[0].place if rest else None)

    async def _before(
        self, query: NumberQuery, behind: Place, limit: int | None
    ) -> Listing:
        """Return the page that ends before a place: it begins so many before it."""
        query = replace(query, newer_than=behind)
        if limit is None:
            return Listing(jobs=self._chunks(query, None), older=behind)
        ahead = replace(query, oldest_first=True, limit=2, skip=limit - 1)
        first = await self._peek(ahead)
        if first:
            query = replace(query, begin=first[0].place)
        newer = first[0].place if len(first) > 1 else None
        return Listing(jobs=self._chunks(query, limit), older=behind, newer=newer)

    async def _peek(self, query: NumberQuery) -> tuple[Numbered, ...]:
        return await self._store.view(lambda tx: tx.numbers.page(query))

    async def _chunks(
        self, query: NumberQuery, limit: int | None
    ) -> AsyncIterator[tuple[Numbered, ...]]:
        left = limit
        place: Place | None = None
        while left is None or left > 0:
            size = CHUNK if left is None else min(CHUNK, left)
            # The last one of a chunk is read again as the first of the next, so that
            # a place is all that has to be kept.
            again = 0 if place is None else 1
            step = replace(query, begin=place or query.begin, limit=size + again)
            found = await self._peek(step)
            fresh = tuple(one for one in found if one.place != place)[:size]
            if fresh:
                yield fresh
            if len(found) < size + again:
                return
            place = fresh[-1].place
            left = None if left is None else left - len(fresh)

    @staticmethod
    def _require_future(destruction: float, now: float) -> None:
        if destruction <= now:
            raise InputError(
                "destruction_time", "lies in the past", "delete the job instead"
            )


async def _once(
    found: tuple[Numbered, ...],
) -> AsyncIterator[tuple[Numbered, ...]]:
    yield found


def _owned(tx: Transaction, number: int, principal: Principal) -> Numbered:
    found = tx.numbers.find(number)
    if (
        found is None
        or found.job.kind != principal.service
        or found.job.owner != principal.name
    ):
        raise NotFound("job", str(number))
    return found


def _event(job: Job, principal: Principal) -> ProgressEvent:
    match job.phase:
        case Phase.COMPLETED:
            return complete("Completed")
        case Phase.ERROR if job.error is not None:
            return failed(f"{job.error.code}: {job.error.message}")
        case Phase.ABORTED:
            return failed(f"Aborted by {principal.service}")
        case _:
            return info(job.phase.capitalize())
