"""Stretches as Arrow tables, and back."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.documents.document import Document
from quire.runs.columns.cells import to_values
from quire.runs.columns.gathering import Gathering
from quire.runs.columns.stretch import BEGIN, Mark, Stretch, packed, unpacked
from quire.testing.documents import document, make_event, make_run, make_uid

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text(st.characters(codec="utf-8"))
)
COLUMNS = st.dictionaries(
    st.sampled_from(["x", "µ", "", "data"]),
    SCALARS | st.lists(SCALARS) | st.lists(st.lists(st.integers())),
    max_size=3,
)


def stretch_of(events: list[Document]) -> Stretch:
    uid = make_uid(0, "descriptor")
    gathering = Gathering({uid: "primary"}, "primary")
    for one in [*make_run(0, 1)[:3], *events]:
        gathering.take(one)
    gathering.view()
    found = gathering.stretch(BEGIN, Mark(7, 8))
    assert found is not None
    return found


def written(table: Any) -> Any:
    """Return the table as it comes out of a file."""
    out = pa.BufferOutputStream()
    with pa.ipc.new_file(out, table.schema) as writer:
        writer.write_table(table)
    return pa.ipc.open_file(out.getvalue()).read_all()


@given(st.lists(COLUMNS, max_size=6))
def test_what_was_packed_comes_back(rows: list[dict[str, Any]]) -> None:
    events = [
        document("event", make_event(0, number, []) | {"data": row, "timestamps": row})
        for number, row in enumerate(rows, 2)
    ]
    stretch = stretch_of(events)
    found = unpacked(written(packed(stretch)))
    assert (found.begin, found.end) == (stretch.begin, stretch.end)
    assert tuple(found.numbers) == stretch.numbers
    assert repr(tuple(found.descriptors)) == repr(stretch.descriptors)
    for name in ("seq_num", "time", "descriptor"):
        one, other = getattr(found.chunk, name), getattr(stretch.chunk, name)
        assert (one.dtype, one.tolist()) == (other.dtype, other.tolist())
    assert found.chunk.uid.equals(stretch.chunk.uid)
    for table in ("data", "timestamps"):
        back, there = getattr(found.chunk, table), getattr(stretch.chunk, table)
        assert list(back) == list(there)
        for key, cells in there.items():
            assert back[key].leaf.kind is cells.leaf.kind
            assert repr(to_values(back[key])) == repr(to_values(cells))


def test_another_table_is_no_stretch() -> None:
    with pytest.raises(ValueError, match="no stretch"):
        unpacked(pa.table({"x": [1]}))


@pytest.mark.parametrize(("size", "rows"), [(10, 32_768), (4 * 2**20, 4)])
def test_large_rows_fill_a_chunk_sooner(size: int, rows: int) -> None:
    uid = make_uid(0, "descriptor")
    gathering = Gathering({uid: "primary"}, "primary")
    assert gathering.rows_in_chunk == 32_768
    for number in (1, 2):
        body = make_event(0, number, []) | {"data": {"x": "a" * size}}
        gathering.take(document("event", body))
    assert gathering.rows_in_chunk == rows
