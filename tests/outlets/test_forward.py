"""Forwarding from a real store, to an outlet that fails as it is told."""

import asyncio
from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quire.access.principals import Principal
from quire.actions.forward import Forward, OutletStatus
from quire.actions.forward_documents import DocumentSteps
from quire.actions.outlet_pump import Pacing, Steps
from quire.clock import SystemClock
from quire.documents.document import Document
from quire.errors import Conflict, InputError, NotFound
from quire.ports.outbox_records import Amount, Outgoing
from quire.ports.outlet import OutletUnavailable, Refused
from quire.ports.outlet_run_records import RunState
from quire.ports.store import Store
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.testing.documents import make_run, make_uid
from quire.testing.outlet_contract import RecordingOutlet, drain, raws, take
from quire.testing.still_clock import StillClock
from quire.testing.waiting import PATIENCE

QUICK = Pacing(linger=0.0, idle=5.0, first=0.01, longest=0.05)
ADMIN = Principal(name="ada")
ONE, TWO = make_uid(1, "start"), make_uid(2, "start")


def _forward(store: Store, doorbell: LocalDoorbell, outlet: RecordingOutlet) -> Forward:
    amount = Amount(documents=4)
    outlets = {"out": outlet}
    return Forward(outlets, store, doorbell, SystemClock(), pacing=QUICK, amount=amount)


async def _until(
    forward: Forward, condition: Callable[[OutletStatus], bool]
) -> OutletStatus:
    async with asyncio.timeout(PATIENCE):
        while True:
            (status,) = await forward.listed()
            if condition(status):
                return status
            await asyncio.sleep(0.005)


def _waiting(state: RunState, count: int) -> Callable[[OutletStatus], bool]:
    def condition(status: OutletStatus) -> bool:
        return status.waiting[state] == count and not status.waiting[RunState.DUE]

    return condition


def _idle(status: OutletStatus) -> bool:
    return status.behind == 0


async def test_what_comes_while_it_runs_goes_out(
    store: Store, doorbell: LocalDoorbell
) -> None:
    outlet = RecordingOutlet()
    forward = _forward(store, doorbell, outlet)
    forward.start()
    documents = make_run(1, 30)
    await take(store, documents, batch=7)
    status = await _until(forward, _idle)
    assert status.state == "going"
    assert status.trouble is None
    await forward.stop()
    assert outlet.raws(ONE) == raws(documents)


async def test_a_server_that_does_not_forward_tells_how_far_the_other_has_come(
    store: Store, doorbell: LocalDoorbell
) -> None:
    here = _forward(store, doorbell, RecordingOutlet())
    there = _forward(store, doorbell, RecordingOutlet())
    there.start()
    await take(store, make_run(1, 30))
    await _until(there, _idle)
    await there.stop()
    for one in (here, there):
        (status,) = await one.listed()
        assert (status.state, status.behind) == ("elsewhere", 0)
        assert status.position.number > 0
    here.start()
    (status,) = await here.listed()
    assert status.state == "going"
    await here.stop()


async def test_a_failing_target_is_tried_again_later_and_later(
    store: Store, doorbell: LocalDoorbell, caplog: pytest.LogCaptureFixture
) -> None:
    outlet = RecordingOutlet()
    outlet.trouble = 5
    documents = make_run(1, 9)
    await take(store, documents)
    forward = _forward(store, doorbell, outlet)
    forward.start()
    seen = await _until(forward, lambda status: status.trouble is not None)
    assert seen.state == "backing-off"
    assert seen.behind == len(documents)
    assert seen.trouble is not None
    assert seen.trouble.error == "trouble"
    assert seen.trouble.next_try > seen.trouble.at >= seen.trouble.since
    await _until(forward, _idle)
    await forward.stop()
    told = [one.message for one in caplog.records]
    assert told[0] == "outlet out waits: trouble"
    assert told[1].startswith("outlet out goes on after")
    assert len(told) == 2
    assert outlet.raws(ONE) == raws(documents)


async def test_a_poison_document_sets_its_run_aside_and_no_other(
    store: Store, doorbell: LocalDoorbell
) -> None:
    first, second = make_run(1, 6), make_run(2, 6)
    mixed = [one for both in zip(first, second, strict=True) for one in both]
    await take(store, mixed)
    outlet = RecordingOutlet(poison={make_uid(1, "event", 3)})
    forward = _forward(store, doorbell, outlet)
    forward.start()
    status = await _until(forward, _waiting(RunState.ASIDE, 1))
    await _until(forward, lambda _: outlet.raws(TWO) == raws(second))
    (aside,) = status.runs
    assert (aside.run, aside.state, aside.error) == (ONE, RunState.ASIDE, "poison")
    await take(store, make_run(3, 2))
    await _until(forward, lambda _: len(outlet.raws(make_uid(3, "start"))) == 5)
    assert outlet.raws(ONE) == raws(first[: len(outlet.raws(ONE))])
    assert len(outlet.raws(ONE)) < 6

    outlet.poison.clear()
    outlet.received.clear()
    await forward.retry("out", ONE)
    await _until(forward, _waiting(RunState.ASIDE, 0))
    await _until(forward, _idle)
    assert outlet.raws(ONE) == raws(first)
    assert outlet.raws(TWO) == []
    await forward.stop()


