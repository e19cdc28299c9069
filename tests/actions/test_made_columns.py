"""Stretches: what of an open run's streams was made columns of is not read again."""

import dataclasses
import random
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.actions.standing import (
    OPENING,
    RUN,
    STOP,
    VALUES,
    Stand,
    delivered,
    events,
    same,
)
from tests.documents.samples import FOLDER, read

from quire.actions.ingest import Ingest
from quire.documents.validation import Validator
from quire.ports.store import Store
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.testing.documents import document, make_descriptor, make_event
from quire.testing.still_clock import StillClock


@pytest.fixture
def stand(store: Store, ingest: Ingest, tmp_path: Path) -> Stand:
    return Stand(store, ingest, tmp_path / "views")


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


async def test_a_server_among_several_makes_files_of_what_is_read_there_alone(
    stand: Stand,
) -> None:
    await stand.send([*OPENING, *events(1, 2, 3, 4), STOP])
    assert await stand.views.refresh(newest=False) == 0
    await stand.shown(RUN)
    assert await stand.views.refresh(newest=False) == 1
    assert stand.names() == ["primary.parquet"]
