import json

import pytest
from tests.documents.samples import FOLDER

from quire.access.principals import Principal, Scope
from quire.actions.close import CloseRun
from quire.actions.expire import interrupt_lapsed_runs
from quire.actions.ingest import Ingest
from quire.errors import Conflict, Forbidden, InputError, NotFound
from quire.ports.store import Store
from quire.progress.event import ProgressType
from quire.progress.log import Entry
from quire.runs.run import Run, Status
from quire.testing.still_clock import StillClock

NDJSON = "application/x-ndjson"
LINES = (FOLDER / "scan.jsonl").read_bytes().splitlines()
UID: str = json.loads(LINES[0])[1]["uid"]


@pytest.fixture
def close(store: Store, clock: StillClock) -> CloseRun:
    return CloseRun(store, clock)


async def the_run(store: Store) -> Run:
    run = await store.view(lambda tx: tx.runs.get(UID))
    assert run is not None
    return run


async def the_log(store: Store) -> tuple[Entry, ...]:
    return await store.view(lambda tx: tx.progress.entries(UID, 0, 1000))


async def test_a_closed_run_is_interrupted_and_its_log_has_ended(
    ingest: Ingest, store: Store, close: CloseRun, staff: Principal, clock: StillClock
) -> None:
    await ingest(b"\n".join(LINES[:6]), NDJSON, staff)
    run = await close(UID, "  the beam is gone ", staff)
    assert run == await the_run(store)
    assert run.status is Status.INTERRUPTED
    assert (run.closed_at, run.closed_by, run.close_reason) == (
        clock.now(),
        "staff",
        "the beam is gone",
    )
    last = (await the_log(store))[-1].event
    assert last.type is ProgressType.FAILED
    assert "the beam is gone" in last.message
    clock.advance(10_000)
    assert await interrupt_lapsed_runs(store, clock) == 0


async def test_what_still_comes_changes_the_run_and_not_the_log(
    ingest: Ingest, store: Store, close: CloseRun, staff: Principal
) -> None:
    await ingest(b"\n".join(LINES[:6]), NDJSON, staff)
    before = await close(UID, "lost", staff)
    log = await the_log(store)
    receipt = await ingest(b"\n".join(LINES[6:10]), NDJSON, staff)
    assert receipt.accepted == 4
    late = await the_run(store)
    assert late.documents == before.documents + 4
    assert late.status is Status.INTERRUPTED
    await ingest(b"\n".join(LINES), NDJSON, staff)
    done = await the_run(store)
    assert (done.status, done.close_reason) == (Status.SUCCESS, "lost")
    assert await the_log(store) == log


async def test_closing_tells_what_is_missing(
    ingest: Ingest, close: CloseRun, staff: Principal
) -> None:
    lines = [line for line in LINES if not line.startswith(b'["stop"')]
    gone = [line for line in lines if b'"seq_num": 3' not in line]
    assert len(gone) == len(lines) - 1
    await ingest(b"\n".join(gone), NDJSON, staff)
    run = await close(UID, "lost", staff)
    assert [one.rule for one in run.findings] == ["sequence_gap"]


async def test_a_run_is_closed_once_and_not_behind_its_stop(
    ingest: Ingest, close: CloseRun, staff: Principal
) -> None:
    await ingest(LINES[0], NDJSON, staff)
    await close(UID[:8], "one", staff)
    with pytest.raises(Conflict, match="before"):
        await close(UID, "two", staff)
    await ingest(LINES[-1], NDJSON, staff)
    with pytest.raises(Conflict, match="stop"):
        await close(UID, "three", staff)


@pytest.mark.parametrize("reason", ["", " \n", "x" * 2001])
async def test_a_reason_is_asked_for(
    reason: str, ingest: Ingest, store: Store, close: CloseRun, staff: Principal
) -> None:
    await ingest(LINES[0], NDJSON, staff)
    with pytest.raises(InputError):
        await close(UID, reason, staff)
    assert (await the_run(store)).status is Status.OPEN


async def test_only_its_owner_and_administrators_may(
    ingest: Ingest, close: CloseRun, staff: Principal, visitor: Principal
) -> None:
    await ingest(LINES[0], NDJSON, staff)
    with pytest.raises((NotFound, Forbidden)):
        await close(UID, "mine now", visitor)
    with pytest.raises(NotFound):
        await close("no such run", "gone", staff)


async def test_its_owner_needs_no_other_right(ingest: Ingest, close: CloseRun) -> None:
    owner = Principal(name="owner", scopes=frozenset({Scope.RUNS_INGEST}))
    await ingest(LINES[0], NDJSON, owner)
    assert (await close(UID, "done", owner)).closed_by == "owner"
