import json

import pytest

from quire.access.principals import Principal
from quire.actions.ingest import Ingest
from quire.actions.lookup import By, Lookup, Order
from quire.errors import Ambiguous, InputError, NotFound
from quire.jobs.job import Job
from quire.ports.store import Store, Transaction

NDJSON = "application/x-ndjson"


def start(uid: str, time: float, scan_id: int) -> bytes:
    body = {"uid": uid, "time": time, "scan_id": scan_id}
    return json.dumps(["start", body]).encode()


@pytest.fixture
async def lookup(store: Store, ingest: Ingest, staff: Principal) -> Lookup:
    runs = [
        start("aaaaa-1", 10.0, 5),
        start("aaaaa-2", 30.0, 5),
        start("bbbbb", 20.0, 7),
        start("12345678", 5.0, 9),
    ]
    await ingest(b"\n".join(runs), NDJSON, staff)
    return Lookup(store)


@pytest.mark.parametrize(
    ("which", "by", "uid"),
    [
        ("bbbbb", None, "bbbbb"),
        ("5", None, "aaaaa-2"),
        ("-1", None, "aaaaa-2"),
        ("-2", None, "bbbbb"),
        ("-4", None, "12345678"),
        ("12345678", None, "12345678"),
        ("12345", By.UID, "12345678"),
        ("7", By.SCAN_ID, "bbbbb"),
        ("aaaaa-1", By.UID, "aaaaa-1"),
    ],
)
async def test_a_run_is_found(
    lookup: Lookup, staff: Principal, which: str, by: By | None, uid: str
) -> None:
    assert (await lookup.run(which, staff, by=by)).run.uid == uid


@pytest.mark.parametrize(
    ("which", "by", "error"),
    [
        ("aaaaa", None, Ambiguous),
        ("aaaa", None, NotFound),
        ("zzzzzz", None, NotFound),
        ("6", None, NotFound),
        ("-5", None, NotFound),
        ("-99999", None, InputError),
        ("bbbbb", By.SCAN_ID, InputError),
        ("12345678901234567890", None, NotFound),
        ("\x00", None, NotFound),
        ("%", None, NotFound),
    ],
)
async def test_what_is_not_found_says_so(
    lookup: Lookup,
    staff: Principal,
    which: str,
    by: By | None,
    error: type[Exception],
) -> None:
    with pytest.raises(error):
        await lookup.run(which, staff, by=by)


async def test_an_ambiguous_name_lists_who_answers(
    lookup: Lookup, staff: Principal
) -> None:
    with pytest.raises(Ambiguous) as caught:
        await lookup.run("aaaaa", staff)
    assert set(caught.value.candidates) == {"aaaaa-1", "aaaaa-2"}


async def test_others_runs_are_not_there(lookup: Lookup, visitor: Principal) -> None:
    for which in ("bbbbb", "5", "-1", "aaaaa"):
        with pytest.raises(NotFound):
            await lookup.run(which, visitor)


async def test_documents_come_in_replay_order(
    lookup: Lookup, ingest: Ingest, staff: Principal
) -> None:
    late = json.dumps(
        [
            "stop",
            {"uid": "s", "time": 40.0, "run_start": "new", "exit_status": "success"},
        ]
    )
    await ingest(late.encode(), NDJSON, staff)
    await ingest(start("new", 39.0, 1), NDJSON, staff)
    received = await lookup.documents("new", staff, by=By.UID, order=Order.RECEIVED)
    replayed = await lookup.documents("new", staff, by=By.UID, order=Order.REPLAY)
    assert [one.name for one in received] == ["stop", "start"]
    assert [one.name for one in replayed] == ["start", "stop"]


@pytest.mark.parametrize("count", [100, 101])
async def test_it_says_that_a_run_has_more_jobs(
    lookup: Lookup, store: Store, staff: Principal, count: int
) -> None:
    jobs = [
        Job(id=f"{n:03}", kind="wait", owner=staff.name, created=n, runs=("bbbbb",))
        for n in range(count)
    ]

    def put(tx: Transaction) -> None:
        for job in jobs:
            tx.jobs.put(job)

    await store.decide(put)
    found = await lookup.run("bbbbb", staff)
    assert found.jobs == tuple(job.id for job in jobs[:-101:-1])
    assert found.more_jobs == (count > 100)
