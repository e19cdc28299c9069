"""Columns of open runs, read while documents come: always those of a beginning."""

import asyncio
import random
import tempfile
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.actions.standing import RUN, VALUES, Stand, delivered, same
from tests.actions.watched import WatchedStore
from tests.documents.samples import FOLDER, read

from quire.actions.ingest import Ingest
from quire.assets.registry import AssetFiles
from quire.documents.document import Document
from quire.documents.validation import Validator
from quire.errors import NotFound
from quire.ports.store import Store
from quire.runs.columns.selection import Selection
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.storage.sqlite.store import SqliteStore
from quire.testing.still_clock import StillClock

MOVED = {"/example/assets": str(FOLDER / "assets")}
FILLED = Selection(assets=True)
TIMES = 8


def standing(store: Store, folder: Path) -> Stand:
    ingest = Ingest(store, Validator(), StillClock(1.8e9), lease=600.0)
    assets = AssetFiles([FOLDER / "assets"], MOVED)
    return Stand(store, ingest, folder / "views", assets=assets)


@asynccontextmanager
async def durable() -> AsyncIterator[Stand]:
    """Give a stand on a store whose readers are threads beside its writer."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        store = await SqliteStore.open(folder, doorbell=LocalDoorbell())
        try:
            yield standing(store, folder)
        finally:
            await store.aclose()


class Reading:
    """A table, and how many posts were acknowledged before and begun after it."""

    def __init__(self, table: Any, acknowledged: int, begun: int) -> None:
        self.table = table
        self.moments = range(acknowledged, begun + 1)


async def read_while_sent(
    stand: Stand,
    posts: Sequence[Sequence[Document]],
    look: Callable[[], Any],
    *,
    refresh: bool = False,
) -> list[Reading]:
    """Send posts one after another, and look as often as there is time."""
    acknowledged = begun = 0

    async def send() -> None:
        nonlocal acknowledged, begun
        for each in posts:
            begun += 1
            await stand.send(each)
            acknowledged += 1
            if refresh:
                await stand.views.refresh()

    readings: list[Reading] = []
    sending = asyncio.create_task(send())

    async def watch() -> None:
        ended = False
        while not ended:
            ended = sending.done()
            before = acknowledged
            table = await shown(look)
            readings.append(Reading(table, before, begun))

    await asyncio.gather(sending, watch(), watch())
    return readings


async def shown(look: Callable[[], Any]) -> Any:
    """Return a table, None if the run or the stream is not there yet."""
    try:
        return await look()
    except NotFound:
        return None


def alike(found: Any, expected: Any) -> bool:
    if found is None or expected is None:
        return found is expected
    return same(found, expected)


@settings(max_examples=25, deadline=None)
@given(
    st.randoms(use_true_random=False),
    st.lists(VALUES, min_size=8, max_size=40),
    st.booleans(),
)
async def test_an_open_run_is_shown_as_it_was_at_some_moment(
    dice: random.Random, values: Sequence[Any], refresh: bool
) -> None:
    left = delivered(dice, values)
    posts = []
    while left:
        size = dice.randint(1, 6)
        posts.append(left[:size])
        left = left[size:]
    async with durable() as stand:
        readings = await read_while_sent(
            stand, posts, lambda: stand.shown(RUN), refresh=refresh
        )
    with tempfile.TemporaryDirectory() as name:
        slow = standing(MemoryStore(doorbell=LocalDoorbell()), Path(name))
        expected = [None]
        for each in posts:
            await slow.send(each)
            there = await shown(lambda: slow.shown(RUN)) is not None
            expected.append(await slow.expected(RUN) if there else None)
    assert alike(readings[-1].table, expected[-1])
    for one in readings:
        assert any(alike(one.table, expected[moment]) for moment in one.moments)


@pytest.mark.parametrize("name", ["external_resource_datum", "external_stream_assets"])
async def test_an_event_is_never_shown_without_data_that_came_before_it(
    name: str,
) -> None:
    documents = read(FOLDER / f"{name}.jsonl")[:-1]
    run = documents[0].body["uid"]
    posts = [[one] for one in documents]

    def filled(stand: Stand) -> Any:
        return stand.shown(run, selection=FILLED)

    expected: list[list[Any]] = [[]]
    with tempfile.TemporaryDirectory() as folder:
        slow = standing(MemoryStore(doorbell=LocalDoorbell()), Path(folder))
        for each in posts:
            await slow.send(each)
            expected.append(rows(await shown(lambda: filled(slow))))
    for _ in range(TIMES):
        async with durable() as stand:
            readings = await read_while_sent(stand, posts, lambda: filled(stand))
        assert rows(readings[-1].table) == expected[-1]
        for one in readings:
            found = rows(one.table)
            assert any(found == expected[moment] for moment in one.moments)


async def test_events_that_come_between_two_looks_bring_their_data(
    tmp_path: Path,
) -> None:
    documents = read(FOLDER / "external_resource_datum.jsonl")
    run = documents[0].body["uid"]
    store = WatchedStore()
    stand = standing(store, tmp_path)
    await stand.send(documents[:5])
    image = Selection(columns=("img",))
    assert (await stand.shown(run, selection=image)).num_rows == 1
    # The run is looked up, then its columns, then what is known of its files.
    store.after_view = lambda: stand.send(documents[5:7])
    later = await stand.shown(run, selection=image)
    assert later.num_rows == 2
    assert later["data/img"].null_count == 0


def rows(table: Any) -> list[Any]:
    return [] if table is None else table.to_pylist()
