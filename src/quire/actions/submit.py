"""Jobs: submitting, starting, aborting, retrying, looking."""

import hashlib
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Annotated, Any

import msgspec

from quire.access.principals import Principal
from quire.actions.job_access import (
    admitted_job,
    check_plan,
    check_runs,
    plan_job,
    reserve,
    visible_job,
)
from quire.actions.job_edits import check_duration
from quire.actions.job_files import JobFiles
from quire.actions.progress_log import tell
from quire.actions.quotas import JobQuota
from quire.clock import Clock, IdMaker
from quire.errors import Conflict, InputError, PhaseConflict
from quire.jobs import transitions
from quire.jobs.job import Job
from quire.jobs.parameters import Upload, restored, uploads_of
from quire.jobs.phases import Phase
from quire.ports.job_records import JobQuery
from quire.ports.kind import Claim, Kind
from quire.ports.store import Store, Transaction
from quire.products.product import unless_removed
from quire.progress.event import failed, info

# DALI 1.1, section 3.4.4, asks for 64 at the least.
LONGEST_RUN_ID = 256


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A job that somebody wants done.

    Attributes
    ----------
    run
        Whether it is queued at once rather than left PENDING.
    execution_duration
        Seconds that one attempt may take, 0 for no limit.
    destruction
        Unix seconds at which its results are deleted, None for never.
    """

    kind: str
    parameters: dict[str, Any] = {}
    run: bool = False
    run_id: Annotated[str, msgspec.Meta(max_length=LONGEST_RUN_ID)] = ""
    execution_duration: int = 0
    destruction: float | None = None


class Jobs:
    """What can be done with jobs."""

    def __init__(  # what it works with; all given by the root
        self,
        store: Store,
        kinds: Mapping[str, Kind],
        clock: Clock,
        ids: IdMaker,
        *,
        files: JobFiles | None = None,
        quota: JobQuota | None = None,
    ) -> None:
        self.kinds = kinds
        self._quota = quota or JobQuota()
        self._files = files
        self._store = store
        self._clock = clock
        self._ids = ids

    def new_id(self) -> str:
        """Return the id of a job that is going to be made."""
        return self._ids.new_id()

    async def submit(
        self, request: Request, principal: Principal, *, job_id: str = "", key: str = ""
    ) -> Job:
        """Make a job, durably.

        Parameters
        ----------
        job_id
            The id that it is to have, from `new_id`; a new one if empty.
        key
            Chosen by the client: the same request with the same key makes one job, and
            is answered with it however often it is sent. None if empty.

        Raises
        ------
        InputError
            Unknown kind, or parameters that its kind refuses.
        Conflict
            A name that the job needs for itself alone is taken, or the key came with
            another request.
        """
        kind = self.kind(request.kind)
        plan = plan_job(kind, request.parameters)
        now = self._clock.now()
        check_duration("/execution_duration", request.execution_duration)
        if request.destruction is not None and not request.destruction > now:
            raise InputError("/destruction", "lies in the past")
        job = Job(
            id=job_id or self._ids.new_id(),
            kind=kind.name,
            owner=principal.name,
            parameters=plan.parameters,
            runs=plan.runs,
            run_id=request.run_id,
            execution_duration=request.execution_duration,
            destruction=request.destruction,
            created=now,
        )
        digest = _digest(request) if key else ""

        def decide(tx: Transaction) -> Job:
            if key and (made := _made_before(tx, job, key, digest)) is not None:
                return made
            check_plan(tx, plan, job.id, principal)
            return self._begin(tx, job, queue=request.run)

        return await self._store.decide(decide)

    async def get(self, job: str, principal: Principal) -> Job:
        """Return a job that the principal may see."""
        return await self._store.view(lambda tx: visible_job(tx, job, principal))

    async def admitted(self, job: str, kind: str, principal: Principal) -> Job:
        """Return a job of a kind; somebody else's is forbidden, not hidden."""
        return await self._store.view(lambda tx: admitted_job(tx, job, kind, principal))

    async def page(self, query: JobQuery, principal: Principal) -> tuple[Job, ...]:
        """Return matching jobs that the principal may see."""
        if not principal.is_admin:
            query = msgspec.structs.replace(query, owner=principal.name)
        return await self._store.view(lambda tx: tx.jobs.page(query))

    async def run(self, job: str, principal: Principal) -> Job:
        """Queue a job that is PENDING, or HELD and mended."""

        def decide(tx: Transaction) -> Job:
            found = visible_job(tx, job, principal)
            check_runs(tx, found.runs, principal)
            return self._queue(tx, found, "Queued")

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

        after = await self._store.decide(decide)
        if self._files is not None and after.is_acquisition:
            await self._files.discard_done(after)
        return after

    async def retry(self, job: str, principal: Principal) -> Job:
        """Try again: the same job if it is HELD, a new one if it is over."""
        fresh = self._ids.new_id()
        copies = await self._copies(job, fresh, principal)

        def decide(tx: Transaction) -> Job:
            old = visible_job(tx, job, principal)
            check_runs(tx, old.runs, principal)
            if old.phase is Phase.HELD:
                return self._queue(tx, old, "Retrying: queued again")
            if not old.phase.final:
                raise PhaseConflict(old.id, old.phase, "retry")
            return self._repeat(tx, old, fresh, copies)

        return await self._store.decide(decide)

    async def _copies(
        self, job: str, fresh: str, principal: Principal
    ) -> dict[str, Upload]:
        """Return the files that came with a job, copied for the one that follows it."""
        old = await self.get(job, principal)
        if self._files is None or not old.phase.final or old.kind not in self.kinds:
            return {}
        uploads = uploads_of(restored(self.kinds[old.kind].parameters, old.parameters))
        return {
            name: await self._files.copy_upload(fresh, name, upload)
            for name, upload in uploads.items()
        }

    def _repeat(
        self, tx: Transaction, old: Job, fresh: str, copies: Mapping[str, Upload]
    ) -> Job:
        plan = plan_job(self.kind(old.kind), copies, old.parameters)
        if plan.claims:
            if unless_removed(tx.products.get(old.id)) is not None:
                raise Conflict("job", old.id, "its product is published already")
            # The names stay with the first of a row of retries: one heir each.
            reserve(tx, Claim(space="retry", name=old.id, field="job"), fresh)
        job = Job(
            id=fresh,
            kind=old.kind,
            owner=old.owner,
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
        self._quota.check(tx, job.owner)
        queued = transitions.run(job)
        tx.jobs.put(queued)
        tell(tx, job.id, info(message), now=self._clock.now())
        return queued

    def kind(self, name: str) -> Kind:
        """Return a kind.

        Raises
        ------
        InputError
            There is none of that name.
        """
        if name not in self.kinds:
            near = get_close_matches(name, self.kinds, n=1)
            known = ", ".join(sorted(self.kinds))
            mend = f"did you mean {near[0]!r}?" if near else f"there are: {known}"
            raise InputError("/kind", f"no kind of job {name!r}", mend)
        return self.kinds[name]


def _made_before(tx: Transaction, job: Job, key: str, digest: str) -> Job | None:
    """Return the job that was made with this key, None if there is none yet."""
    space = f"idempotency key of {job.owner}"
    first = tx.jobs.reserve(f"request with {space}", key, digest)
    if first != digest:
        raise Conflict(
            "Idempotency-Key", key, "it came with another request; take a new one"
        )
    holder = tx.jobs.reserve(space, key, job.id)
    if holder == job.id:
        return None
    made = tx.jobs.get(holder)
    if made is None:
        raise Conflict("Idempotency-Key", key, f"its job {holder} has been deleted")
    return made


def _digest(request: Request) -> str:
    plain = msgspec.to_builtins(request, enc_hook=msgspec.to_builtins)
    return hashlib.sha256(msgspec.json.encode(plain, order="sorted")).hexdigest()
