import json
import random
from collections.abc import Sequence
from pathlib import Path

import msgspec
import pytest
from tests.documents.samples import FOLDER, GOOD

from quire.access.principals import Principal
from quire.actions.expire import interrupt_lapsed_runs
from quire.actions.ingest import Ingest
from quire.documents.document import Document
from quire.documents.legacy import upgraded
from quire.documents.names import DocumentName
from quire.ports.store import Store
from quire.runs.run import Run, Status
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.testing.still_clock import StillClock

NDJSON = "application/x-ndjson"
WHOLE = [
    path
    for path in GOOD
    if not path.stem.startswith("order_") and "1000" not in path.name
]


async def the_run(store: Store, uid: str) -> Run:
    run = await store.view(lambda tx: tx.runs.get(uid))
    assert run is not None
    return run


def lines(name: str) -> list[bytes]:
    return (FOLDER / f"{name}.jsonl").read_bytes().splitlines()


def uid_of(name: str) -> str:
    uid: str = json.loads(lines(name)[0])[1]["uid"]
    return uid


async def test_what_is_accepted_comes_back_byte_for_byte(
    ingest: Ingest, store: Store, staff: Principal
) -> None:
    body = (FOLDER / "scan.jsonl").read_bytes()
    receipt = await ingest(body, NDJSON, staff)
    assert (receipt.accepted, receipt.repeated, receipt.refused) == (24, 0, ())
    stored = await store.view(
        lambda tx: [one.raw for one in tx.documents.of_run(uid_of("scan"))]
    )
    assert all(raw in line for raw, line in zip(stored, lines("scan"), strict=True))


async def test_a_run_may_have_an_empty_uid(
    ingest: Ingest, store: Store, staff: Principal
) -> None:
    start = ["start", {"uid": "", "time": 1.0}]
    receipt = await ingest(json.dumps(start).encode(), NDJSON, staff)
    assert receipt.accepted == 1
    assert (await the_run(store, "")).time == 1.0
    other = ["start", {"uid": "", "time": 2.0}]
    receipt = await ingest(json.dumps(other).encode(), NDJSON, staff)
    assert "other content" in receipt.refused[0].reason
    run = await the_run(store, "")
    assert (run.time, [one.rule for one in run.findings]) == (1.0, ["conflict"])


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
async def test_sending_again_changes_nothing(
    path: Path, ingest: Ingest, store: Store, staff: Principal
) -> None:
    body = path.read_bytes()
    first = await ingest(body, NDJSON, staff)
    uid = json.loads(body.splitlines()[0])[1]["uid"]
    before = await the_run(store, uid)
    again = await ingest(body, NDJSON, staff)
    assert again.accepted == 0
    assert again.repeated == first.accepted + first.repeated
    assert await the_run(store, uid) == before


