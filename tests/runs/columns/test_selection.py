"""A part of kept tables, however the rows are shared out among them."""

from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.errors import InputError
from quire.runs.columns.layout import DATA, TIMESTAMPS
from quire.runs.columns.selection import Selection, select

Rows = list[tuple[int, bool]]
"""Sequence numbers, and whether a rewind superseded the row."""


def kept(rows: Rows) -> Any:
    numbers = [number for number, _ in rows]
    return pa.table(
        {
            "seq_num": pa.array(numbers, pa.int64()),
            "time": pa.array(map(float, numbers), pa.float64()),
            "uid": pa.array(map(str, numbers), pa.string()),
            "descriptor": pa.array([0] * len(rows), pa.int32()),
            "superseded": pa.array([mark for _, mark in rows], pa.bool_()),
            DATA + "x": pa.array(numbers, pa.int64()),
            DATA + "y": pa.array(numbers, pa.int64()),
            TIMESTAMPS + "x": pa.array(map(float, numbers), pa.float64()),
            TIMESTAMPS + "y": pa.array(map(float, numbers), pa.float64()),
        }
    )


@given(
    rows=st.lists(st.tuples(st.integers(1, 20), st.booleans())).map(sorted),
    cuts=st.lists(st.integers(0, 30), max_size=4).map(sorted),
    after=st.none() | st.integers(0, 21),
    limit=st.none() | st.integers(0, 30),
    superseded=st.booleans(),
)
def test_the_wanted_rows_are_the_first_that_follow(
    rows: Rows, cuts: list[int], after: int | None, limit: int | None, superseded: bool
) -> None:
    ends = zip([0, *cuts], [*cuts, len(rows)], strict=True)
    tables = [kept(rows[begin:end]) for begin, end in ends]
    wanted = Selection(after=after, limit=limit, superseded=superseded)
    found = [*select(tables, wanted)]
    assert all(table.num_rows for table in found)
    numbers = [n for table in found for n in table.column("seq_num").to_pylist()]
    assert (
        numbers
        == [
            number
            for number, mark in rows
            if (superseded or not mark) and (after is None or number > after)
        ][:limit]
    )
    for table in found:
        assert ("superseded" in table.column_names) == superseded


@pytest.mark.parametrize(
    ("wanted", "names"),
    [
        (Selection(columns=("y",)), ["seq_num", "time", DATA + "y", TIMESTAMPS + "y"]),
        (Selection(columns=(), timestamps=False), ["seq_num", "time"]),
        (
            Selection(columns=("y", "x"), timestamps=False, uids=True),
            ["seq_num", "time", "uid", "descriptor", DATA + "x", DATA + "y"],
        ),
        (
            Selection(columns=("x",), timestamps=False, descriptors=True),
            ["seq_num", "time", "descriptor", DATA + "x"],
        ),
    ],
)
def test_the_wanted_columns_stand_as_they_are_kept(
    wanted: Selection, names: list[str]
) -> None:
    (table,) = select([kept([(1, False)])], wanted)
    assert table.column_names == names


def test_a_column_that_is_none_is_named() -> None:
    with pytest.raises(InputError, match=r"'z' is no column.*of x, y"):
        [*select([kept([])], Selection(columns=("x", "z")))]
