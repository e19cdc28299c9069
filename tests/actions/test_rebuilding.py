"""Runs folded anew from their documents: the same again, whatever was spoilt."""

import random
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace
from tests.actions.test_any_order import CASES

from quire.access.principals import Principal
from quire.actions.close import CloseRun
from quire.actions.ingest import Ingest
from quire.actions.rebuilding import Different, Rebuilding, Rebuilt, Unfit
from quire.documents.document import Document
from quire.documents.names import DocumentName
from quire.ports.document_records import Arrival
from quire.ports.store import Store
from quire.runs.annotations import SignOff
from quire.runs.changes import AddComment, Change, Entry, SetSignOff
from quire.runs.run import Finding, Run
from quire.testing.documents import as_ndjson, document, make_run, make_uid
from quire.testing.still_clock import StillClock

NDJSON = "application/x-ndjson"


@pytest.fixture
def rebuilding(store: Store, clock: StillClock) -> Rebuilding:
    return Rebuilding(store, clock, owner="keeper")


async def send(
    ingest: Ingest, documents: Sequence[Document], principal: Principal
) -> str:
    await ingest(as_ndjson(documents), NDJSON, principal)
    return str(documents[0].body["uid"])


async def get(store: Store, uid: str) -> Run:
    found = await store.view(lambda tx: tx.runs.get(uid))
    assert found is not None
    return found


async def put(store: Store, run: Run) -> None:
    await store.decide(lambda tx: tx.runs.put(run))


def nobody(_: int) -> None:
    """Tell nobody."""


@pytest.mark.parametrize("name", list(CASES))
async def test_what_the_server_folded_is_folded_again(
    name: str, ingest: Ingest, rebuilding: Rebuilding, staff: Principal
) -> None:
    for seed in range(3):
        left = [*CASES[name], *CASES[name][:3]]
        random.Random(f"{name} {seed}").shuffle(left)
        while left:
            await ingest(as_ndjson(left[:7]), NDJSON, staff)
            left = left[7:]
    uids = [one.body["uid"] for one in CASES[name] if one.name is DocumentName.START]
    uids = uids or [CASES[name][0].body["run_start"]]
    found = await rebuilding(uids, nobody, write=False)
    assert found == Rebuilt(runs=len(uids))


async def test_a_spoilt_run_is_told_of_and_mended(
    store: Store, ingest: Ingest, rebuilding: Rebuilding, staff: Principal
) -> None:
    uid = await send(ingest, make_run(1, 30, page=7), staff)
    other = await send(ingest, make_run(2), staff)
    good = await get(store, uid)
    await put(store, replace(good, documents=99, streams={}, plan_name="forged"))
    differs = Different(uid=uid, fields=("plan_name", "streams", "documents"))
    counted: list[int] = []

    dry = await rebuilding([uid, other], counted.append, write=False)
    assert dry == Rebuilt(runs=2, different=(differs,))
    assert sum(counted) == 2
    assert (await get(store, uid)).plan_name == "forged"

    assert await rebuilding([uid, other], nobody, write=True) == dry
    assert await get(store, uid) == good
    assert await rebuilding([uid, other], nobody, write=True) == Rebuilt(runs=2)


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("start", None),
        ("stop", b"{}"),
        ("time", 1.0),
        ("scan_id", 7),
        ("num_points", None),
        ("stop_time", None),
        ("stops", 3),
        ("stop_uid", None),
        ("exit_status", "fail"),
        ("reason", "because"),
        ("descriptors", {}),
        ("declared", {}),
        ("stream_resources", {"a": "b"}),
        ("awaited", {"a": "datum"}),
        ("findings", (Finding(rule="unfoldable", uid="x", message="mended now"),)),
        ("devices", ("none",)),
    ],
)
async def test_every_field_that_documents_tell_is_compared(
    field: str,
    value: Any,
    store: Store,
    ingest: Ingest,
    rebuilding: Rebuilding,
    staff: Principal,
) -> None:
    uid = await send(ingest, make_run(1), staff)
    good = await get(store, uid)
    await put(store, replace(good, **{field: value}))
    found = await rebuilding([uid], nobody, write=True)
    assert [field in one.fields for one in found.different] == [True]
    assert await get(store, uid) == good


