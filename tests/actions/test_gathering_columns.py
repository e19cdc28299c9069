"""How many documents are read for stretches, and for columns that are read again."""

from pathlib import Path

import pytest
from tests.actions.standing import OPENING, RUN, STOP, Stand, events, same
from tests.actions.watched import WatchedStore

from quire.actions.gathering_columns import Gathered, Stretched, gathered, stretched
from quire.actions.ingest import Ingest
from quire.actions.recent_columns import Known, RecentColumns
from quire.documents.document import Document
from quire.documents.validation import Validator
from quire.ports.store import Transaction
from quire.runs.columns.stretch import Stretch
from quire.testing.documents import as_page, document, make_descriptor, make_event
from quire.testing.still_clock import StillClock

SAMPLE = 1_000
A_STRETCH = 1_200
KEY = (RUN, "primary")


@pytest.fixture
def watched() -> WatchedStore:
    return WatchedStore()


@pytest.fixture
def stand(watched: WatchedStore, validator: Validator, tmp_path: Path) -> Stand:
    ingest = Ingest(watched, validator, StillClock(1.8e9), lease=600.0)
    return Stand(watched, ingest, tmp_path / "views")


async def made(
    store: WatchedStore, *behind: Stretch, block_rows: int = A_STRETCH
) -> Stretched:
    """Return what becomes of the stretches, the reading counted from zero."""

    def look(tx: Transaction) -> Stretched:
        run = tx.runs.get(RUN)
        assert run is not None
        return stretched(tx, run, "primary", behind, block_rows=block_rows)

    store.read = 0
    return await store.view(look)


def pages(count: int, text: str, *, behind: int = 0) -> list[Document]:
    """Return pages of a hundred events each that hold a text, behind so many others."""
    rows = [
        make_event("s", number, ["key0"]) | {"data": {"key0": text}}
        for number in range(100 * behind + 1, 100 * (behind + count) + 1)
    ]
    parts = (rows[begin : begin + 100] for begin in range(0, len(rows), 100))
    return [document("event_page", as_page(part)) for part in parts]


async def test_a_sample_tells_that_there_is_no_stretch_yet(
    stand: Stand, watched: WatchedStore
) -> None:
    await stand.send([*OPENING, *events(*range(1, A_STRETCH))])
    found = await made(watched)
    assert (list(found.new), found.next_rows) == ([], A_STRETCH)
    assert watched.read == len(OPENING) + SAMPLE


async def test_where_the_events_suffice_the_look_goes_on(
    stand: Stand, watched: WatchedStore
) -> None:
    await stand.send([*OPENING, *events(*range(1, A_STRETCH + 1))])
    found = await made(watched)
    assert [one.chunk.rows for one in found.new] == [A_STRETCH]
    assert found.next_rows == A_STRETCH
    assert watched.read == len(OPENING) + A_STRETCH


