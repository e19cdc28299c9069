"""Forwarding whole runs, to an outlet that fails as it is told."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence

import pytest

from quire.access.principals import Principal
from quire.actions.forward_runs import RunSteps
from quire.actions.outlet_pump import Pace
from quire.jobs.retrying import RetryPolicy
from quire.ports.document_records import StoredDocument
from quire.ports.outbox_records import Amount
from quire.ports.outlet import OutletUnavailable, RunRejected
from quire.ports.outlet_run_records import OutletRun, RunState
from quire.ports.store import Store
from quire.testing.documents import make_run
from quire.testing.outlet_contract import raws, take
from quire.testing.still_clock import StillClock

ADA = Principal(name="ada")


class WritingOutlet:
    """Writes whole runs into a dictionary."""

    target = "memory:"
    settle = 60.0

    def __init__(self) -> None:
        self.written: dict[str, list[bytes]] = {}
        self.claims: list[str] = []
        self.closed: list[bool] = []
        self.problems: list[Exception] = []
        self.meanwhile: Callable[[], Awaitable[None]] | None = None

    async def send_run(
        self,
        run: str,
        pages: AsyncIterator[Sequence[StoredDocument]],
        *,
        closed: bool,
        begun: bool,
        claim: Callable[[], Awaitable[None]],
    ) -> None:
        if self.problems:
            raise self.problems.pop(0)
        assert begun == (run in self.claims)
        if not begun:
            await claim()
            self.claims.append(run)
        found = [one.raw async for page in pages for one in page]
        if self.meanwhile is not None:
            meanwhile, self.meanwhile = self.meanwhile, None
            await meanwhile()
        self.written[run] = found
        self.closed.append(closed)

    async def aclose(self) -> None:
        """Do nothing."""


class Case:
    def __init__(self, store: Store) -> None:
        self.store = store
        self.outlet = WritingOutlet()
        self.clock = StillClock(1000.0)
        self.steps = self.again()

    def again(self) -> RunSteps:
        self.steps = RunSteps(
            "out",
            self.outlet,
            self.store,
            self.clock,
            amount=Amount(documents=3),
            policy=RetryPolicy(retries=2, first=1.0, longest=10.0),
        )
        return self.steps

    async def drain(self) -> None:
        while await self.steps.step() is not Pace.IDLE:
            pass

    async def record(self, run: str) -> OutletRun:
        found = await self.store.view(lambda tx: tx.outlet_runs.get("out", run))
        assert found is not None
        return found


@pytest.fixture
def case(store: Store) -> Case:
    return Case(store)


async def test_references_come_before_what_refers_to_them(case: Case) -> None:
    run = make_run(1, 5)
    uid = run[0].body["uid"]
    for one in run[::-1]:
        await take(case.store, [one])
    await case.drain()
    written = case.outlet.written[uid]
    assert written[:2] == raws(run[:2])
    assert written[-1] == run[-1].raw
    assert sorted(written) == sorted(raws(run))
    assert case.outlet.closed == [True]
    assert (await case.record(uid)).state is RunState.DONE


async def test_a_run_without_a_stop_waits_until_it_is_silent(case: Case) -> None:
    run = make_run(1, 2, exit_status=None)
    uid = run[0].body["uid"]
    await take(case.store, run[:3])
    await case.drain()
    assert case.steps.wake_at == 1060.0
    case.clock.advance(59.0)
    await take(case.store, run[3:])
    await case.drain()
    case.clock.advance(2.0)
    await case.drain()
    assert case.outlet.written == {}
    case.clock.advance(58.0)
    await case.drain()
    assert case.outlet.written == {uid: raws(run)}
    assert case.outlet.closed == [False]


async def test_what_comes_while_a_run_is_written_has_it_written_again(
    case: Case,
) -> None:
    run = make_run(1, 4)
    uid = run[0].body["uid"]

    async def meanwhile() -> None:
        await take(case.store, run[4:-1])
        await case.again().step()  # as if it had been noted by then

    case.outlet.meanwhile = meanwhile
    await take(case.store, [*run[:4], run[-1]])
    await case.drain()
    await case.drain()
    assert sorted(case.outlet.written[uid]) == sorted(raws(run))
    assert case.outlet.claims == [uid]


async def test_a_death_at_any_step_loses_no_run(case: Case) -> None:
    runs = [make_run(seed, 3) for seed in range(4)]
    for run in runs:
        await take(case.store, run, batch=2)
    for most in (1, 1, 2, 1, 3, 1, 99):
        await case.again().begin()
        for _ in range(most):
            await case.steps.step()
    assert case.outlet.written == {run[0].body["uid"]: raws(run) for run in runs}


async def test_a_run_that_fails_is_tried_again_then_set_aside(case: Case) -> None:
    bad, good = make_run(1, 2), make_run(2, 2)
    uid = bad[0].body["uid"]
    case.outlet.problems = [RunRejected(uid, 0, "no") for _ in range(3)]
    await take(case.store, bad)
    await case.drain()
    record = await case.record(uid)
    assert (record.state, record.attempts) == (RunState.DUE, 1)
    assert record.not_before == 1001.0
    case.clock.advance(1.5)
    await case.drain()
    case.clock.advance(5.0)
    await case.drain()
    record = await case.record(uid)
    assert (record.state, record.error) == (RunState.ASIDE, "no")
    assert not record.begun
    await take(case.store, good)
    await case.drain()
    assert list(case.outlet.written) == [good[0].body["uid"]]


async def test_what_others_wrote_is_not_claimed(case: Case) -> None:
    run = make_run(1, 2)
    uid = run[0].body["uid"]
    case.outlet.problems = [RunRejected(uid, 0, "theirs", foreign=True)]
    await take(case.store, run)
    await case.drain()
    record = await case.record(uid)
    assert (record.state, record.begun) == (RunState.ASIDE, False)


async def test_a_target_that_is_away_costs_no_run_a_try(case: Case) -> None:
    run = make_run(1, 2)
    uid = run[0].body["uid"]
    case.outlet.problems = [OutletUnavailable("away")] * 20
    await take(case.store, run)
    for _ in range(20):
        with pytest.raises(OutletUnavailable):
            await case.drain()
    assert (await case.record(uid)).attempts == 0
    await case.drain()
    assert case.outlet.written == {uid: raws(run)}