@pytest.mark.parametrize("path", WHOLE, ids=lambda path: path.stem)
async def test_any_order_and_any_grouping_end_alike(
    path: Path, clock: StillClock, staff: Principal, ingest: Ingest, store: Store
) -> None:
    items = path.read_bytes().splitlines()
    await ingest(b"\n".join(items), NDJSON, staff)
    uids = [json.loads(line)[1]["uid"] for line in items if line[:8] == b'["start"']
    expected = [await the_run(store, uid) for uid in uids]
    dice = random.Random(11)
    for _ in range(8):
        other = MemoryStore(doorbell=LocalDoorbell())
        second = Ingest(other, ingest._validator, clock, lease=600.0)
        mixed = items + dice.sample(items, len(items) // 3)
        dice.shuffle(mixed)
        while mixed:
            cut = dice.randint(1, len(mixed))
            receipt = await second(b"\n".join(mixed[:cut]), NDJSON, staff)
            assert receipt.refused == ()
            mixed = mixed[cut:]
        assert [await the_run(other, uid) for uid in uids] == expected
        await other.aclose()


async def test_other_content_under_a_uid_is_a_conflict_and_the_stored_one_stays(
    ingest: Ingest, store: Store, staff: Principal
) -> None:
    await ingest(b"\n".join(lines("scan")), NDJSON, staff)
    name, event = json.loads(lines("scan")[5])
    event["data"]["motor"] = 99.0
    receipt = await ingest(json.dumps([name, event]).encode(), NDJSON, staff)
    (refusal,) = receipt.refused
    assert receipt.conflicts
    assert refusal.stored_hash != refusal.received_hash
    assert len(refusal.stored_hash) == 64
    run = await the_run(store, uid_of("scan"))
    assert [finding.rule for finding in run.findings] == ["conflict"]
    assert run.documents == 24


async def test_a_page_with_new_rows_is_stored_whole_and_its_old_rows_marked(
    ingest: Ingest, store: Store, staff: Principal
) -> None:
    items = [json.loads(line) for line in lines("scan")]
    events = [body for name, body in items if name == "event"]
    head = [line for line in lines("scan") if not line.startswith(b'["event"')]
    await ingest(b"\n".join(head), NDJSON, staff)
    await ingest(json.dumps(["event", events[0]]).encode(), NDJSON, staff)
    page = {
        "descriptor": events[0]["descriptor"],
        **{key: [e[key] for e in events[:3]] for key in ("uid", "seq_num", "time")},
        **{
            part: {key: [e[part][key] for e in events[:3]] for key in events[0][part]}
            for part in ("data", "timestamps", "filled")
            if part in events[0]
        },
    }
    receipt = await ingest(json.dumps(["event_page", page]).encode(), NDJSON, staff)
    assert (receipt.accepted, receipt.refused) == (1, ())
    run = await the_run(store, uid_of("scan"))
    assert run.streams["primary"].events == 3


async def test_one_bad_line_does_not_cost_the_others(
    ingest: Ingest, staff: Principal
) -> None:
    good = lines("count")
    receipt = await ingest(
        b"\n".join([*good[:2], b"nonsense", *good[2:]]), NDJSON, staff
    )
    assert receipt.accepted == len(good)
    assert [refusal.index for refusal in receipt.refused] == [2]


async def test_another_owners_run_takes_no_documents_from_a_visitor(
    ingest: Ingest, staff: Principal, visitor: Principal
) -> None:
    await ingest(lines("count")[0], NDJSON, staff)
    receipt = await ingest(b"\n".join(lines("count")), NDJSON, visitor)
    assert receipt.accepted == 0
    assert "another principal" in receipt.refused[0].reason


async def test_a_silent_run_is_interrupted_and_still_takes_documents(
    ingest: Ingest, store: Store, clock: StillClock, staff: Principal
) -> None:
    uid = uid_of("order_no_stop")
    await ingest(b"\n".join(lines("order_no_stop")[:-1]), NDJSON, staff)
    assert await interrupt_lapsed_runs(store, clock) == 0
    clock.advance(599)
    assert await ingest.renew(uid, staff)
    clock.advance(599)
    assert await interrupt_lapsed_runs(store, clock) == 0
    # A twentieth more at most: the end of a lease is rounded.
    clock.advance(31)
    assert await interrupt_lapsed_runs(store, clock) == 1
    assert await interrupt_lapsed_runs(store, clock) == 0
    run = await the_run(store, uid)
    assert run.status is Status.INTERRUPTED
    entries = await store.view(lambda tx: tx.progress.entries(uid, 0, 100))
    assert entries[-1].event.type == "error"
    await ingest(lines("order_no_stop")[-1], NDJSON, staff)
    assert (await the_run(store, uid)).status is Status.OPEN


async def test_a_run_whose_writer_is_back_is_judged_as_one_that_goes_on(
    ingest: Ingest, store: Store, clock: StillClock, staff: Principal
) -> None:
    uid = uid_of("order_no_stop")
    gap = [line for line in lines("order_no_stop") if b'"seq_num": 2,' not in line]
    await ingest(b"\n".join(gap), NDJSON, staff)
    before = await the_run(store, uid)
    clock.advance(1000)
    assert await interrupt_lapsed_runs(store, clock) == 1
    rules = {one.rule for one in (await the_run(store, uid)).findings}
    assert "sequence_gap" in rules
    assert await ingest.renew(uid, staff)
    run = await the_run(store, uid)
    assert (run.status, run.findings) == (Status.OPEN, before.findings)
    entries = await store.view(lambda tx: tx.progress.entries(uid, 0, 100))
    assert entries[-1].event.message == "The writer is heard again"


async def test_who_names_nothing_gets_nothing_of_others(
    ingest: Ingest, store: Store, staff: Principal
) -> None:
    """Such as an event whose datum_id is empty, because a detector failed."""
    lost = {"uid": "s", "run_start": "", "time": 2.0, "exit_status": "success"}
    await ingest(json.dumps(["stop", lost]).encode(), NDJSON, staff)
    key = {"dtype": "array", "shape": [], "source": "s", "external": "FILESTORE:"}
    described = {"uid": "d", "run_start": "r", "time": 1.0, "data_keys": {"x": key}}
    row = {"uid": "e", "descriptor": "d", "seq_num": 1, "time": 1.0}
    items = [
        ["start", {"uid": "r", "time": 1.0}],
        ["descriptor", described],
        ["event", {**row, "data": {"x": ""}, "timestamps": {"x": 1.0}}],
    ]
    await ingest(b"\n".join(json.dumps(one).encode() for one in items), NDJSON, staff)
    run = await the_run(store, "r")
    assert (run.status, run.documents) == (Status.OPEN, 3)


async def test_a_conflict_alone_shows_that_a_run_goes_on(
    ingest: Ingest, store: Store, clock: StillClock, staff: Principal
) -> None:
    uid = uid_of("order_no_stop")
    gap = [line for line in lines("order_no_stop") if b'"seq_num": 2,' not in line]
    await ingest(b"\n".join(gap), NDJSON, staff)
    clock.advance(1000)
    assert await interrupt_lapsed_runs(store, clock) == 1
    name, body = json.loads(gap[-1])
    body["time"] += 1
    await ingest(json.dumps([name, body]).encode(), NDJSON, staff)
    run = await the_run(store, uid)
    assert run.status is Status.OPEN
    assert [one.rule for one in run.findings] == ["conflict"]


async def test_the_lease_of_nobodys_run_cannot_be_renewed(
    ingest: Ingest, staff: Principal
) -> None:
    assert not await ingest.renew("nothing", staff)


def test_a_receipt_is_plain_json() -> None:
    from quire.actions.ingest import Receipt

    assert msgspec.json.encode(Receipt(accepted=1, repeated=2)) == (
        b'{"accepted":1,"repeated":2,"refused":[]}'
    )


async def test_a_conflict_shows_both(
    ingest: Ingest, store: Store, staff: Principal
) -> None:
    await ingest(b"\n".join(lines("scan")), NDJSON, staff)
    name, event = json.loads(lines("scan")[5])
    event["data"]["motor"] = 99.0
    raw = json.dumps(event).encode()
    receipt = await ingest(b'["%b", %b]' % (name.encode(), raw), NDJSON, staff)
    (refusal,) = receipt.refused
    (finding,) = (await the_run(store, uid_of("scan"))).findings
    assert finding.received == raw.decode()
    assert refusal.stored_hash in finding.message
    assert refusal.received_hash in finding.message
    stored = await store.view(
        lambda tx: [one.raw for one in tx.documents.of_run(uid_of("scan"))]
    )
    assert sum(event["uid"].encode() in one for one in stored) == 1
    assert raw not in stored
    again = await ingest(b'["%b", %b]' % (name.encode(), raw), NDJSON, staff)
    assert again.refused == receipt.refused
    assert (await the_run(store, uid_of("scan"))).findings == (finding,)


async def test_the_copy_that_a_conflict_shows_is_bounded(
    ingest: Ingest, store: Store, staff: Principal
) -> None:
    await ingest(lines("scan")[0], NDJSON, staff)
    name, start = json.loads(lines("scan")[0])
    large = json.dumps([name, {**start, "notes": "x" * 100_000}]).encode()
    assert (await ingest(large, NDJSON, staff)).conflicts
    (finding,) = (await the_run(store, uid_of("scan"))).findings
    assert len(finding.received) == 2000


OLD_BULK = {
    "primary": [
        {
            "uid": f"bulk event {number}",
            "descriptor": "bulk descriptor",
            "seq_num": number,
            "time": 1.0 + number,
            "data": {"x": number},
            "timestamps": {"x": 1.0},
        }
        for number in (1, 2)
    ]
}
OLD_KEY = {"dtype": "integer", "shape": None, "source": "s", "external": None}
OLD = [
    ["start", {"uid": "bulk run", "time": 1.0}],
    [
        "descriptor",
        {
            "uid": "bulk descriptor",
            "run_start": "bulk run",
            "time": 1.0,
            "name": "primary",
            "data_keys": {"x": OLD_KEY},
        },
    ],
    ["bulk_events", OLD_BULK],
]


async def test_an_archive_is_upgraded_with_its_originals_kept(
    ingest: Ingest, store: Store, staff: Principal
) -> None:
    body = b"\n".join(json.dumps(one).encode() for one in OLD)
    live = await ingest(body, NDJSON, staff)
    assert [one.field for one in live.refused] == ["/data_keys/x/shape"]
    receipt = await ingest(body, NDJSON, staff, upgrade=upgraded)
    assert receipt.refused == ()
    run = await the_run(store, "bulk run")
    assert run.streams["primary"].rows == 2
    assert {one.message for one in run.findings if one.rule == "legacy"} >= {
        "data_keys/x: external null left out",
        "data_keys/x: shape null became []",
    }
    stored = await store.view(lambda tx: tuple(tx.documents.of_run("bulk run")))
    originals = [json.loads(one.original) for one in stored if one.original]
    assert OLD[1] in originals
    again = await ingest(body, NDJSON, staff, upgrade=upgraded)
    assert (again.accepted, again.refused) == (0, ())
    assert await the_run(store, "bulk run") == run


@pytest.mark.parametrize("values", [[1.0, 2.0], [1.0, 1.0]])
async def test_a_page_that_has_a_uid_twice_may_come_again(
    ingest: Ingest, store: Store, staff: Principal, values: list[float]
) -> None:
    await ingest(b"\n".join(lines("scan")[:2]), NDJSON, staff)
    descriptor = json.loads(lines("scan")[1])[1]
    columns = dict.fromkeys(descriptor["data_keys"], values)
    page = {
        "uid": ["twice", "twice"],
        "descriptor": descriptor["uid"],
        "seq_num": values,
        "time": values,
        "data": columns,
        "timestamps": columns,
    }
    body = json.dumps(["event_page", page]).encode()
    assert (await ingest(body, NDJSON, staff)).accepted == 1
    run = await the_run(store, uid_of("scan"))
    assert "repeated_uid" in {one.rule for one in run.findings}
    again = await ingest(body, NDJSON, staff)
    assert (again.repeated, again.refused) == (1, ())
    assert await the_run(store, uid_of("scan")) == run
    page["data"] = {key: [7.0, 8.0] for key in columns}
    other = await ingest(json.dumps(["event_page", page]).encode(), NDJSON, staff)
    assert other.conflicts


async def test_each_conflict_of_an_upgraded_item_keeps_its_own_copy(
    ingest: Ingest, store: Store, staff: Principal
) -> None:
    def bulk(value: float) -> bytes:
        events = [
            {
                "uid": key,
                "descriptor": descriptor["uid"],
                "seq_num": 1,
                "time": 1.0,
                "data": {key: value},
                "timestamps": {key: 1.0},
            }
            for key in ("one", "other")  # and so a page each
        ]
        return json.dumps(["bulk_events", {"all": events}]).encode()

    await ingest(b"\n".join(lines("scan")[:2]), NDJSON, staff)
    descriptor = json.loads(lines("scan")[1])[1]
    await ingest(bulk(1.0), NDJSON, staff, upgrade=upgraded)
    await ingest(bulk(2.0), NDJSON, staff, upgrade=upgraded)
    run = await the_run(store, uid_of("scan"))
    copies = {
        one.uid: json.loads(one.received)["uid"]
        for one in run.findings
        if one.rule == "conflict"
    }
    assert copies == {"one": "one", "other": "other"}


async def test_a_defect_costs_one_item_and_not_the_delivery(
    ingest: Ingest, store: Store, staff: Principal
) -> None:
    def defective(one: Document) -> Sequence[Document]:
        if one.name is DocumentName.STOP:
            raise ZeroDivisionError
        return (one,)

    receipt = await ingest(b"\n".join(lines("scan")), NDJSON, staff, upgrade=defective)
    (refusal,) = receipt.refused
    assert (refusal.name, refusal.index) == ("stop", 23)
    assert "ZeroDivisionError" in refusal.reason
    assert receipt.accepted == 23
    assert (await the_run(store, uid_of("scan"))).streams["primary"].rows == 21
