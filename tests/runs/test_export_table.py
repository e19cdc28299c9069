"""Exports as Arrow and Parquet: typed as declared, and nothing lost."""

import io
import json
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.runs.export_table import ColumnFile
from quire.runs.query.fields import Field, FieldDeclaration, FieldType
from quire.runs.query.registry import FieldRegistry

REGISTRY = FieldRegistry().declare(
    [
        FieldDeclaration(name="energy", type=FieldType.NUMBER, unit="eV"),
        FieldDeclaration(name="turns", type=FieldType.INTEGER),
        FieldDeclaration(name="hot", type=FieldType.BOOLEAN, description="Glows."),
        FieldDeclaration(name="sample.name", type=FieldType.STRING),
        FieldDeclaration(name="cooled", type=FieldType.TIME),
    ]
)
DECLARED = ["energy", "turns", "hot", "sample.name", "cooled"]


def fields(*names: str) -> dict[str, Field]:
    return {name: REGISTRY.field(name, "fields") for name in names}


def written(names: list[str], *blocks: list[list[Any]], parquet: bool) -> pa.Table:
    file = ColumnFile(fields(*names), parquet=parquet)
    whole = b"".join([*(file.add(rows) for rows in blocks), *file.end()])
    if parquet:
        return pq.read_table(io.BytesIO(whole))
    return pa.ipc.open_stream(whole).read_all()


@pytest.mark.parametrize("parquet", [False, True])
def test_columns_have_the_declared_types_units_and_descriptions(parquet: bool) -> None:
    row = [8979.0, 3, True, "Cu foil", 1.5e9]
    table = written(DECLARED, [row], [[None] * 5], parquet=parquet)
    types = [pa.float64(), pa.int64(), pa.bool_(), pa.string(), pa.float64()]
    assert table.schema.types[:5] == types
    assert [table.column(name)[0].as_py() for name in DECLARED] == row
    assert table.schema.field("energy").metadata[b"units"] == b"eV"
    assert table.schema.field("hot").metadata[b"description"] == b"Glows."
    assert table.column("misfits").to_pylist() == [None, None]


def test_what_does_not_fit_its_column_stands_in_the_last_one() -> None:
    rows = [["8 keV", 2.0, 1, 5, "now"], [[1, 2], 2.5, None, ["a", "b"], 2]]
    table = written(DECLARED, rows, parquet=True)
    first, second = table.to_pylist()
    assert first == {
        "energy": None,
        "turns": 2,
        "hot": None,
        "sample.name": "5",
        "cooled": None,
        "misfits": '{"energy": "8 keV", "hot": 1, "cooled": "now"}',
    }
    assert second["sample.name"] == '["a", "b"]'
    assert json.loads(second["misfits"]) == {"energy": [1, 2], "turns": 2.5}


def test_a_whole_float_is_an_integer_where_64_bits_hold_it() -> None:
    table = written(["turns"], [[2.0**62], [2.0**63], [True]], parquet=True)
    assert table.column("turns").to_pylist() == [2**62, None, None]


def test_open_fields_are_json_and_the_record_needs_no_column_of_misfits() -> None:
    names = ["uid", "scan_id", "time", "devices", "nowhere"]
    rows: list[list[Any]] = [["u", 5, 2**60 + 1, "det", "x"], ["v", None, 2.0, None, 1]]
    table = written(names, rows, parquet=False)
    assert table.column_names == names
    assert table.column("scan_id").to_pylist() == [5, None]
    assert table.column("time").to_pylist() == [2.0**60, 2.0]
    assert table.column("devices").to_pylist() == ['"det"', None]
    assert table.column("nowhere").to_pylist() == ['"x"', "1"]
    assert table.schema.field("nowhere").metadata[b"encoding"] == b"json"


def test_a_field_of_the_name_of_that_column_stays_itself() -> None:
    table = written(["misfits", "energy"], [["mine", "hot"]], parquet=True)
    (row,) = table.to_pylist()
    assert row == {"misfits": '"mine"', "energy": None, "misfits_": '{"energy": "hot"}'}


_scalars = st.one_of(
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(max_size=4),
)
_values = st.none() | _scalars | st.lists(_scalars, min_size=2, max_size=3)


@given(st.lists(st.tuples(*[_values] * 3).map(list), min_size=1, max_size=4))
def test_no_value_is_lost(rows: list[list[Any]]) -> None:
    names = ["energy", "turns", "hot"]
    table = written(names, rows, parquet=True)
    for row, found in zip(rows, table.to_pylist(), strict=True):
        others = json.loads(found["misfits"] or "{}")
        for name, value in zip(names, row, strict=True):
            held = others.get(name, found[name])
            assert held == value
            assert (name in others) is (found[name] is None and value is not None)
