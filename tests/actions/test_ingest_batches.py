"""A delivery that is read by its columns ends as one of single documents does."""

import asyncio
import json
from collections.abc import Iterable, Sequence
from typing import Any, TypeVar

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.documents.streams import nearly_alike

from quire.access.principals import Principal
from quire.actions.ingest import Ingest, Receipt
from quire.documents.reading import parse, read_delivery
from quire.documents.validation import Validator
from quire.ports.store import Decision, Store
from quire.runs.run import Run
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.testing.documents import as_page, make_event, make_run
from quire.testing.still_clock import StillClock

T = TypeVar("T")
NDJSON = "application/x-ndjson"
VALIDATOR = Validator()
ROWS = 9


def text_of(name: str, body: Any) -> bytes:
    return json.dumps([name, body], separators=(",", ":")).encode()


def opening(descriptor: str = "d", *keys: str) -> list[bytes]:
    run, described = make_run(events=0)[:2]
    body = {**described.body, "uid": descriptor}
    integer = {"dtype": "integer", "shape": [], "source": "t"}
    data_keys = dict.fromkeys(keys, integer)
    return [
        text_of("start", run.body),
        text_of("descriptor", {**body, "data_keys": data_keys}),
    ]


async def taken(
    deliveries: Iterable[Sequence[bytes]],
) -> tuple[list[Receipt], Run, list[tuple[Any, ...]]]:
    """Return what became of deliveries in a new store, the run and its documents."""
    store = MemoryStore(doorbell=LocalDoorbell())
    ingest = Ingest(store, VALIDATOR, StillClock(1.8e9), lease=600)
    somebody = Principal(name="somebody", scopes=frozenset())
    receipts = [await ingest(b"\n".join(each), NDJSON, somebody) for each in deliveries]
    uid = make_run()[0].body["uid"]
    run = await store.view(lambda tx: tx.runs.get(uid))
    assert run is not None
    stored = await store.view(lambda tx: list(tx.documents.of_run(uid)))
    await store.aclose()
    return (
        receipts,
        run,
        [(one.name, one.raw, one.keys, one.repeated) for one in stored],
    )


def told(receipts: Iterable[Receipt]) -> tuple[int, int, list[Any]]:
    accepted = repeated = 0
    refused = []
    for receipt in receipts:
        accepted, repeated = accepted + receipt.accepted, repeated + receipt.repeated
        refused += [msgspec.structs.replace(one, index=0) for one in receipt.refused]
    return accepted, repeated, refused


@settings(max_examples=100, deadline=None)
@given(nearly_alike(ROWS), st.data())
def test_one_delivery_ends_as_many_do(texts: list[bytes], data: st.DataObject) -> None:
    again = data.draw(st.lists(st.sampled_from(texts), max_size=3))
    changed = data.draw(st.sampled_from([b"", b"1500000000.0"]))
    clash = [texts[1].replace(changed, b"17.5", 1)] if changed else []
    every = [*opening("d", "x", "more"), *texts, *again, *clash]
    late = data.draw(st.booleans())
    if late:  # the events wait for their descriptor
        every = [*every[2:], *every[:2]]
    single = asyncio.run(taken([one] for one in every))
    whole = asyncio.run(taken([every]))
    halves = asyncio.run(taken([every, every]))
    assert told(single[0]) == told(whole[0])
    if not late:  # else what is adopted is placed as it came
        assert single[2] == whole[2] == halves[2]
    assert sorted(single[2]) == sorted(whole[2]) == sorted(halves[2])
    same = {"findings": (), "lease_until": 0.0}
    assert msgspec.structs.replace(single[1], **same) == msgspec.structs.replace(
        whole[1], **same
    )
    assert {one.rule for one in single[1].findings} == {
        one.rule for one in whole[1].findings
    }


