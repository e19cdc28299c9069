"""Column views in Parquet files."""

import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from quire.runs.columns.gathering import Gathering, column_view
from quire.runs.columns.layout import ColumnView
from quire.runs.columns.selection import Selection
from quire.runs.columns.stretch import BEGIN, Mark, Stretch
from quire.storage.parquet.files import ParquetFiles
from quire.testing.documents import make_run, make_uid


@pytest.fixture
def view() -> ColumnView:
    return column_view("primary", [(one, ()) for one in make_run(0, 10)])


@pytest.fixture
def kept(tmp_path: Path) -> ParquetFiles:
    return ParquetFiles(tmp_path)


def test_what_was_written_is_found(kept: ParquetFiles, view: ColumnView) -> None:
    assert kept.find("run", "primary", 12) is None
    kept.write("run", "primary", 12, view)
    found = kept.find("run", "primary", 12)
    assert found is not None
    for _ in range(2):
        (table,) = found.read(Selection(uids=True, superseded=True))
        assert table.equals(view.table)
    assert kept.find("run", "primary", 13) is None
    assert kept.find("run", "baseline", 12) is None
    kept.write("run", "primary", 13, view)
    assert kept.find("run", "primary", 13) is not None
    # What was found before can still be read.
    (table,) = found.read(Selection(uids=True, superseded=True))
    assert table.num_rows == 10
    kept.remove("run")
    assert kept.find("run", "primary", 13) is None


def test_only_the_wanted_columns_are_read(kept: ParquetFiles, view: ColumnView) -> None:
    kept.write("run", "primary", 1, view)
    found = kept.find("run", "primary", 1)
    assert found is not None
    (table,) = found.read(Selection(columns=("key1",), timestamps=False))
    assert table.column_names == ["seq_num", "time", "superseded", "data/key1"]
    assert list(found.read(Selection(after=10))) == []


@pytest.mark.parametrize(
    "name",
    ["../../etc", "/abs", ".", "..", "a/b", "x" * 500, "µ", "", "con\0", "\ud800"],
)
def test_odd_names_stay_in_the_folder(
    name: str, kept: ParquetFiles, view: ColumnView, tmp_path: Path
) -> None:
    kept.write("run" + name, name, 1, view)
    assert kept.find("run" + name, name, 1) is not None
    (file,) = tmp_path.rglob("*.parquet")
    assert file.relative_to(tmp_path).parts[0] == "streams"
    assert len(file.relative_to(tmp_path).parts) == 4
    assert kept.find("run" + name, name + "x", 1) is None


