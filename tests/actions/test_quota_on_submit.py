"""An owner may have only so many jobs in the queue and under way."""

import pytest

from quire.access.principals import Principal, Scope
from quire.actions.quotas import JobQuota
from quire.actions.submit import Jobs, Request
from quire.clock import RandomIds
from quire.jobs.limits import QuotaExceeded, Quotas
from quire.kinds.registry import built_in
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.testing.still_clock import StillClock


async def test_one_too_many_is_refused_until_another_ends() -> None:
    store = MemoryStore(doorbell=LocalDoorbell())
    quota = JobQuota(Quotas(jobs=2))
    jobs = Jobs(store, built_in(), StillClock(at=1.8e9), RandomIds(), quota=quota)
    me = Principal(name="me", scopes=frozenset(Scope))
    you = Principal(name="you", scopes=frozenset(Scope))
    wanted = Request(kind="wait", parameters={"SECONDS": 0}, run=True)
    first = await jobs.submit(wanted, me)
    await jobs.submit(wanted, me)
    with pytest.raises(QuotaExceeded, match="2"):
        await jobs.submit(wanted, me)
    await jobs.submit(wanted, you)
    await jobs.abort(first.id, me)
    await jobs.submit(wanted, me)
