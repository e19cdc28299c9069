import json
import math
from typing import Any

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from quire.documents.document import Document
from quire.documents.names import DocumentName
from quire.runs.columns.decimation import extremes
from quire.runs.columns.samples import Samples, number_keys, picture_of

NUMBERS = st.floats(-1e9, 1e9) | st.just(math.nan)


@given(
    st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=400), st.integers(1, 20)
)
def test_decimation_keeps_ends_and_peaks(
    rows: list[tuple[float, float]], stretches: int
) -> None:
    columns = [np.array(column) for column in zip(*rows, strict=True)]
    kept = extremes(columns, len(rows), stretches)
    assert list(kept) == sorted(set(kept))
    assert {0, len(rows) - 1} <= set(kept)
    assert len(kept) <= max(2 * stretches, 2 * 2 * (stretches + 1) + 2)
    for column in columns:
        if not np.isnan(column).all():
            assert np.nanmin(column[kept]) == np.nanmin(column)
            assert np.nanmax(column[kept]) == np.nanmax(column)


def event(number: int, time: float, **data: Any) -> Document:
    body = {"descriptor": "d", "seq_num": number, "time": time, "data": data}
    return Document(name=DocumentName.EVENT, body=body, raw=json.dumps(body).encode())


def test_rows_grow_and_only_numbers_are_kept() -> None:
    samples = Samples()
    samples.take(event(1, 10.0, x=1, name="Cu", image=[[1, 2]]))
    samples.take(event(2, 11.0, x=2.5, y=math.inf))
    assert samples.keys == ("x", "y")
    assert samples.since(0, samples.keys, 100) == {
        "seq_num": [1.0, 2.0],
        "time": [10.0, 11.0],
        "x": [1.0, 2.5],
        "y": [None, None],
    }
    assert samples.since(1, ("x",), 100)["x"] == [2.5]
    assert samples.renewed == 0


def test_a_rewound_event_counts_by_its_time_and_makes_the_rest_void() -> None:
    samples = Samples()
    for number, time, value in ((1, 1.0, 1), (2, 2.0, 2), (2, 5.0, 20), (2, 3.0, 3)):
        samples.take(event(number, time, x=value))
    assert samples.since(0, ("x",), 100)["x"] == [1.0, 20.0]
    assert samples.renewed == 2


def test_what_comes_late_stands_in_its_place() -> None:
    samples = Samples()
    for number in (1, 3, 2):
        samples.take(event(number, float(number), x=number))
    assert samples.since(0, ("x",), 100)["x"] == [1.0, 2.0, 3.0]
    assert samples.renewed == 1


def test_pages_and_their_repeated_rows() -> None:
    samples = Samples()
    body = {
        "descriptor": "d",
        "seq_num": [1, 2, 3],
        "time": [1.0, 2.0, 3.0],
        "data": {"x": [1, 2, 3]},
    }
    page = Document(name=DocumentName.EVENT_PAGE, body=body, raw=b"")
    samples.take(page, (1,))
    assert samples.since(0, ("x",), 100)["x"] == [1.0, 3.0]
    assert samples.events == 2


def test_a_very_long_stream_is_thinned_and_keeps_its_peak() -> None:
    samples = Samples()
    for number in range(300_000):
        samples.add(number, float(number), {"x": 1e6 if number == 77_777 else 1.0})
    assert samples.rows < 270_000
    assert samples.events == 300_000
    shown = samples.since(0, ("x",), 100)
    assert max(value or 0 for value in shown["x"]) == 1e6
    assert shown["seq_num"][0] == 0
    assert shown["seq_num"][-1] == 299_999


def test_the_picture_of_kept_tables_has_their_numbers_alone() -> None:
    tables = [
        pa.table(
            {
                "seq_num": [first, first + 1],
                "time": [1.0, 2.0],
                "data/x": pa.array([first, None], pa.int64()),
                "data/on": [True, False],
                "data/name": ["a", "b"],
                "data/image": [[1, 2], [3, 4]],
            }
        )
        for first in (1, 3)
    ]
    assert number_keys(tables[0].schema) == ("x", "on")
    assert picture_of(tables, ("x", "on"), 100) == (
        4,
        {
            "seq_num": [1.0, 2.0, 3.0, 4.0],
            "time": [1.0, 2.0, 1.0, 2.0],
            "x": [1.0, None, 3.0, None],
            "on": [1.0, 0.0, 1.0, 0.0],
        },
    )
    assert picture_of([], ("x",), 100) == (0, {"seq_num": [], "time": [], "x": []})