async def test_a_poison_document_can_be_skipped_with_a_reason(
    store: Store, doorbell: LocalDoorbell
) -> None:
    documents = make_run(1, 6)
    await take(store, documents)
    outlet = RecordingOutlet(poison={make_uid(1, "event", 3)})
    forward = _forward(store, doorbell, outlet)
    forward.start()
    await _until(forward, _waiting(RunState.ASIDE, 1))
    with pytest.raises(InputError, match="say why"):
        await forward.skip("out", ONE, " ", ADMIN)
    with pytest.raises(NotFound):
        await forward.skip("out", TWO, "x", ADMIN)
    with pytest.raises(NotFound, match="there are: out"):
        await forward.skip("nowhere", ONE, "x", ADMIN)
    await forward.skip("out", ONE, "known bad", ADMIN)
    status = await _until(forward, _waiting(RunState.SKIPPED, 1))
    assert outlet.raws(ONE) == raws(documents[:4] + documents[5:])
    (skipped,) = status.runs
    assert (skipped.reason, skipped.by) == ("known bad", "ada")
    await take(store, make_run(2, 1))
    await _until(forward, lambda _: len(outlet.raws(TWO)) == 4)
    await forward.stop()


async def _stepped_until_aside(forward: Forward) -> Steps:
    """Begin without a background, and go on until a run is held back."""
    steps = forward._pumps["out"].steps
    await steps.begin()
    for _ in range(10):
        if (await forward.listed())[0].waiting[RunState.ASIDE]:
            return steps
        await steps.step()
    raise AssertionError("no run was held back")


async def test_what_is_skipped_before_its_page_was_passed_stays_skipped(
    store: Store, doorbell: LocalDoorbell
) -> None:
    documents = make_run(1, 6)
    await take(store, documents)
    outlet = RecordingOutlet(poison={make_uid(1, "event", 3)})
    forward = _forward(store, doorbell, outlet)
    steps = await _stepped_until_aside(forward)
    await forward.skip("out", ONE, "known bad", ADMIN)
    for _ in range(10):
        await steps.step()
    (status,) = await forward.listed()
    assert (status.waiting[RunState.SKIPPED], status.behind) == (1, 0)
    assert outlet.raws(ONE) == raws(documents[:4] + documents[5:])
    await forward.stop()


async def test_a_run_that_waits_to_be_sent_again_can_be_skipped_and_still_goes_out(
    store: Store, doorbell: LocalDoorbell
) -> None:
    documents = make_run(1, 6)
    await take(store, documents)
    outlet = RecordingOutlet(poison={make_uid(1, "event", 3)})
    forward = _forward(store, doorbell, outlet)
    steps = await _stepped_until_aside(forward)
    await forward.retry("out", ONE)
    # Before it was tried, as while the target is away; and once more by mistake.
    for _ in range(2):
        await forward.skip("out", ONE, "known bad", ADMIN)
    outlet.received.clear()
    for _ in range(4):
        await steps.step()
    ((skipped,), behind) = ((status := (await forward.listed())[0]).runs, status.behind)
    assert (skipped.state, behind) == (RunState.SKIPPED, 0)
    assert len(skipped.left_out) == 1
    assert outlet.raws(ONE) == raws(documents[:4] + documents[5:])
    await forward.stop()


async def test_a_run_that_is_sent_again_has_references_before_what_refers(
    store: Store, doorbell: LocalDoorbell
) -> None:
    start, descriptor, *events, stop = make_run(1, 6)
    for orphans in (events[:3], [stop]):
        await take(store, orphans)
    await take(store, [start, descriptor, *events[3:]])
    outlet = RecordingOutlet(poison={make_uid(1, "event", 5)})
    forward = _forward(store, doorbell, outlet)
    forward.start()
    await _until(forward, _waiting(RunState.ASIDE, 1))
    outlet.poison.clear()
    outlet.received.clear()
    await forward.retry("out", ONE)
    await _until(forward, _waiting(RunState.ASIDE, 0))
    await _until(forward, _idle)
    await forward.stop()
    assert outlet.raws(ONE) == raws([start, descriptor, *events, stop])


async def test_a_refused_document_is_recorded_and_the_rest_goes_on(
    store: Store, doorbell: LocalDoorbell
) -> None:
    documents = make_run(1, 6)
    outlet = RecordingOutlet(refuse={make_uid(1, "event", 3)})
    forward = _forward(store, doorbell, outlet)
    forward.start()
    await take(store, documents)
    status = await _until(forward, _waiting(RunState.REFUSED, 1))
    await _until(forward, _idle)
    assert outlet.raws(ONE) == raws(documents[:4] + documents[5:])
    (refused,) = status.runs
    assert (refused.error, refused.refused) == ("refused", 1)
    outlet.refuse.clear()
    await forward.retry("out")
    await _until(forward, _waiting(RunState.REFUSED, 0))
    assert set(outlet.raws(ONE)) == set(raws(documents))
    await take(store, make_run(2, 1))
    await _until(forward, _idle)
    with pytest.raises(NotFound):
        await forward.retry("out", TWO)
    await forward.stop()


