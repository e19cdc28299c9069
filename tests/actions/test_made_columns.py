"""Stretches: what of an open run's streams was made columns of is not read again."""

import dataclasses
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.documents.samples import FOLDER, read

from quire.access.principals import Principal, Scope
from quire.actions.columns import ColumnViews
from quire.actions.external import ExternalData
from quire.actions.ingest import Ingest
from quire.actions.made_columns import Making
from quire.assets.registry import AssetFiles
from quire.documents.document import Document
from quire.documents.validation import Validator
from quire.ports.store import Store, Transaction
from quire.runs.columns.gathering import column_view
from quire.runs.columns.layout import ColumnView
from quire.runs.columns.selection import Selection
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.storage.parquet.files import ParquetFiles
from quire.testing.documents import (
    as_ndjson,
    as_page,
    document,
    make_descriptor,
    make_event,
    make_run,
    make_uid,
)
from quire.testing.still_clock import StillClock

STAFF = Principal(name="staff", scopes=frozenset({Scope.ADMIN_ALL}))
STRETCH = 3
WHOLE = Selection(uids=True, descriptors=True, superseded=True)


class Stand:
    """A store, its column views with short stretches, and what was sent."""

    def __init__(
        self, store: Store, ingest: Ingest, folder: Path, *, rest: float = 0.0
    ) -> None:
        self.files = ParquetFiles(folder)
        self.views = ColumnViews(
            store,
            self.files,
            ExternalData(store, AssetFiles([], {})),
            Making(least_rows=2, stretch_rows=STRETCH, rest=rest),
        )
        self._store = store
        self._ingest = ingest
        self._folder = folder

    async def send(self, documents: Sequence[Document]) -> None:
        receipt = await self._ingest(
            as_ndjson(documents), "application/x-ndjson", STAFF
        )
        assert not receipt.refused

    async def shown(self, run: str, stream: str = "primary") -> Any:
        opened = await self.views.open(run, stream, STAFF, by=None, selection=WHOLE)
        return pa.concat_tables([opened.schema.empty_table(), *opened.tables()])

    async def expected(self, run: str, stream: str = "primary") -> Any:
        """Return the same made of the stored documents at one go."""

        def look(tx: Transaction) -> ColumnView:
            stored = list(tx.documents.of_run(run))
            documents = [
                (document(one.name, body_of(one.raw)), one.repeated) for one in stored
            ]
            return column_view(stream, documents)

        view = await self._store.view(look)
        return view.table.select(WHOLE.names(view.table.schema))

    def names(self) -> list[str]:
        return sorted(path.name for path in self._folder.rglob("*.*"))


def body_of(raw: bytes) -> dict[str, Any]:
    import jiter

    body: dict[str, Any] = jiter.from_json(raw, allow_inf_nan=True)
    return body


def same(found: Any, expected: Any) -> bool:
    """Return whether two tables are alike, NaN being like NaN."""
    return bool(
        pa.schema(list(found.schema)).equals(
            pa.schema(list(expected.schema)), check_metadata=True
        )
        and repr(found.to_pylist()) == repr(expected.to_pylist())
    )


@pytest.fixture
def stand(store: Store, ingest: Ingest, tmp_path: Path) -> Stand:
    return Stand(store, ingest, tmp_path / "views")


def events(*numbers: int) -> list[Document]:
    return [document("event", make_event("s", n, ["key0", "key1"])) for n in numbers]


OPENING = make_run("s", 0, exit_status=None)
STOP = make_run("s", 0)[-1]
RUN = make_uid("s", "start")


async def test_an_open_run_gets_stretches_and_a_closed_one_a_file(stand: Stand) -> None:
    await stand.send([*OPENING, *events(1, 2, 3, 4)])
    assert await stand.views.refresh() == 0
    assert stand.names() == ["primary.0.arrow"]
    await stand.send(events(5, 6, 7, 8, 9, 10))
    await stand.views.refresh()
    assert stand.names() == [f"primary.{place}.arrow" for place in range(3)]
    assert same(await stand.shown(RUN), await stand.expected(RUN))
    await stand.send([STOP])
    assert await stand.views.refresh() == 1
    assert stand.names() == ["primary.parquet"]
    assert same(await stand.shown(RUN), await stand.expected(RUN))


async def test_what_a_stretch_stands_for_is_not_read_again(stand: Stand) -> None:
    await stand.send([*OPENING, *events(1, 2, 3, 4)])
    await stand.views.refresh()
    (stretch,) = stand.files.stretches(RUN, "primary")
    other = dataclasses.replace(stretch.chunk, time=stretch.chunk.time + 100)
    changed = dataclasses.replace(stretch, chunk=other)
    stand.files.add(RUN, "primary", 0, changed)
    times = (await stand.shown(RUN))["time"].to_pylist()
    base = 1_700_000_000.0
    assert times == [base + 101, base + 102, base + 103, base + 4]


async def test_a_document_that_waited_is_shown_among_the_older_ones(
    stand: Stand,
) -> None:
    late = make_event("s", 2, ["key0"]) | {"descriptor": "second"}
    described = make_descriptor(RUN, "second", ["key0", "key1"])
    await stand.send([document("event", late)])
    await stand.send([*OPENING, *events(1, 3, 4, 5)])
    await stand.views.refresh()
    assert stand.names() == ["primary.0.arrow"]
    await stand.send([document("descriptor", described)])
    shown = await stand.shown(RUN)
    assert shown["seq_num"].to_pylist() == [1, 2, 3, 4, 5]
    assert same(shown, await stand.expected(RUN))
    # Begun anew, a few at a time, once there is as much again.
    await stand.send(events(*range(6, 60)))
    for _ in range(12):
        await stand.shown(RUN)
        await stand.views.refresh()
    begun = stand.files.stretches(RUN, "primary")
    assert begun[0].chunk.seq_num.tolist()[0] == 2
    assert same(await stand.shown(RUN), await stand.expected(RUN))


