"""Jobs: submitting, starting, aborting, retrying, looking."""

from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any

import msgspec

from quire.access.principals import Principal
from quire.actions.progress_log import tell
from quire.actions.seeing import may_see
from quire.clock import Clock, IdMaker
from quire.errors import Conflict, InputError, NotFound, PhaseConflict
from quire.jobs import transitions
from quire.jobs.job import Job
from quire.jobs.phases import Phase
from quire.ports.job_records import JobQuery
from quire.ports.kind import Claim, Kind, Plan
from quire.ports.store import Store, Transaction
from quire.progress.event import failed, info


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A job that somebody wants done.

    Attributes
    ----------
    run
        Whether it is queued at once rather than left PENDING.
    execution_duration
        Seconds that one attempt may take, 0 for no limit.
    """

    kind: str
    parameters: dict[str, Any] = {}
    run: bool = False
    run_id: str = ""
    execution_duration: int = 0


class Jobs:
    """What can be done with jobs."""

    def __init__(
        self, store: Store, kinds: Mapping[str, Kind], clock: Clock, ids: IdMaker
    ) -> None:
        self._store = store
        self._kinds = kinds
        self._clock = clock
        self._ids = ids

    async def submit(self, request: Request, principal: Principal) -> Job:
        """Make a job, durably.

        Raises
        ------
        InputError
            Unknown kind, or parameters that its kind refuses.
        Conflict
            A name that the job needs for itself alone is taken.
        """
        kind = self._kind(request.kind)
        plan = kind.plan(request.parameters)
        job = Job(
            id=self._ids.new_id(),
            kind=kind.name,
            owner=principal.name,
            parameters=plan.parameters,
            runs=plan.runs,
            run_id=request.run_id,
            execution_duration=request.execution_duration,
            created=self._clock.now(),
        )

        def decide(tx: Transaction) -> Job:
            _check_runs(tx, plan, principal)
            for claim in plan.claims:
                _reserve(tx, claim, job.id)
            return self._begin(tx, job, queue=request.run)

        return await self._store.decide(decide)

    async def get(self, job: str, principal: Principal) -> Job:
        """Return a job that the principal may see."""
        return await self._store.view(lambda tx: visible_job(tx, job, principal))

    async def page(self, query: JobQuery, principal: Principal) -> tuple[Job, ...]:
        """Return matching jobs that the principal may see."""
        if not principal.is_admin:
            query = msgspec.structs.replace(query, owner=principal.name)
        return await self._store.view(lambda tx: tx.jobs.page(query))

    async def run(self, job: str, principal: Principal) -> Job:
        """Queue a job that is PENDING, or HELD and mended."""

        def decide(tx: Transaction) -> Job:
            return self._queue(tx, visible_job(tx, job, principal), "Queued")

        return await self._store.decide(decide)

    async def abort(self, job: str, principal: Principal) -> Job:
        """Abort a job; what it returns shows it so already.

        Only where its product is being published it comes too late: the job is
        returned as it is. Aborting an aborted job changes nothing.
        """

        def decide(tx: Transaction) -> Job:
            before = visible_job(tx, job, principal)
            if before.phase is Phase.ABORTED:
                return before
            after = transitions.abort(before, now=self._clock.now())
            if after is not before:
                tx.jobs.put(after)
                event = failed(f"Aborted by {principal.name}")
                tell(tx, job, event, now=self._clock.now())
            return after

        return await self._store.decide(decide)

    async def retry(self, job: str, principal: Principal) -> Job:
        """Try again: the same job if it is HELD, a new one if it is over."""
        fresh = self._ids.new_id()

        def decide(tx: Transaction) -> Job:
            old = visible_job(tx, job, principal)
            if old.phase is Phase.HELD:
                return self._queue(tx, old, "Retrying: queued again")
            if not old.phase.final:
                raise PhaseConflict(old.id, old.phase, "retry")
            return self._repeat(tx, old, fresh, principal)

        return await self._store.decide(decide)

    def _repeat(
        self, tx: Transaction, old: Job, fresh: str, principal: Principal
    ) -> Job:
        plan = self._kind(old.kind).plan(old.parameters)
        if plan.claims:
            if tx.products.get(old.id) is not None:
                raise Conflict("job", old.id, "its product is published already")
            # The names stay with the first of a row of retries: one heir each.
            _reserve(tx, Claim(space="retry", name=old.id, field="job"), fresh)
        job = Job(
            id=fresh,
            kind=old.kind,
            owner=principal.name,
            parameters=plan.parameters,
            runs=plan.runs,
            run_id=old.run_id,
            execution_duration=old.execution_duration,
            created=self._clock.now(),
            retry_of=old.id,
        )
        return self._begin(tx, job, queue=True)

    def _begin(self, tx: Transaction, job: Job, *, queue: bool) -> Job:
        if queue:
            return self._queue(tx, job, f"Queued: {job.kind}")
        tx.jobs.put(job)
        tell(tx, job.id, info(f"Created: {job.kind}"), now=self._clock.now())
        return job

    def _queue(self, tx: Transaction, job: Job, message: str) -> Job:
        queued = transitions.run(job)
        tx.jobs.put(queued)
        tell(tx, job.id, info(message), now=self._clock.now())
        return queued

    def _kind(self, name: str) -> Kind:
        if name not in self._kinds:
            near = get_close_matches(name, self._kinds, n=1)
            known = ", ".join(sorted(self._kinds))
            mend = f"did you mean {near[0]!r}?" if near else f"there are: {known}"
            raise InputError("/kind", f"no kind of job {name!r}", mend)
        return self._kinds[name]


def visible_job(tx: Transaction, job: str, principal: Principal) -> Job:
    """Return a job that the principal may see.

    Raises
    ------
    NotFound
        There is none of that id, or it is somebody else's.
    """
    found = tx.jobs.get(job)
    if found is None or not principal.can_see(found.owner):
        raise NotFound("job", job)
    return found


def _reserve(tx: Transaction, claim: Claim, job: str) -> None:
    holder = tx.jobs.reserve(claim.space, claim.name, job)
    if holder != job:
        raise Conflict(
            claim.space,
            claim.name,
            f"used by job {holder} already; {claim.field} takes a new one",
        )


def _check_runs(tx: Transaction, plan: Plan, principal: Principal) -> None:
    for uid in plan.runs:
        run = tx.runs.get(uid)
        if run is None or not may_see(principal, run):
            raise InputError("/parameters/RUN", f"no run {uid!r}", "give its full uid")