def test_a_half_written_file_is_none(
    kept: ParquetFiles, view: ColumnView, tmp_path: Path
) -> None:
    kept.write("run", "primary", 1, view)
    (file,) = tmp_path.rglob("*.parquet")
    whole = file.read_bytes()
    for size in (0, 4, len(whole) // 2, len(whole) - 1):
        file.write_bytes(whole[:size])
        assert kept.find("run", "primary", 1) is None
    file.write_bytes(whole)
    assert kept.find("run", "primary", 1) is not None


def test_what_a_killed_server_left_is_cleared(
    kept: ParquetFiles, view: ColumnView, tmp_path: Path
) -> None:
    kept.write("run", "primary", 1, view)
    (file,) = tmp_path.rglob("*.parquet")
    left, others = file.parent / "abc.part", file.parent / "def.part"
    for part in (left, others):
        part.write_bytes(b"half")
    os.utime(left, (1.7e9, 1.7e9))
    kept.write("run", "primary", 2, view)
    # Another server on the folder may be writing.
    assert sorted(file.parent.iterdir()) == [others, file]


def test_a_write_that_fails_changes_nothing(
    kept: ParquetFiles, view: ColumnView, tmp_path: Path
) -> None:
    kept.write("run", "primary", 1, view)
    (file,) = tmp_path.rglob("*.parquet")
    before = file.read_bytes()
    file.unlink()
    file.mkdir()
    with pytest.raises(OSError, match=str(file)):
        kept.write("run", "primary", 2, view)
    file.rmdir()
    file.write_bytes(before)
    assert list(file.parent.iterdir()) == [file]


def test_it_is_a_plain_parquet_file(
    kept: ParquetFiles, view: ColumnView, tmp_path: Path
) -> None:
    kept.write("run", "primary", 1, view)
    (file,) = tmp_path.rglob("*.parquet")
    assert pq.read_table(file).num_rows == 10
    group = pq.ParquetFile(file).metadata.row_group(0)
    columns = [group.column(place) for place in range(group.num_columns)]
    by_name = {one.path_in_schema: one for one in columns}
    assert by_name["uid"].compression == by_name["superseded"].compression == "ZSTD"
    for name in ("seq_num", "time", "data/key1", "timestamps/key1"):
        assert by_name[name].compression == "LZ4"
        assert "BYTE_STREAM_SPLIT" in by_name[name].encodings
    assert group.column(0).statistics.max == 10


def test_columns_of_all_types_come_back(kept: ParquetFiles, view: ColumnView) -> None:
    deep = pa.list_(pa.list_(pa.float64(), 2), 1)
    added = {
        "data/frames": pa.array([[[0.5, n]] for n in range(10)], deep),
        "data/ragged": pa.array(
            [[1] * n for n in range(10)], pa.large_list(pa.int64())
        ),
        "data/texts": pa.array(
            [["a"] * n for n in range(10)], pa.large_list(pa.string())
        ),
        # What an undeclared key of an event may be named.
        "data/ragged.list.element": pa.array(["a"] * 10),
        "data/flags": pa.array([True, None] * 5),
        "data/nothing": pa.nulls(10),
        "data/small": pa.array(range(10), "uint8"),
        "data/halves": pa.array(np.arange(10, dtype="float16")),
    }
    table = view.table
    for name, column in added.items():
        table = table.append_column(name, column)
    kept.write("run", "primary", 1, replace(view, table=table))
    found = kept.find("run", "primary", 1)
    assert found is not None
    (back,) = found.read(Selection(timestamps=False))
    assert back.select(list(added)).equals(table.select(list(added)))


def stretch_of(place: int) -> Stretch:
    gathering = Gathering({make_uid(0, "descriptor"): "primary"}, "primary")
    for one in make_run(0, 4):
        gathering.take(one)
    gathering.view()
    found = gathering.stretch(Mark(10 * place, place), Mark(10 * place + 10, place + 1))
    assert found is not None
    return found if place else replace(found, begin=BEGIN)


def test_stretches_are_given_as_far_as_they_follow_each_other(
    kept: ParquetFiles, view: ColumnView, tmp_path: Path
) -> None:
    assert kept.stretches("run", "primary") == []
    for place in (0, 1, 3):
        kept.add("run", "primary", place, stretch_of(place))
    assert len(kept.stretches("run", "primary")) == 2
    # What follows another end than this one's is none.
    kept.add("run", "primary", 2, stretch_of(3))
    first, second = kept.stretches("run", "primary")
    assert (first.begin, first.end) == (BEGIN, second.begin)
    assert first.chunk.seq_num.tolist() == [1, 2, 3, 4]
    kept.add("run", "primary", 2, stretch_of(2))
    assert len(kept.stretches("run", "primary")) == 4
    assert kept.stretches("run", "primary.0") == []
    kept.write("run", "primary", 7, view)
    assert [path.name for path in tmp_path.rglob("*.*")] == ["primary.parquet"]
    # What was read before can still be used.
    assert second.chunk.uid.to_pylist() == first.chunk.uid.to_pylist()


def test_a_stretch_of_another_layout_is_none(
    kept: ParquetFiles, tmp_path: Path
) -> None:
    kept.add("run", "primary", 0, stretch_of(0))
    (file,) = tmp_path.rglob("*.arrow")
    table = pa.table({"0": [1]})
    with pa.OSFile(str(file), "wb") as out, pa.ipc.new_file(out, table.schema) as made:
        made.write_table(table)
    assert kept.stretches("run", "primary") == []
