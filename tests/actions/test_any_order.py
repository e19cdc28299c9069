"""The final state does not depend on the order in which documents come.

P5 of ``reference/reliability.md``: shuffled, repeated, interleaved, late, cut and
orphaned documents end alike, over a thousand permutations.
"""

import random
from collections import Counter
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec.structs import replace
from tests.documents.samples import FOLDER, GOOD, read

from quire.access.principals import Principal, Scope
from quire.actions.intake import Intake
from quire.actions.rebuilding import differences, refolded
from quire.documents.document import Document
from quire.ports.store import Transaction
from quire.runs.run import Run
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.testing.documents import (
    document,
    make_descriptor,
    make_event,
    make_run,
    make_uid,
)

STAFF = Principal(name="staff", scopes=frozenset({Scope.ADMIN_ALL}))
PERMUTATIONS = 40  # of each of the cases below: a thousand in all
Final = tuple[dict[str, Run], Counter[tuple[str | None, bytes]]]


OLD_RESOURCE = {
    "uid": "old resource",
    "spec": "NPY_SEQ",
    "root": "/",
    "resource_path": "x",
    "resource_kwargs": {},
}


def old_run() -> list[Document]:
    """Return a run as old data has it: its resource does not name it."""
    start, _, *_, stop = make_run("old", 2)
    run, descriptor = make_uid("old", "start"), make_uid("old", "descriptor")
    body = make_descriptor(run, descriptor, ["image"])
    body["data_keys"]["image"] = {
        **body["data_keys"]["image"],
        "dtype": "array",
        "external": "FILESTORE:",
    }
    rows: list[Document] = []
    for number in (1, 2):
        name = f"old resource/{number}"
        event = {
            "uid": make_uid("old", number),
            "descriptor": descriptor,
            "seq_num": number,
            "time": 1.7e9 + number,
            "data": {"image": name},
            "timestamps": {"image": 1.7e9},
            "filled": {"image": False},
        }
        datum = {"datum_id": name, "resource": "old resource", "datum_kwargs": {}}
        rows += [document("datum", datum), document("event", event)]
    described = document("descriptor", body)
    return [start, described, document("resource", OLD_RESOURCE), *rows, stop]


def bulks() -> list[Document]:
    """Return a run of `bulk_events` with events of two streams, which break rules."""
    start, described, *_, stop = make_run("bulks", 2, keys=1)
    run = make_uid("bulks", "start")
    descriptor, resource = make_uid("bulks", "other"), make_uid("bulks", "resource")
    datum = f"{resource}/1"
    other = {**make_descriptor(run, descriptor, ["image"]), "name": "other"}
    other["data_keys"]["image"] |= {"dtype": "array", "external": "FILESTORE:"}
    own = [make_event("bulks", number, ["key0"]) for number in (1, 2)]
    own[1]["data"] = {"key0": "text"}
    image = {**make_event("image", 1, ["image"]), "descriptor": descriptor}
    image |= {"data": {"image": datum}, "timestamps": {}}
    return [
        start,
        described,
        document("descriptor", other),
        document("bulk_events", {"primary": own[:1], "other": [image]}),
        document("bulk_events", {"primary": own[1:]}),
        document(
            "datum", {"datum_id": datum, "resource": resource, "datum_kwargs": {}}
        ),
        document("resource", OLD_RESOURCE | {"uid": resource}),
        stop,
    ]


def sharing(case: str, name: str, *, resource: bool = True) -> list[Document]:
    """Return a run whose events name datums of a resource that others use, too."""
    uid, dark = make_uid(case, name), make_uid(case, "dark")
    body = make_descriptor(uid, f"{uid} d", ["image"])
    body["data_keys"]["image"] |= {"dtype": "array", "external": "FILESTORE:"}
    rows: list[Document] = []
    for number in (1, 2):
        datum_id = f"{dark}/{number}"
        event = {
            "uid": f"{uid} {number}",
            "descriptor": f"{uid} d",
            "seq_num": number,
            "time": 1.7e9 + number,
            "data": {"image": datum_id},
            "timestamps": {"image": 1.7e9},
        }
        datum = {"datum_id": datum_id, "resource": dark, "datum_kwargs": {}}
        rows += [document("datum", datum), document("event", event)]
    stop = {"uid": f"{uid} s", "run_start": uid, "time": 2e9, "exit_status": "success"}
    sent = OLD_RESOURCE | {"uid": dark, "run_start": uid}
    return [
        document("start", {"uid": uid, "time": 1.7e9}),
        document("descriptor", body),
        *([document("resource", sent)] if resource else []),
        *rows,
        document("stop", stop),
    ]


def in_two_forms() -> list[Document]:
    """Return a run of which some events come alone and in `bulk_events`, too."""
    start, described, *events, stop = make_run("forms", 4, keys=1)
    run = make_uid("forms", "start")
    other = make_descriptor(run, "other", ["key0"], "other")
    bodies = [one.body for one in events]
    bodies[1]["descriptor"] = bodies[3]["descriptor"] = "other"
    return [
        start,
        described,
        document("descriptor", other),
        document("bulk_events", {"primary": bodies[:2], "other": bodies[2:]}),
        document("bulk_events", {"other": bodies[3:], "primary": bodies[:1]}),
        *(document("event", body) for body in bodies[1:3]),
        stop,
    ]


