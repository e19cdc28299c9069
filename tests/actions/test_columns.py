"""Column views on both stores: from the pages, and from the file of a closed run."""

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from event_model import Filler
from ophyd.sim import NumpySeqHandler
from tests.documents.samples import FOLDER, read

from quire.access.principals import Principal
from quire.actions.columns import ColumnViews, OpenStream
from quire.actions.external import ExternalData
from quire.actions.ingest import Ingest
from quire.actions.made_columns import Making
from quire.assets.registry import AssetFiles
from quire.documents.document import Document
from quire.errors import InputError, NotFound
from quire.ports.store import Store
from quire.runs.columns.selection import Selection
from quire.storage.parquet.files import ParquetFiles
from quire.testing.documents import as_ndjson, document, make_event, make_run, make_uid

EVERYTHING = Selection()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "views"


@pytest.fixture
def views(store: Store, folder: Path) -> ColumnViews:
    moved = {"/example/assets": str(FOLDER / "assets")}
    external = ExternalData(store, AssetFiles([FOLDER / "assets"], moved))
    return ColumnViews(store, ParquetFiles(folder), external, Making(least_rows=2))


async def send(ingest: Ingest, who: Principal, documents: Sequence[Document]) -> str:
    raw = as_ndjson(documents)
    receipt = await ingest(raw, "application/x-ndjson", who)
    assert not receipt.refused
    return str(documents[0].body.get("uid", ""))


def whole(opened: OpenStream) -> Any:
    return pa.concat_tables([opened.schema.empty_table(), *opened.tables()])


def files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.parquet"))


async def read_all(
    views: ColumnViews, run: str, who: Principal, selection: Selection = EVERYTHING
) -> Any:
    return whole(await views.open(run, "primary", who, by=None, selection=selection))


async def test_a_closed_run_gets_a_file_that_gives_the_same(
    views: ColumnViews, ingest: Ingest, staff: Principal, folder: Path
) -> None:
    run = await send(ingest, staff, read(FOLDER / "scan.jsonl"))
    before = await read_all(views, run, staff)
    assert await views.refresh() == 1
    assert len(files(folder)) == 1
    assert await views.refresh() == 0
    after = await read_all(views, run, staff)
    assert after.equals(before, check_metadata=True)
    part = Selection(after=1, limit=2, columns=("motor1",), timestamps=False)
    assert (await read_all(views, run, staff, part))["seq_num"].to_pylist() == [2, 3]


async def test_an_open_run_has_no_file_and_can_be_read(
    views: ColumnViews, ingest: Ingest, staff: Principal, folder: Path
) -> None:
    documents = make_run("open", 5, exit_status=None)
    run = await send(ingest, staff, documents)
    assert await views.refresh() == 0
    assert not files(folder)
    assert (await read_all(views, run, staff)).num_rows == 5
    await send(ingest, staff, [document("event", make_event("open", 6, ["key0"]))])
    assert (await read_all(views, run, staff)).num_rows == 6


async def test_a_late_document_makes_the_file_anew(
    views: ColumnViews, ingest: Ingest, staff: Principal, folder: Path
) -> None:
    run = await send(ingest, staff, make_run("late", 5))
    assert await views.refresh() == 1
    late = document("event", make_event("late", 6, ["key0", "key1"]))
    await send(ingest, staff, [late])
    assert (await read_all(views, run, staff)).num_rows == 6
    assert await views.refresh() == 1
    assert (await read_all(views, run, staff)).num_rows == 6
    assert len(files(folder)) == 1


async def test_a_file_is_but_a_view(
    views: ColumnViews, ingest: Ingest, staff: Principal, folder: Path
) -> None:
    run = await send(ingest, staff, make_run("view", 5))
    before = await read_all(views, run, staff)
    await views.refresh()
    for file in files(folder):
        file.write_bytes(file.read_bytes()[:-7])
    assert (await read_all(views, run, staff)).equals(before)
    shutil.rmtree(folder)
    assert (await read_all(views, run, staff)).equals(before)


async def test_a_stream_that_cannot_be_kept_harms_nobody(
    views: ColumnViews, ingest: Ingest, staff: Principal, folder: Path
) -> None:
    folder.write_text("a file where a folder should be")
    run = await send(ingest, staff, make_run("unkept", 5))
    assert await views.refresh() == 0
    assert (await read_all(views, run, staff)).num_rows == 5