async def test_no_stretch_is_made_while_an_event_waits_for_its_descriptor(
    stand: Stand,
) -> None:
    second = make_descriptor(RUN, "second", ["key0", "key1"])
    bulk = {"primary": [one.body for one in events(1, 2, 3, 4)]}
    bulk["primary"][1] = {**bulk["primary"][1], "descriptor": "second"}
    await stand.send([*OPENING, document("bulk_events", bulk), *events(5, 6, 7)])
    await stand.views.refresh()
    assert stand.names() == []
    await stand.send([document("descriptor", second)])
    await stand.views.refresh()
    assert "primary.0.arrow" in stand.names()
    shown = await stand.shown(RUN)
    assert shown["seq_num"].to_pylist() == list(range(1, 8))
    assert same(shown, await stand.expected(RUN))


async def test_stretches_are_but_views(stand: Stand, tmp_path: Path) -> None:
    await stand.send([*OPENING, *events(*range(1, 11))])
    await stand.views.refresh()
    expected = await stand.expected(RUN)
    first, second, third = sorted(tmp_path.rglob("*.arrow"))
    whole = first.read_bytes()
    for damage in (lambda: second.write_bytes(whole), third.unlink, first.unlink):
        damage()
        # What is kept of the last view is not asked for.
        await stand.send([OPENING[0], *events(11)])
        assert same(await stand.shown(RUN), await stand.expected(RUN))
    assert expected.num_rows == 10


async def test_a_cut_file_ends_the_stretches(stand: Stand, tmp_path: Path) -> None:
    await stand.send([*OPENING, *events(*range(1, 8))])
    await stand.views.refresh()
    _, second = sorted(tmp_path.rglob("*.arrow"))
    whole = second.read_bytes()
    for size in (0, 4, len(whole) // 2, len(whole) - 1):
        second.unlink()
        second.write_bytes(whole[:size])
        assert len(stand.files.stretches(RUN, "primary")) == 1
    assert same(await stand.shown(RUN), await stand.expected(RUN))


async def test_what_nobody_reads_leaves_time_to_others(
    store: Store, ingest: Ingest, tmp_path: Path
) -> None:
    stand = Stand(store, ingest, tmp_path / "views", rest=1e9)
    await stand.send([*OPENING, *events(1, 2, 3, 4)])
    await stand.views.refresh()
    await stand.send(events(*range(5, 20)))
    await stand.views.refresh()
    assert stand.names() == ["primary.0.arrow"]
    await stand.shown(RUN)
    await stand.views.refresh()
    assert len(stand.names()) > 1
    await stand.send([STOP])
    assert await stand.views.refresh() == 1


async def test_streams_have_their_own(stand: Stand) -> None:
    documents = read(FOLDER / "baseline_monitor.jsonl")[:-1]
    run = documents[0].body["uid"]
    for begin in range(0, len(documents), 7):
        await stand.send(documents[begin : begin + 7])
        await stand.views.refresh()
    streams = {one.body["name"] for one in documents if one.name.value == "descriptor"}
    assert len(streams) > 1
    assert stand.names()
    for stream in streams:
        shown = await stand.shown(run, stream)
        assert same(shown, await stand.expected(run, stream))


VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -7, 2**53 + 1, 2**70, 0.5, float("nan"), "a", [], [1], [[1.5]], {}]
)


def delivered(dice: random.Random, values: Sequence[Any]) -> list[Document]:
    """Return an open run: events, pages and bulk, two descriptors, rewound, mixed up."""
    second = make_descriptor(RUN, "second", ["key1", "key2"])
    rows = []
    for number, value in enumerate(values, 1):
        event = make_event("s", dice.randint(1, number), ["key0", "key1"])
        uids = {"uid": f"event {number}", "time": 1.7e9 + dice.randint(0, 3)}
        event |= {**uids, "data": {"key0": value, f"key{dice.randint(1, 2)}": number}}
        event["descriptor"] = dice.choice([event["descriptor"], "second"])
        rows.append(event)
    documents = [*OPENING, document("descriptor", second)]
    while rows:
        part, rows = rows[: (size := dice.randint(1, 4))], rows[size:]
        alike = (
            {one["descriptor"] for one in part},
            *{tuple(one["data"]) for one in part},
        )
        if len(part) > 1 and len(alike) == 2 and len(alike[0]) == 1:
            documents.append(document("event_page", as_page(part)))
        elif len(part) == 4:
            documents.append(document("bulk_events", {"primary": part}))
        else:
            documents += [document("event", one) for one in part]
    dice.shuffle(documents)
    return documents + dice.sample(documents, min(2, len(documents)))


@settings(max_examples=60, deadline=None)
@given(st.randoms(use_true_random=False), st.lists(VALUES, min_size=8, max_size=40))
async def test_stretches_change_nothing(
    dice: random.Random, values: Sequence[Any]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        store = MemoryStore(doorbell=LocalDoorbell())
        ingest = Ingest(store, Validator(), StillClock(1.8e9), lease=600.0)
        stand = Stand(store, ingest, Path(folder))
        left = delivered(dice, values)
        while left:
            size = dice.randint(1, 6)
            await stand.send(left[:size])
            left = left[size:]
            run = await store.view(lambda tx: tx.runs.get(RUN))
            if dice.random() < 0.5:
                await stand.views.refresh()
            if run is not None and "primary" in run.streams:
                assert same(await stand.shown(RUN), await stand.expected(RUN))
        await stand.views.refresh()
        assert same(await stand.shown(RUN), await stand.expected(RUN))