async def test_what_no_document_tells_is_kept(
    store: Store,
    ingest: Ingest,
    rebuilding: Rebuilding,
    clock: StillClock,
    visitor: Principal,
) -> None:
    documents = make_run(1, exit_status=None)
    uid = await send(ingest, documents, visitor)
    # Other content under a uid is refused: only the finding remembers it.
    changed = document("event", {**documents[2].body, "seq_num": 5})
    refused = await ingest(as_ndjson([changed]), NDJSON, visitor)
    assert refused.conflicts
    await CloseRun(store, clock)(uid, "the detector is gone", visitor)
    said: list[Change] = [SetSignOff(state=SignOff.SIGNED_OFF), AddComment(text="good")]
    for version, change in enumerate(said, 1):
        entry = Entry(run=uid, version=version, at=1.0, author="ada", change=change)
        await store.decide(lambda tx, entry=entry: tx.run_history.append(entry))  # type: ignore[misc]
    before = await get(store, uid)
    annotated = replace(before.annotations, lists=("good@1",))
    await put(store, replace(before, documents=1, annotations=annotated))

    found = await rebuilding([uid], nobody, write=True)
    assert [one.fields for one in found.different] == [("documents", "annotations")]
    after = await get(store, uid)
    assert after.annotations.sign_off is SignOff.SIGNED_OFF
    assert [one.text for one in after.annotations.comments] == ["good"]
    assert after.annotations.lists == ("good@1",)
    assert after == replace(before, annotations=after.annotations)
    assert after.owner == "visitor"
    assert after.closed_by == "visitor"
    assert "conflict" in {one.rule for one in after.findings}


async def test_a_run_without_documents_is_left_alone(
    store: Store, rebuilding: Rebuilding
) -> None:
    lost = Run(uid=make_uid("lost"), owner="ada", plan_name="count", documents=4)
    await put(store, lost)
    found = await rebuilding([lost.uid], nobody, write=True)
    assert found.different == ()
    assert [one.uid for one in found.unfit] == [lost.uid]
    assert await get(store, lost.uid) == lost


async def test_a_document_that_cannot_be_read_leaves_its_run_alone(
    store: Store, ingest: Ingest, rebuilding: Rebuilding, staff: Principal
) -> None:
    uid = await send(ingest, make_run(1), staff)
    good = replace(await get(store, uid), documents=99)
    await put(store, good)
    broken = Arrival(name=DocumentName.EVENT, raw=b'{"uid":', keys=(1,))
    await store.decide(lambda tx: tx.documents.append(uid, [broken]))
    found = await rebuilding([uid], nobody, write=True)
    assert isinstance(found.unfit[0], Unfit)
    assert "cannot be read" in found.unfit[0].reason
    assert await get(store, uid) == good


async def test_a_lost_record_is_made_again(
    store: Store, rebuilding: Rebuilding, clock: StillClock
) -> None:
    (start,) = make_run("alone")[:1]
    uid = start.body["uid"]
    arrival = Arrival(name=start.name, raw=start.raw, keys=(5,))
    await store.decide(lambda tx: tx.documents.append(uid, [arrival]))
    found = await rebuilding([uid], nobody, write=True)
    assert found.different == (Different(uid=uid, fields=()),)
    made = await get(store, uid)
    assert (made.owner, made.documents, made.plan_name) == ("keeper", 1, "count")
    assert made.first_received == clock.now()


async def test_long_runs_are_folded_piece_by_piece(
    ingest: Ingest, rebuilding: Rebuilding, staff: Principal
) -> None:
    uid = await send(ingest, make_run("long", 2500), staff)
    assert await rebuilding([uid], nobody, write=False) == Rebuilt(runs=1)
