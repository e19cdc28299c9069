"""Arrays and columns of the client, beside NumPy and plain Python."""

from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from quire.client.arrays import Array
from quire.client.columns import to_array
from quire.client.tables import attributes, configurations, dataset

DATA = np.arange(5 * 3 * 2).reshape(5, 3, 2)


@given(hnp.basic_indices(DATA.shape, allow_newaxis=True, allow_ellipsis=True))
def test_it_is_indexed_as_numpy_does(index: Any) -> None:
    array = Array("x", DATA, DATA.__getitem__, DATA.__getitem__)
    found = array[index]
    assert np.array_equal(found, DATA[index])
    assert np.shape(found) == np.shape(DATA[index])


LISTS = st.lists(st.integers(-5, 4)) | hnp.arrays(bool, 5)
BEHIND = st.lists(
    st.slices(2) | st.integers(-2, 1) | st.sampled_from([None, [0], [True, False]]),
    max_size=2,
).map(tuple)


@given(LISTS, BEHIND)
def test_listed_rows_are_those_of_numpy(rows: Any, behind: tuple[Any, ...]) -> None:
    array = Array("x", DATA, DATA.__getitem__, DATA.__getitem__)
    places = rows if len(rows) else np.zeros(0, int)  # NumPy takes [] for floats
    for index in ((places, *behind), places):
        try:
            wanted = DATA[index]
        except IndexError:
            with pytest.raises(IndexError):
                array[index]
            continue
        assert np.array_equal(array[index], wanted)
        assert np.shape(array[index]) == np.shape(wanted)


@given(st.slices(5))
def test_only_the_wanted_rows_are_read(wanted: slice) -> None:
    read: list[int] = []

    def rows(part: slice) -> Any:
        read.extend(range(*part.indices(5)))
        return DATA[part]

    def at(places: Any) -> Any:
        read.extend(places.tolist())
        return DATA[places]

    array = Array("x", DATA, rows, at)
    assert np.array_equal(array[wanted], DATA[wanted])
    assert sorted(read) == sorted(range(*wanted.indices(5)))
    read.clear()
    listed = list(range(*wanted.indices(5)))
    assert np.array_equal(array[np.array(listed, int), 0], DATA[wanted][:, 0])
    assert read == listed


def test_rows_beyond_the_end() -> None:
    array = Array("x", DATA, DATA.__getitem__, DATA.__getitem__)
    for at in (5, -6, np.int64(7), [0, 5], np.array([-6])):
        with pytest.raises(IndexError):
            array[at]
    assert np.array_equal(array[np.int64(-1)], DATA[-1])
    assert (array.ndim, array.size, len(array)) == (3, 30, 5)
    assert np.array_equal(array[()], DATA)


CELLS = st.none() | st.integers(-(2**63), 2**63 - 1)


@given(st.lists(CELLS))
def test_integers_are_never_rounded(values: list[int | None]) -> None:
    found = to_array(pa.chunked_array([pa.array(values, pa.int64())]))
    for one, value in zip(found.tolist(), values, strict=True):
        if value is None:
            assert one is None or np.isnan(one)
        else:
            assert one == value


@given(st.lists(st.none() | st.lists(CELLS, min_size=2, max_size=2)))
def test_lists_of_one_shape_are_axes(values: list[list[int | None] | None]) -> None:
    found = to_array(pa.array(values, pa.list_(pa.int64(), 2)))
    assert len(found) == len(values)
    for row, value in zip(found, values, strict=True):
        if value is None:
            assert row is None or all(one is None or np.isnan(one) for one in row)
            continue
        for one, cell in zip(row, value, strict=True):
            assert (one is None or np.isnan(one)) if cell is None else one == cell


@given(st.lists(st.none() | st.lists(st.integers(0, 9))))
def test_ragged_lists_are_arrays_in_an_array(values: list[list[int] | None]) -> None:
    found = to_array(pa.array(values, pa.large_list(pa.int64())))
    assert found.dtype == object
    assert [None if one is None else one.tolist() for one in found] == values


def test_sliced_columns_are_read_from_where_they_begin() -> None:
    column = pa.array([[1, 2], None, [3, 4], [5, 6]], pa.list_(pa.int64(), 2))
    assert to_array(column[2:]).tolist() == [[3, 4], [5, 6]]
    assert np.isnan(to_array(column[1:])[0]).all()


def test_a_descriptor_without_configuration_has_none() -> None:
    told = {"uid": "d", "time": 1.0, "data_keys": {}}
    device = {"data": {"gain": 2}, "timestamps": {"gain": 1.0}}
    assert configurations([told]) == {}
    found = configurations([told, {**told, "configuration": {"det": device}}])
    assert found["det"]["gain"].values.tolist() == [None, 2]


def test_attributes_can_be_written_to_files() -> None:
    told = {
        "units": "mm",
        "precision": 3,
        "shape": [2, 3],
        "choices": ["a", "b"],
        "limits": {"control": {"low": 0, "high": None}},
        "dims": [None],
        "flag": True,
        "object_name": None,
    }
    assert attributes(told) == {
        "units": "mm",
        "precision": 3,
        "shape": [2, 3],
        "choices": ["a", "b"],
        "limits": '{"control": {"low": 0, "high": null}}',
        "dims": "[null]",
        "flag": "true",
    }


def test_dimensions_that_cannot_be_are_named_after_the_key() -> None:
    table = pa.table(
        {
            "seq_num": [1, 2],
            "time": [1.0, 2.0],
            "data": pa.array(
                [{"a": [1, 2], "b": [1, 2, 3], "y": 5}] * 2,
                pa.struct(
                    {
                        "a": pa.list_(pa.int64(), 2),
                        "b": pa.list_(pa.int64(), 3),
                        "y": pa.int64(),
                    }
                ),
            ),
        }
    )
    told = '[{"data_keys": {"a": {"dims": ["x"]}, "b": {"dims": ["x"]}}}]'
    found = dataset(table.replace_schema_metadata({"configuration": told}))
    assert found["a"].dims == ("time", "x")
    assert found["b"].dims == ("time", "b_dim_0")
    told = told.replace('"x"', '"y"')
    found = dataset(table.replace_schema_metadata({"configuration": told}))
    assert found["a"].dims == ("time", "a_dim_0")