async def test_datums_are_read_beside_the_file_of_a_closed_run(
    views: ColumnViews, ingest: Ingest, staff: Principal, folder: Path
) -> None:
    run = await send(ingest, staff, read(FOLDER / "external_resource_datum.jsonl"))
    expected = [np.load(FOLDER / f"assets/1a3fad_{n}.npy") for n in range(4)]
    for _ in range(2):
        table = await read_all(views, run, staff, Selection(assets=True))
        assert np.array_equal(table["data/img"].to_pylist(), expected)
        await views.refresh()
    assert len(files(folder)) == 1


async def test_what_is_read_is_what_the_filler_fills(
    views: ColumnViews, ingest: Ingest, staff: Principal
) -> None:
    documents = read(FOLDER / "external_resource_datum.jsonl")
    run = await send(ingest, staff, documents)
    table = await read_all(views, run, staff, Selection(assets=True))
    filler = Filler(
        {"NPY_SEQ": NumpySeqHandler},
        root_map={"/example/assets": str(FOLDER / "assets")},
        inplace=False,
        retry_intervals=[],
    )
    filled = [filler(one.name.value, one.body) for one in documents]
    expected = [body["data"]["img"] for name, body in filled if name == "event"]
    assert np.array_equal(table["data/img"].to_pylist(), expected)


async def test_one_that_failed_is_made_when_it_is_read_again(
    views: ColumnViews, ingest: Ingest, staff: Principal, folder: Path
) -> None:
    folder.write_text("a file where a folder should be")
    run = await send(ingest, staff, make_run("again", 5))
    assert await views.refresh() == 0
    folder.unlink()
    assert await views.refresh() == 0
    await read_all(views, run, staff)
    assert await views.refresh() == 1


async def test_a_datum_that_has_not_come_harms_no_other(
    views: ColumnViews, ingest: Ingest, staff: Principal
) -> None:
    documents = read(FOLDER / "external_resource_datum.jsonl")
    datums = [one for one in documents if one.name.value == "datum"]
    lacking = [one for one in documents if one is not datums[1]]
    run = await send(ingest, staff, lacking)
    table = await read_all(views, run, staff, Selection(assets=True))
    cells = table["data/img"].to_pylist()
    assert [cell is None for cell in cells] == [False, True, False, False]
    named = Selection(columns=("img",))
    with pytest.raises(InputError, match="a datum that has not come"):
        await read_all(views, run, staff, named)
    await send(ingest, staff, [datums[1]])
    table = await read_all(views, run, staff, named)
    assert table["data/img"].null_count == 0


async def test_a_rewind_shows_the_later_datum(
    views: ColumnViews, ingest: Ingest, staff: Principal
) -> None:
    documents = read(FOLDER / "external_resource_datum.jsonl")
    last = [one for one in documents if one.name.value == "event"][-1].body
    again = {**last, "uid": make_uid("again"), "time": last["time"] + 1}
    again["data"] = {**last["data"], "img": documents[3].body["datum_id"]}
    run = await send(ingest, staff, [*documents, document("event", again)])
    asked = Selection(columns=("img",), superseded=True)
    table = await read_all(views, run, staff, asked)
    cells = table["data/img"].to_pylist()
    assert table["superseded"].to_pylist() == [False, False, False, True, False]
    assert cells[3] is None
    assert cells[4] == cells[0]


async def test_streams_that_one_may_not_see_are_not_there(
    views: ColumnViews, ingest: Ingest, staff: Principal, visitor: Principal
) -> None:
    run = await send(ingest, staff, make_run("hidden", 3))
    with pytest.raises(NotFound):
        await read_all(views, run, visitor)
    with pytest.raises(NotFound):
        await views.configuration(run, "primary", visitor, by=None)
    with pytest.raises(NotFound):
        await views.external_column(run, "primary", "key0", visitor, by=None)


async def test_configuration_is_in_the_order_of_time(
    views: ColumnViews, ingest: Ingest, staff: Principal
) -> None:
    documents = read(FOLDER / "multi_stream_configure.jsonl")
    run = await send(ingest, staff, documents)
    found = await views.configuration(run, "primary", staff, by=None)
    times = [one["time"] for one in found.descriptors]
    assert times == sorted(times)
    assert json.dumps(found.descriptors)