@pytest.mark.parametrize(("size", "stretches"), [(10, []), (14_000, [1_200])])
async def test_the_sample_tells_of_large_rows_that_fewer_suffice(
    stand: Stand, watched: WatchedStore, size: int, stretches: list[int]
) -> None:
    await stand.send([*OPENING, *pages(13, "a" * size)])
    found = await made(watched, block_rows=32_768)
    assert [one.chunk.rows for one in found.new] == stretches
    assert watched.read == len(OPENING) + (13 if stretches else SAMPLE // 100)


async def test_no_sample_stops_behind_a_stretch(
    stand: Stand, watched: WatchedStore
) -> None:
    left = 2 * A_STRETCH + SAMPLE + 50
    await stand.send([*OPENING, *events(*range(1, left + 1))])
    found = await made(watched)
    assert [one.chunk.rows for one in found.new] == [A_STRETCH, A_STRETCH]
    assert watched.read == len(OPENING) + left
    again = await made(watched, *found.new)
    assert (again.kept, list(again.new)) == (2, [])
    assert watched.read == SAMPLE + 50


async def test_nor_where_the_rows_behind_it_are_smaller(
    stand: Stand, watched: WatchedStore
) -> None:
    await stand.send([*OPENING, *pages(12, "a" * 14_000)])
    found = await made(watched, block_rows=32_768)
    await stand.send(pages(15, "a", behind=12))
    again = await made(watched, *found.new, block_rows=32_768)
    assert (again.kept, list(again.new)) == (1, [])
    assert watched.read == 15


async def test_a_document_is_read_once_while_its_run_goes_on(
    stand: Stand, watched: WatchedStore
) -> None:
    await stand.send([*OPENING, *events(*range(1, 21))])
    for last in range(21, 30):
        await stand.shown(RUN)
        await stand.send(events(last))
        watched.read = 0
        shown = await stand.shown(RUN)
        assert watched.read == 1
        assert same(shown, await stand.expected(RUN))
    watched.read = 0
    await stand.shown(RUN)
    assert watched.read == 0
    await stand.send([STOP])
    assert same(await stand.shown(RUN), await stand.expected(RUN))


async def test_what_may_still_change_is_read_again(
    stand: Stand, watched: WatchedStore
) -> None:
    waiting = make_event("s", 9, ["key0"]) | {"descriptor": "second"}
    bulk = {"primary": [events(1)[0].body, waiting]}
    await stand.send([*OPENING, document("bulk_events", bulk)])
    for _ in range(2):
        watched.read = 0
        await stand.shown(RUN)
        assert watched.read == len(OPENING) + 1


async def found_in(store: WatchedStore, *behind: Stretch) -> Gathered:
    def look(tx: Transaction) -> Gathered:
        run = tx.runs.get(RUN)
        assert run is not None
        return gathered(tx, run, "primary", behind)

    return await store.view(look)


async def test_a_row_that_came_alone_while_its_bulk_waited_is_shown_once(
    stand: Stand, watched: WatchedStore
) -> None:
    first = make_event("s", 1, ["key0"]) | {"descriptor": "second"}
    second = make_descriptor(RUN, "second", ["key0"], "other")
    (alone,) = events(2)
    await stand.send([document("bulk_events", {"all": [first, alone.body]})])
    await stand.send([*OPENING, alone])
    await stand.send([document("descriptor", second)])
    view = (await found_in(watched)).view
    assert (view.table.column("seq_num").to_pylist(), view.superseded) == ([2], 0)


async def test_stretches_are_forgotten_after_a_minute(
    stand: Stand, watched: WatchedStore
) -> None:
    await stand.send([*OPENING, *events(1, 2, 3)])
    recent = RecentColumns()
    recent.keep(KEY, Known(), await found_in(watched), 100.0)
    recent.forget_unread(160.0)
    known = recent.of(KEY)
    assert known is not None
    assert known.nbytes > 0
    recent.forget_unread(160.5)
    assert recent.of(KEY) is None


async def test_the_longest_unread_make_room(
    stand: Stand, watched: WatchedStore
) -> None:
    await stand.send([*OPENING, *events(1, 2, 3)])
    found = await found_in(watched)
    size = Known().followed_by(found.new).nbytes
    recent = RecentColumns(most_bytes=2 * size)
    for name in ("a", "b", "a", "c"):
        recent.keep((RUN, name), Known(), found, 0.0)
    assert [recent.of((RUN, name)) is None for name in "abc"] == [False, True, False]
    recent = RecentColumns(most_bytes=size - 1)
    recent.keep(KEY, Known(), found, 0.0)
    assert recent.of(KEY) is None


async def test_many_short_pieces_are_put_together_anew(
    stand: Stand, watched: WatchedStore
) -> None:
    await stand.send([*OPENING, *events(1)])
    recent, known = RecentColumns(), Known()
    for number in range(2, 40):
        found = await found_in(watched, *known.stretches)
        recent.keep(KEY, known, found, 0.0)
        known = recent.of(KEY) or Known()
        assert len(known.new) <= 16
        await stand.send(events(number))
    assert len(known.new) == 38 % 17
