"""A descriptor under the uid of another run's is a conflict of both."""

import json
from collections.abc import Sequence
from typing import Any

import pytest

from quire.access.principals import Principal, Scope
from quire.actions.ingest import Ingest, Receipt
from quire.ports.store import Store
from quire.runs.run import Run
from quire.testing.documents import make_descriptor

NDJSON = "application/x-ndjson"
STAFF = frozenset({Scope.RUNS_INGEST, Scope.RUNS_READ})
Items = list[list[Any]]


def start(uid: str) -> list[Any]:
    return ["start", {"uid": uid, "time": 1.0}]


def described(run: str, uid: str = "d") -> list[Any]:
    return ["descriptor", make_descriptor(run, uid, ["x"])]


def event(uid: str) -> list[Any]:
    one = {"uid": uid, "descriptor": "d", "seq_num": 1, "time": 1.0}
    return ["event", {**one, "data": {"x": 1.0}, "timestamps": {"x": 1.0}}]


def copied() -> tuple[Items, Items]:
    """Return a run, and another that differs in its uid and those of events alone."""
    return (
        [start("a"), described("a"), event("a1")],
        [start("b"), described("b"), event("b1")],
    )


async def sent(
    ingest: Ingest, items: Items, sender: Principal, *, alone: bool
) -> list[Receipt]:
    bodies = [[one] for one in items] if alone else [items]
    return [
        await ingest(
            b"\n".join(json.dumps(one).encode() for one in body), NDJSON, sender
        )
        for body in bodies
    ]


async def runs(store: Store, uids: Sequence[str]) -> list[Run]:
    found = [await store.view(lambda tx, uid=uid: tx.runs.get(uid)) for uid in uids]  # type: ignore[misc]
    assert all(found)
    return [one for one in found if one is not None]


@pytest.mark.parametrize("alone", [True, False])
async def test_rows_go_where_they_go_however_they_are_sent(
    ingest: Ingest, store: Store, staff: Principal, *, alone: bool
) -> None:
    first, second = copied()
    await sent(ingest, first, staff, alone=alone)
    told = await sent(ingest, second, staff, alone=alone)
    refused = [one for receipt in told for one in receipt.refused]
    assert [one.uid for one in refused] == ["d"]
    assert all(one.stored_hash and one.received_hash for one in refused)
    assert all("in the run a" in one.reason for one in refused)
    a, b = await runs(store, "ab")
    assert (a.documents, a.streams["primary"].events) == (4, 2)
    assert (b.documents, b.streams) == (1, {})
    for run in (a, b):
        assert [(one.rule, one.uid) for one in run.findings] == [("conflict", "d")]
        assert all('"run_start": "b"' in one.received for one in run.findings)


@pytest.mark.parametrize("swapped", [True, False])
async def test_of_two_runs_in_one_delivery_the_first_keeps_it(
    ingest: Ingest, store: Store, staff: Principal, *, swapped: bool
) -> None:
    (one, mine, row), (other, yours, again) = copied()
    starts = [other, one] if swapped else [one, other]
    items = [*starts, mine, yours, row, again]
    (receipt,) = await sent(ingest, items, staff, alone=False)
    assert [refusal.uid for refusal in receipt.refused] == ["d"]
    a, b = await runs(store, "ab")
    assert (a.streams["primary"].events, b.streams) == (2, {})
    assert [one.rule for one in (*a.findings, *b.findings)] == ["conflict"] * 2


async def test_it_makes_no_run_and_shows_none_to_others(
    ingest: Ingest, store: Store
) -> None:
    ours, theirs = (Principal(name=name, scopes=STAFF) for name in ("us", "they"))
    await sent(ingest, copied()[0], ours, alone=True)
    (receipt,) = await sent(ingest, [described("b")], theirs, alone=True)
    (refusal,) = receipt.refused
    assert "in another run" in refusal.reason
    (a,) = await runs(store, "a")
    assert a.findings == ()
    assert await store.view(lambda tx: tx.runs.get("b")) is None


async def test_what_waited_is_compared_once_its_run_is_known(
    ingest: Ingest, store: Store, staff: Principal
) -> None:
    other = {**described("a")[1], "uid": "other", "name": "other"}
    waiting = ["event", {**event("e")[1], "descriptor": "other"}]
    items = [start("a"), described("a"), waiting, event("e"), ["descriptor", other]]
    for receipt in await sent(ingest, items, staff, alone=True):
        assert receipt.refused == ()
    (run,) = await runs(store, "a")
    assert [(one.rule, one.uid) for one in run.findings] == [("conflict", "e")]


def resource(run: str, uid: str) -> list[Any]:
    names = ("spec", "root", "resource_path")
    body = {**dict.fromkeys(names, "x"), "uid": uid, "resource_kwargs": {}}
    return ["resource", {**body, "run_start": run}]


async def test_the_same_uid_of_another_kind_is_none(
    ingest: Ingest, staff: Principal
) -> None:
    items = [start("a"), described("a"), start("b"), resource("b", "d")]
    for receipt in await sent(ingest, items, staff, alone=True):
        assert receipt.refused == ()


async def test_a_resource_of_several_runs_is_sent_with_each(
    ingest: Ingest, store: Store, staff: Principal
) -> None:
    for run, accepted in (("a", 3), ("b", 2)):
        datum = {"datum_id": "dark/0", "resource": "dark", "datum_kwargs": {}}
        items = [start(run), resource(run, "dark"), ["datum", datum]]
        (receipt,) = await sent(ingest, items, staff, alone=False)
        assert (receipt.accepted, receipt.refused) == (accepted, ())
    for found in await runs(store, "ab"):
        assert found.findings == ()
