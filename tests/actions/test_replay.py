import json
import random

import pytest
from tests.documents.samples import FOLDER, read

from quire.access.principals import Principal
from quire.actions.ingest import Ingest
from quire.actions.lookup import Order
from quire.actions.replay import Replay
from quire.documents.legacy import upgraded
from quire.documents.replay import replay_order
from quire.errors import NotFound
from quire.ports.store import Store

NDJSON = "application/x-ndjson"


async def replayed(
    replay: Replay, uid: str, staff: Principal, order: Order
) -> list[bytes]:
    plan = await replay.plan(uid, staff, order=order)
    return [one.raw async for page in replay.pages(plan) for one in page]


@pytest.mark.parametrize("name", ["paused_rewound", "external_resource_datum"])
async def test_pages_together_are_the_run(
    store: Store, ingest: Ingest, staff: Principal, name: str
) -> None:
    documents = read(FOLDER / f"{name}.jsonl")
    random.Random(7).shuffle(documents)
    lines = [b'["%b",%b]' % (one.name.value.encode(), one.raw) for one in documents]
    for line in lines:
        await ingest(line, NDJSON, staff)
    uid = next(one.body["uid"] for one in documents if one.name == "start")
    whole = Replay(store)
    small = Replay(store, page_bytes=700, page_documents=3)
    received = await replayed(small, uid, staff, Order.RECEIVED)
    assert sorted(received) == sorted(one.raw for one in documents)
    by_order = await replayed(small, uid, staff, Order.REPLAY)
    assert by_order == await replayed(whole, uid, staff, Order.REPLAY)
    stored = {one.raw: one for one in documents}
    arrived = [stored[raw] for raw in received]
    assert by_order == [arrived[at].raw for at in replay_order(arrived)]


@pytest.mark.parametrize("order", Order)
async def test_what_one_item_was_upgraded_to_has_one_original(
    store: Store, ingest: Ingest, staff: Principal, order: Order
) -> None:
    documents = read(FOLDER / "baseline_monitor.jsonl")
    events = [one.body for one in documents if one.name == "event"]
    bulk = [b'["bulk_events",%b]' % json.dumps({"all": events}).encode()]
    lines = [
        b'["%b",%b]' % (one.name.value.encode(), one.raw)
        for one in documents
        if one.name != "event"
    ]
    await ingest(b"\n".join(bulk + lines), NDJSON, staff, upgrade=upgraded)
    replay, uid = Replay(store, page_documents=2), documents[0].body["uid"]
    made = await replayed(replay, uid, staff, order)
    plan = await replay.plan(uid, staff, order=order, originals=True)
    sent = [
        one.original or one.raw async for page in replay.pages(plan) for one in page
    ]
    assert len(made) > len(plan) == len(documents) - len(events) + 1
    assert sorted(sent) == sorted(
        [*bulk, *(line[len(line.split(b",")[0]) + 1 : -1] for line in lines)]
    )
    if order is Order.REPLAY:
        # Behind all that it refers to, before the stop.
        assert sent[-2] == bulk[0]


async def test_a_page_holds_no_more_than_it_may(
    store: Store, ingest: Ingest, staff: Principal
) -> None:
    await ingest((FOLDER / "grid_scan.jsonl").read_bytes(), NDJSON, staff)
    uid = json.loads((FOLDER / "grid_scan.jsonl").read_bytes().splitlines()[0])[1][
        "uid"
    ]
    replay = Replay(store, page_bytes=2000, page_documents=4)
    plan = await replay.plan(uid, staff)
    pages = [page async for page in replay.pages(plan)]
    assert len(pages) > 2
    for page in pages:
        assert len(page) <= 4
        assert len(page) == 1 or sum(len(one.raw) for one in page) <= 2000
    assert sum(map(len, pages)) == len(plan)


async def test_reading_may_begin_anywhere(
    store: Store, ingest: Ingest, staff: Principal
) -> None:
    documents = read(FOLDER / "external_resource_datum.jsonl")
    random.Random(3).shuffle(documents)
    for one in documents:
        await ingest(b'["%b",%b]' % (one.name.value.encode(), one.raw), NDJSON, staff)
    uid = next(one.body["uid"] for one in documents if one.name == "start")
    every = await store.view(lambda tx: tuple(tx.documents.of_run(uid)))
    assert len(every) == len(documents)
    for place, stored in enumerate(every):
        begin = stored.number
        found = await store.view(
            lambda tx, begin=begin: tuple(tx.documents.of_run(uid, begin))  # type: ignore[misc]
        )
        assert found == every[place:]
    beyond = every[-1].number + 1
    assert await store.view(lambda tx: tuple(tx.documents.of_run(uid, beyond))) == ()


async def test_a_run_that_is_not_there_is_missed(
    store: Store, staff: Principal
) -> None:
    with pytest.raises(NotFound):
        await Replay(store).plan("nothing", staff)
