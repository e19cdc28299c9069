from quire.access.principals import Principal
from quire.actions.changed_runs import ChangedRuns
from quire.actions.ingest import Ingest
from quire.ports.store import Store
from quire.testing.documents import as_ndjson, document, make_uid

NDJSON = "application/x-ndjson"


async def begin_run(ingest: Ingest, staff: Principal, number: int) -> str:
    uid = make_uid("changed", number)
    start = document("start", {"uid": uid, "time": 1.0, "scan_id": number})
    await ingest(as_ndjson([start]), NDJSON, staff)
    return uid


async def found(changed: ChangedRuns) -> list[str]:
    return [uid async for page in changed.pages() for uid in page]


async def test_what_was_yielded_does_not_come_again(
    store: Store, ingest: Ingest, staff: Principal
) -> None:
    changed = ChangedRuns(store, "one")
    before = await begin_run(ingest, staff, 0)
    await changed.begin()
    uids = [await begin_run(ingest, staff, number) for number in (1, 2, 3)]
    assert before not in uids
    assert await found(changed) == uids
    assert await found(ChangedRuns(store, "one")) == []


async def test_documents_that_keep_coming_are_gathered_for_the_next_time(
    store: Store, ingest: Ingest, staff: Principal
) -> None:
    changed = ChangedRuns(store, "one")
    await changed.begin()
    uids = [await begin_run(ingest, staff, 0)]
    pages = []
    async for page in changed.pages():
        pages.append(page)
        uids.append(await begin_run(ingest, staff, len(uids)))
        assert len(pages) < 3
    assert pages == [(uids[0],)]
    assert await found(changed) == uids[1:]


async def test_a_full_page_is_followed_by_the_next(
    store: Store, ingest: Ingest, staff: Principal
) -> None:
    changed = ChangedRuns(store, "one")
    await changed.begin()
    starts = [
        document("start", {"uid": make_uid("many", number), "time": 1.0})
        for number in range(2001)
    ]
    await ingest(as_ndjson(starts), NDJSON, staff)
    assert len(set(await found(changed))) == len(starts)
