"""What is refused for now is projected later: no run is passed over."""

from typing import TypeVar

from tests.kinds.test_project import linked, run_of

from quire.access.principals import Principal, Scope
from quire.actions.ingest import Ingest
from quire.actions.project_runs import ProjectRuns, projection_rules
from quire.actions.quotas import JobQuota
from quire.actions.search import Search
from quire.actions.submit import Jobs, Request
from quire.clock import RandomIds
from quire.errors import StoreFull
from quire.jobs.limits import Quotas
from quire.kinds.registry import built_in
from quire.ports.job_records import JobQuery
from quire.ports.store import Decision, Store
from quire.runs.query.parser import QueryParser
from quire.runs.query.registry import FieldRegistry
from quire.runs.searchable import searchable
from quire.storage.local_doorbell import LocalDoorbell
from quire.testing.documents import make_uid
from quire.testing.still_clock import StillClock

NDJSON = "application/x-ndjson"
T = TypeVar("T")


class Filling:
    """A store whose disk may be full."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self.full = False

    async def view(self, question: Decision[T]) -> T:
        return await self._store.view(question)

    async def decide(self, decision: Decision[T], *, brief: bool = False) -> T:
        if self.full:
            raise StoreFull("no space left on device")
        return await self._store.decide(decision, brief=brief)

    async def ready(self) -> str:
        return await self._store.ready()

    async def aclose(self) -> None:
        await self._store.aclose()


async def test_a_full_store_costs_no_product(
    store: Store,
    ingest: Ingest,
    staff: Principal,
    clock: StillClock,
    doorbell: LocalDoorbell,
) -> None:
    filling = Filling(store)
    rules = ProjectRuns(
        store,
        Search(store, QueryParser(FieldRegistry()), searchable, clock),
        Jobs(filling, built_in(), clock, RandomIds()),
        doorbell,
        clock,
        rules=projection_rules({}),
    )
    await rules.begin()
    await ingest(run_of("full", {"/entry/a": linked("a")}), NDJSON, staff)
    filling.full = True

    assert await rules.look() == 0

    filling.full = False
    assert await rules.look() == 1
    (job,) = await store.view(lambda tx: tx.jobs.page(JobQuery(limit=10)))
    assert job.runs == (make_uid("full", "start"),)
    assert await rules.look() == 0


async def test_whose_quota_is_used_up_keeps_nobody_else_waiting(
    store: Store,
    ingest: Ingest,
    staff: Principal,
    clock: StillClock,
    doorbell: LocalDoorbell,
) -> None:
    jobs = Jobs(store, built_in(), clock, RandomIds(), quota=JobQuota(Quotas(jobs=1)))
    rules = ProjectRuns(
        store,
        Search(store, QueryParser(FieldRegistry()), searchable, clock),
        jobs,
        doorbell,
        clock,
        rules=projection_rules({}),
    )
    await rules.begin()
    busy = await jobs.submit(Request(kind="wait", run=True), visitor_of("ann"))
    for owner in ("ann", "bob"):
        run = run_of(owner, {"/entry/a": linked("a")})
        await ingest(run, NDJSON, visitor_of(owner))

    await rules.look()

    made = await projected(store)
    assert made == {make_uid("bob", "start")}
    await jobs.abort(busy.id, staff)
    assert await rules.look() == 1
    assert await projected(store) == made | {make_uid("ann", "start")}
    assert await rules.look() == 0


def visitor_of(name: str) -> Principal:
    scopes = frozenset({Scope.RUNS_READ, Scope.RUNS_INGEST, Scope.JOBS_RUN})
    return Principal(name=name, scopes=scopes)


async def projected(store: Store) -> set[str]:
    query = JobQuery(limit=10, kind="project")
    found = await store.view(lambda tx: tx.jobs.page(query))
    return {uid for job in found for uid in job.runs}
