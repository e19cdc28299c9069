import json
from collections.abc import Mapping
from typing import Any

import pytest
from msgspec.structs import replace

from quire.access.principals import Principal, Scope
from quire.actions.follow import Follow
from quire.actions.submit import Jobs, Request
from quire.clock import RandomIds
from quire.errors import Conflict, InputError, NotFound, PhaseConflict
from quire.jobs.job import Alert, Completed, Job, Outcome, Severity
from quire.jobs.parameters import Parameter
from quire.jobs.phases import Phase
from quire.jobs.transitions import claim, hold
from quire.ports.kind import Claim, JobContext, Plan
from quire.ports.store import Store, Transaction
from quire.runs.run import Run
from quire.storage.local_doorbell import LocalDoorbell
from quire.testing.still_clock import StillClock


class Named:
    """A kind whose jobs need a name of their own."""

    name = "named"
    description = "Needs a name."
    parameters: tuple[Parameter, ...] = ()

    def plan(self, parameters: Mapping[str, Any]) -> Plan:
        name = str(parameters["NAME"])
        runs = tuple(parameters.get("RUN", ()))
        return Plan(
            parameters=dict(parameters),
            runs=runs,
            claims=(Claim(space="name", name=name, field="NAME"),),
        )

    def work(self, context: JobContext) -> Outcome:
        raise NotImplementedError(context)


@pytest.fixture
def jobs(store: Store, clock: StillClock) -> Jobs:
    return Jobs(store, {"named": Named()}, clock, RandomIds())


def wanted(name: str = "one", *, run: bool = True) -> Request:
    return Request(kind="named", parameters={"NAME": name}, run=run)


async def test_a_job_waits_until_it_is_run(jobs: Jobs, staff: Principal) -> None:
    job = await jobs.submit(wanted(run=False), staff)
    assert job.phase is Phase.PENDING
    assert (await jobs.run(job.id, staff)).phase is Phase.QUEUED
    with pytest.raises(PhaseConflict):
        await jobs.run(job.id, staff)


async def test_a_name_is_taken_once(jobs: Jobs, staff: Principal) -> None:
    first = await jobs.submit(wanted(), staff)
    with pytest.raises(Conflict) as caught:
        await jobs.submit(wanted(), staff)
    assert first.id in str(caught.value)
    await jobs.submit(wanted("two"), staff)


async def test_unknown_kinds_and_runs_are_refused(jobs: Jobs, staff: Principal) -> None:
    with pytest.raises(InputError, match="did you mean 'named'"):
        await jobs.submit(Request(kind="name"), staff)
    lost = Request(kind="named", parameters={"NAME": "x", "RUN": ["nothing"]})
    with pytest.raises(InputError, match="no run"):
        await jobs.submit(lost, staff)
    await jobs.submit(wanted("x"), staff)


async def test_an_abort_shows_at_once_and_is_final(
    jobs: Jobs, staff: Principal, store: Store
) -> None:
    job = await jobs.submit(wanted(), staff)
    assert (await jobs.abort(job.id, staff)).phase is Phase.ABORTED
    assert (await jobs.abort(job.id, staff)).phase is Phase.ABORTED
    entries = await store.view(lambda tx: tx.progress.entries(job.id, 0, 10))
    assert [entry.event.type for entry in entries] == ["info", "failed"]


async def test_a_retry_takes_over_the_name_once(jobs: Jobs, staff: Principal) -> None:
    job = await jobs.submit(wanted(), staff)
    with pytest.raises(PhaseConflict):
        await jobs.retry(job.id, staff)
    await jobs.abort(job.id, staff)
    again = await jobs.retry(job.id, staff)
    assert (again.retry_of, again.phase) == (job.id, Phase.QUEUED)
    with pytest.raises(Conflict):
        await jobs.retry(job.id, staff)


async def test_a_held_job_goes_on_itself(
    jobs: Jobs, staff: Principal, store: Store
) -> None:
    job = await jobs.submit(wanted(), staff)
    alert = Alert(id="a", severity=Severity.ERROR, description="gone")
    held = hold(claim(job, now=1.0, lease=9.0), (alert,), now=2.0)
    await store.decide(lambda tx: tx.jobs.put(held))
    again = await jobs.retry(job.id, staff)
    assert (again.id, again.phase, again.alerts) == (job.id, Phase.QUEUED, ())


async def test_others_jobs_are_not_there(
    jobs: Jobs, staff: Principal, visitor: Principal
) -> None:
    job = await jobs.submit(wanted(), staff)
    for verb in (jobs.get, jobs.run, jobs.abort, jobs.retry):
        with pytest.raises(NotFound):
            await verb(job.id, visitor)


async def test_a_follower_gets_all_of_it_and_then_the_end(
    jobs: Jobs, staff: Principal, store: Store, doorbell: LocalDoorbell
) -> None:
    follow = Follow(store, doorbell)
    job = await jobs.submit(wanted(), staff)
    after = await follow.begin(job.id, staff, None)
    assert after == 0
    entries = follow.entries(job.id, after, silence=0.01)
    assert [entry.number for entry in await anext(entries)] == [1]
    assert await anext(entries) == ()
    await jobs.abort(job.id, staff)
    assert [entry.event.type for entry in await anext(entries)] == ["failed"]
    with pytest.raises(StopAsyncIteration):
        await anext(entries)
    assert await follow.begin(job.id, staff, 2) is None
    assert (await follow.operation(job.id, staff)).final
    assert Completed().message


async def test_who_sees_a_run_no_longer_queues_no_job_of_it(
    jobs: Jobs, store: Store
) -> None:
    begun = {"uid": "r", "time": 1.0, "data_groups": ["beam"]}
    run = Run(uid="r", owner="ann", start=json.dumps(begun).encode())
    await store.decide(lambda tx: tx.runs.put(run))
    member = Principal(name="bob", groups=("beam",), scopes=frozenset({Scope.JOBS_RUN}))
    former = replace(member, groups=())
    pending, over, held = [
        await jobs.submit(
            Request(kind="named", parameters={"NAME": name, "RUN": ["r"]}), member
        )
        for name in ("pending", "over", "held")
    ]
    await jobs.abort(over.id, member)
    await jobs.run(held.id, member)
    await store.decide(lambda tx: tx.jobs.put(_held(tx, held.id)))
    with pytest.raises(InputError, match="no run 'r'"):
        await jobs.run(pending.id, former)
    for job in (over, held):
        with pytest.raises(InputError, match="no run 'r'"):
            await jobs.retry(job.id, former)
    assert (await jobs.run(pending.id, member)).phase is Phase.QUEUED
    for job in (over, held):
        assert (await jobs.retry(job.id, member)).phase is Phase.QUEUED


def _held(tx: Transaction, job: str) -> Job:
    found = tx.jobs.get(job)
    assert found is not None
    claimed = claim(found, now=1.0, lease=1.0)
    alert = Alert(id="a", severity=Severity.ERROR, description="d")
    return hold(claimed, (alert,), now=1.0)