async def test_a_page_and_a_batch_are_told_again_by_their_uids(
    ingest: Ingest, staff: Principal
) -> None:
    rows = [make_event("again", number, ["a"]) for number in range(1, 12)]
    head = opening(rows[0]["descriptor"], "a")
    events = [text_of("event", row) for row in rows]
    page = [text_of("event_page", as_page(rows))]
    found = list(read_delivery(b"\n".join(events), media_type=NDJSON))
    assert len(found) == len(list(read_delivery(page[0], media_type=NDJSON))) == 1
    first = await ingest(b"\n".join([*head, *events[:10]]), NDJSON, staff)
    again = await ingest(b"\n".join(events[:10]), NDJSON, staff)
    grown = await ingest(b"\n".join(events), NDJSON, staff)
    paged = await ingest(page[0], NDJSON, staff)
    assert [(one.accepted, one.repeated) for one in (first, again, grown, paged)] == [
        (12, 0),
        (0, 10),
        (1, 10),
        (0, 1),
    ]
    rows[3]["time"] = 17.0
    other = [text_of("event", row) for row in rows]
    receipt = await ingest(b"\n".join(other), NDJSON, staff)
    assert (receipt.accepted, receipt.repeated, len(receipt.refused)) == (0, 10, 1)
    (refused,) = receipt.refused
    assert (refused.index, refused.uid) == (3, rows[3]["uid"])
    assert refused.stored_hash
    assert refused.stored_hash != refused.received_hash


class WatchedStore(MemoryStore):
    """Notes which decisions are called brief."""

    def __init__(self) -> None:
        super().__init__(doorbell=LocalDoorbell())
        self.brief: list[bool] = []
        self.open = asyncio.Event()
        self.open.set()

    async def decide(self, decision: Decision[T], *, brief: bool = False) -> T:
        self.brief.append(brief)
        await self.open.wait()
        return await super().decide(decision, brief=brief)


@pytest.mark.parametrize(
    ("value", "rows", "start", "brief"),
    [
        (1.5, 1000, b"", True),
        (1.5, 9000, b"", False),  # too long
        ([1], 1000, b"", False),  # more to look at than numbers
        (1.5, 100, b"", True),
        (1.5, 100, b"x" * 2**14, False),  # a long document beside them
        ("text", 100, b"", True),  # short
    ],
)
async def test_columns_of_numbers_are_brief(
    staff: Principal, value: object, rows: int, start: bytes, brief: bool
) -> None:
    events = [make_event("brief", number, ["a"]) for number in range(1, rows + 1)]
    page = as_page([{**one, "data": {"a": value}} for one in events])
    run = make_run(events=0)[0].body
    lines = [
        text_of("start", {**run, "note": start.decode()}),
        text_of("event_page", page),
    ]
    store = WatchedStore()
    ingest = Ingest(store, VALIDATOR, StillClock(1.8e9), lease=600)
    receipt = await ingest(b"\n".join(lines), NDJSON, staff)
    assert receipt.accepted == 2
    assert store.brief == [brief]


async def test_columns_of_many_at_a_time_are_for_the_thread(staff: Principal) -> None:
    store = WatchedStore()
    ingest = Ingest(store, VALIDATOR, StillClock(1.8e9), lease=600)
    rows = [make_event("many", number, ["a"]) for number in range(1, 300)]
    body = text_of("event_page", as_page(rows))
    store.open.clear()
    several = [asyncio.create_task(ingest(body, NDJSON, staff)) for _ in range(6)]
    one = asyncio.create_task(ingest(body[:100], NDJSON, staff))  # refused at once
    await one
    assert store.brief == [True] * 4 + [False] * 2
    store.open.set()
    await asyncio.gather(*several)
    await ingest(body, NDJSON, staff)
    assert store.brief[6:] == [True]


async def test_a_run_of_another_takes_no_batch(
    ingest: Ingest, staff: Principal, visitor: Principal
) -> None:
    rows = [make_event("foreign", number, ["a"]) for number in range(1, 10)]
    head = opening(rows[0]["descriptor"], "a")
    events = [text_of("event", row) for row in rows]
    await ingest(b"\n".join(head), NDJSON, staff)
    receipt = await ingest(b"\n".join(events), NDJSON, visitor)
    assert receipt.accepted == 0
    assert [one.index for one in receipt.refused] == list(range(9))
    assert [one.uid for one in receipt.refused] == [row["uid"] for row in rows]


async def test_a_stored_batch_is_found_by_a_store_that_was_opened_anew(
    ingest: Ingest, store: Store, staff: Principal
) -> None:
    rows = [make_event("stored", number, ["a"]) for number in range(1, 10)]
    head = opening(rows[0]["descriptor"], "a")
    await ingest(
        b"\n".join([*head, *(text_of("event", row) for row in rows)]), NDJSON, staff
    )
    uid = make_run()[0].body["uid"]
    stored = await store.view(lambda tx: list(tx.documents.of_run(uid)))
    assert [parse(one.name, one.raw).body for one in stored[2:]] == rows
    assert all(len(one.keys) == 1 for one in stored)