def interleaved(*names: str) -> list[Document]:
    return [one for name in names for one in read(FOLDER / f"{name}.jsonl")]


def cut(name: str, *places: int) -> list[Document]:
    """Return a file without the documents at some places: orphans, no stop."""
    documents = read(FOLDER / f"{name}.jsonl")
    gone = {place % len(documents) for place in places}
    return [one for place, one in enumerate(documents) if place not in gone]


CASES: dict[str, list[Document]] = {
    **{path.stem: read(path) for path in GOOD if "load" not in path.name},
    "old": old_run(),
    "bulks": bulks(),
    "shared": [one for name in "abc" for one in sharing("shared", name)],
    "staged once": [
        *sharing("once", "a"),
        *sharing("once", "b", resource=False),
    ],
    "interleaved": interleaved("scan", "count", "grid_scan", "failed_run"),
    "without start": cut("scan", 0),
    "without descriptor": cut("scan", 1),
    "without stop": cut("baseline_monitor", -1),
    "with a gap": cut("scan", 4, 7, -1),
    "without resource": cut("external_resource_datum", 2),
    "without stream_resource": cut("external_stream_assets", 2, 3),
}


class Delivery:
    """A store, and what is sent to it."""

    def __init__(self) -> None:
        self._store = MemoryStore(doorbell=LocalDoorbell())

    async def take(self, documents: Sequence[Document]) -> None:
        items = list(enumerate(documents))

        def decide(tx: Transaction) -> None:
            intake = Intake(tx, owner=STAFF, now=1.8e9, lease=600.0)
            intake.take(items)
            assert intake.refused == []
            assert intake.accepted + intake.repeated == len(items)

        await self._store.decide(decide)

    async def final(self) -> Final:
        """Return all runs, and which documents they have."""

        def look(tx: Any) -> Final:
            kept = Counter((run, one.raw) for run, one in tx.documents.everything())
            uids = {run for run, _ in kept if run is not None}
            runs = {uid: replace(tx.runs.get(uid), borrowers=()) for uid in uids}
            for run in runs.values():
                folded = refolded(tx, run)
                assert isinstance(folded, Run)
                assert differences(run, folded) == ()
            return runs, kept

        return await self._store.view(look)


async def sent(documents: Sequence[Document], dice: random.Random | None) -> Final:
    """Return what becomes of documents: in their order, or mixed up by dice."""
    delivery = Delivery()
    left = list(documents)
    if dice is not None:
        left += dice.choices(left, k=dice.randint(0, len(left)))
        dice.shuffle(left)
    while left:
        size = len(left) if dice is None else dice.randint(1, len(left))
        await delivery.take(left[:size])
        left = left[size:]
    return await delivery.final()


@pytest.mark.parametrize("name", list(CASES))
async def test_any_order_ends_alike(name: str) -> None:
    documents = CASES[name]
    expected = await sent(documents, None)
    for seed in range(PERMUTATIONS):
        dice = random.Random(f"{name} {seed}")
        assert await sent(documents, dice) == expected, f"seed {seed}"


async def test_rows_that_came_in_two_forms_count_once() -> None:
    documents = in_two_forms()
    (expected,) = (await sent(documents, None))[0].values()
    assert {name: one.events for name, one in expected.streams.items()} == {
        "primary": 2,
        "other": 2,
    }
    for seed in range(PERMUTATIONS):
        runs, _ = await sent(documents, random.Random(seed))
        # How many forms of a row are stored is told by their order.
        (run,) = runs.values()
        run = replace(run, documents=expected.documents)
        assert run == expected, f"seed {seed}"


def test_it_is_a_thousand_permutations() -> None:
    assert PERMUTATIONS * len(CASES) >= 1000


async def test_orphans_are_kept_and_the_lost_are_named() -> None:
    runs, kept = await sent(CASES["without descriptor"], None)
    waiting = [raw for run, raw in kept if run is None]
    assert len(waiting) == len(read(FOLDER / "scan.jsonl")) - 3
    (run,) = runs.values()
    assert run.streams == {}
    runs, _ = await sent(CASES["without stream_resource"], None)
    (run,) = runs.values()
    assert "unknown_reference" in {one.rule for one in run.findings}


async def test_a_resource_of_old_data_belongs_to_the_run_that_names_its_datum() -> None:
    documents = CASES["old"]
    runs, kept = await sent(documents, None)
    (run,) = runs.values()
    assert {uid for uid, _ in kept} == {run.uid}
    assert run.documents == len(documents)
    assert run.findings == ()


async def test_bulks_are_judged_and_name_their_datums() -> None:
    documents = CASES["bulks"]
    runs, kept = await sent(documents, None)
    (run,) = runs.values()
    assert {uid for uid, _ in kept} == {run.uid}
    rules = {one.rule for one in run.findings}
    assert rules == {"dtype", "num_events", "unequal_keys"}  # of one stream it tells
    assert run.unjudged == {}
