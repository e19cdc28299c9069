import asyncio

import pytest

from quire.actions.quotas import JobQuota
from quire.jobs.job import Job
from quire.jobs.limits import QuotaExceeded, Quotas
from quire.jobs.phases import Phase
from quire.ports.store import Store, Transaction


def queued(number: int, owner: str, phase: Phase = Phase.QUEUED) -> Job:
    return Job(id=f"{owner} {number}", kind="wait", owner=owner, phase=phase)


async def queue(store: Store, quota: JobQuota, job: Job) -> None:
    def decision(tx: Transaction) -> None:
        quota.check(tx, job.owner)
        tx.jobs.put(job)

    await store.decide(decision)


async def test_of_many_at_once_only_so_many_are_taken(store: Store) -> None:
    quota = JobQuota(Quotas(jobs=3))
    outcomes = await asyncio.gather(
        *(queue(store, quota, queued(number, "ann")) for number in range(8)),
        return_exceptions=True,
    )
    assert sum(isinstance(one, QuotaExceeded) for one in outcomes) == 5
    await queue(store, quota, queued(0, "bob"))


@pytest.mark.parametrize("phase", [Phase.COMPLETED, Phase.ABORTED, Phase.PENDING])
async def test_what_does_not_run_does_not_count(store: Store, phase: Phase) -> None:
    quota = JobQuota(Quotas(jobs=1))
    await queue(store, quota, queued(0, "ann", phase))
    await queue(store, quota, queued(1, "ann", Phase.EXECUTING))
    with pytest.raises(QuotaExceeded, match="ann has 1 jobs"):
        await queue(store, quota, queued(2, "ann"))


async def test_without_a_quota_all_are_taken(store: Store) -> None:
    for number in range(5):
        await queue(store, JobQuota(), queued(number, "ann"))