async def test_what_was_refused_before_its_run_was_known_is_not_forgotten(
    store: Store, doorbell: LocalDoorbell
) -> None:
    documents = make_run(1, 3)
    outlet = RecordingOutlet(refuse={make_uid(1, "event", 1)})
    outlet.takes_waiting = True
    await take(store, documents[2:3])
    forward = _forward(store, doorbell, outlet)
    forward.start()
    status = await _until(forward, _waiting(RunState.REFUSED, 1))
    assert status.runs[0].run == ""
    status = await forward.retry("out")
    assert status.waiting[RunState.REFUSED] == 1
    outlet.refuse.clear()
    await take(store, documents)
    await _until(forward, lambda _: len(outlet.raws(ONE)) == len(documents))
    await forward.stop()


async def test_nothing_of_a_good_run_can_be_skipped(
    store: Store, doorbell: LocalDoorbell
) -> None:
    outlet = RecordingOutlet(poison={make_uid(1, "event", 3)})
    await take(store, make_run(1, 6))
    forward = _forward(store, doorbell, outlet)
    forward.start()
    await _until(forward, _waiting(RunState.ASIDE, 1))
    outlet.poison.clear()
    await forward.retry("out", ONE)
    await _until(forward, _waiting(RunState.ASIDE, 0))
    with pytest.raises((Conflict, NotFound)):
        await forward.skip("out", ONE, "why not", ADMIN)
    await forward.stop()


class HangingOutlet(RecordingOutlet):
    """Takes a send and never answers."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: list[int] = []

    async def send(self, documents: Sequence[Outgoing]) -> tuple[Refused, ...]:
        self.asked.append(len(documents))
        await asyncio.Event().wait()
        return ()


async def test_a_target_that_hangs_stops_no_ingest_and_is_read_no_further(
    store: Store, doorbell: LocalDoorbell
) -> None:
    outlet = HangingOutlet()
    forward = _forward(store, doorbell, outlet)
    forward.start()
    for seed in range(10):
        await take(store, make_run(seed, 10), batch=4)
    assert outlet.asked == [4] or len(outlet.asked) == 1
    (status,) = await forward.listed()
    assert status.behind == 130
    await forward.stop()
    healthy = RecordingOutlet()
    forward = _forward(store, doorbell, healthy)
    forward.start()
    await _until(forward, _idle)
    for seed in range(10):
        assert healthy.raws(make_uid(seed, "start")) == raws(make_run(seed, 10))
    await forward.stop()


@settings(
    max_examples=60,
    report_multiple_bugs=False,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(data=st.data())
async def test_any_order_any_trouble_any_death(data: st.DataObject) -> None:
    """Each document gets there, its run in the order in which it became known."""
    runs = [make_run(seed, data.draw(st.integers(0, 4))) for seed in range(3)]
    order = data.draw(st.permutations([one for run in runs for one in run]))
    store = MemoryStore(doorbell=LocalDoorbell())
    outlet = RecordingOutlet()
    clock = StillClock(1.0)
    steps = DocumentSteps("out", outlet, store, clock, amount=Amount(documents=3))
    await steps.begin()
    model = Model()
    at = 0
    while at < len(order):
        match data.draw(st.sampled_from(["take", "step", "die", "time", "trouble"])):
            case "take":
                size = data.draw(st.integers(1, 4))
                await take(store, order[at : at + size])
                model.take(order[at : at + size])
                at += size
            case "step":
                await _step(steps)
            case "die":
                steps = DocumentSteps("out", outlet, store, clock)
                await steps.begin()
            case "time":
                clock.advance(2.0)
            case "trouble":
                outlet.trouble = 1
    outlet.trouble = 0
    await drain(steps)
    for run in runs:
        uid = run[0].body["uid"]
        assert outlet.raws(uid) == model.known.get(uid, [])
        assert len(model.known[uid]) == len(run)


class Model:
    """Which documents of each run are known, in the order in which they become so."""

    def __init__(self) -> None:
        self.known: dict[str, list[bytes]] = {}
        self._run_of: dict[str, str] = {}
        self._orphans: list[Document] = []

    def take(self, delivery: Sequence[Document]) -> None:
        for one in delivery:
            if one.name == "descriptor":
                self._run_of[one.body["uid"]] = one.body["run_start"]
        fresh = [one for one in delivery if not self._place(one)]
        self._orphans = [one for one in self._orphans if not self._place(one)]
        self._orphans += fresh

    def _place(self, one: Document) -> bool:
        body = one.body
        run = body["uid"] if one.name == "start" else body.get("run_start")
        run = run or self._run_of.get(body.get("descriptor", ""))
        if run is not None:
            self.known.setdefault(run, []).append(one.raw)
        return run is not None


async def _step(steps: DocumentSteps) -> None:
    try:
        await steps.step()
    except OutletUnavailable:
        return
