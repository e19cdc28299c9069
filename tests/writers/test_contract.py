"""What every writer keeps: all that it does not refuse reads back as it was."""

import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from tests.writers.reading import READERS, as_csv

from quire.kinds.project import writers
from quire.ports.product_writer import ProductWriter
from quire.products.projection.contents import Block, Contents, Scalar, Variable
from quire.products.projection.executing import EntryLost

NAN, INF = float("nan"), float("inf")
IMAGE = pa.list_(pa.list_(pa.int16(), 3), 2)
CASES: dict[str, Any] = {
    "integers": pa.array([1, -(2**63) + 1, 2**63 - 1, 0]),
    "floats": pa.array([1.5, NAN, INF, -0.0]),
    "singles": pa.array(np.array([0.1, 1, 2, NAN], "f4")),
    "booleans": pa.array([True, False, True, True]),
    "ascii": pa.array(["a", "b c", "longer text", "x"]),
    "unicode": pa.array(["Å", "数", "e\u0301", "🙂"]),
    "empty_text": pa.array(["", "a", "", "b"]),
    "awkward": pa.array(["a\nb", 'quo"te', "com,ma", " space "]),
    "nul": pa.array(["a\0b", "b", "c", "d"]),
    "formula": pa.array(["=1+1", "b", "c", "d"]),
    "gaps_integers": pa.array([1, None, 3, 2**53 + 1]),
    "gaps_floats": pa.array([1.0, None, NAN, 2.0]),
    "gaps_booleans": pa.array([True, None, False, True]),
    "gaps_text": pa.array(["a", None, "", "b"]),
    "images": pa.array([[[n, 1, 2], [3, 4, -n]] for n in range(4)], IMAGE),
    "gaps_images": pa.array([[[1, 1, 2], [3, 4, 5]], None, [[0] * 3] * 2, None], IMAGE),
    "inner_gaps": pa.array(
        [[1, None], [2, 3], [4, 5], [6, 7]], pa.list_(pa.int64(), 2)
    ),
    "text_arrays": pa.array(
        [["a", "b"], ["Å", ""], ["c", "d"], ["e", "f"]], pa.list_(pa.string(), 2)
    ),
    "ragged": pa.array([[1.5], [], [2, 3, NAN], [4]], pa.large_list(pa.float64())),
    "gaps_ragged": pa.array([[1], None, [], [4]], pa.large_list(pa.int64())),
    "deep": pa.array(
        [[[1], []], [], [[2, 3]], [[4]]], pa.large_list(pa.large_list(pa.int64()))
    ),
    "nothing": pa.nulls(4),
}
# What a format says that it holds: without this, one that refused all would pass.
PLAIN = {"integers", "floats", "singles", "booleans", "ascii"}
TEXT = PLAIN | {"unicode", "empty_text", "awkward"}
GAPS = {"gaps_integers", "gaps_floats", "gaps_booleans", "gaps_text"}
HOLDS = {
    "nexus": TEXT | GAPS | {"formula", "images", "gaps_images", "text_arrays", "ragged", "gaps_ragged", "nothing"},
    "parquet": set(CASES),
    "csv": TEXT | GAPS | {"nothing"},
    "zarr": TEXT | GAPS | {"nul", "formula", "images", "gaps_images", "text_arrays", "nothing"},
    "fits": PLAIN | {"empty_text", "formula", "gaps_integers", "gaps_booleans", "images", "ragged"},
}  # fmt: skip
WRITERS = {one.format: one for one in writers()}


def contents(arrays: dict[str, Any], rows: int, *, units: str = "mm") -> Contents:
    variables = [
        Variable(
            key=f"/entry/data/{name}", stream="primary", type=one.type, units=units
        )
        for name, one in arrays.items()
    ]
    scalars = (
        Scalar(key="/entry/title", value="Å\nwide", units=""),
        Scalar(key="/entry/sample/size", value=[1.5, NAN], units="mm"),
        Scalar(key="/entry/names", value=["a", "ö"]),
        Scalar(key="/entry/flag", value=True),
        Scalar(key="/entry/told", value='{"a": null}', encoding="json"),
    )
    return Contents(
        rows={"primary": rows},
        variables=tuple(variables),
        scalars=scalars,
        reduced=("/entry/mean",),
        attributes={"run": "u", "identity": "i", "complete": True, "issues": 0},
    )


def write(
    writer: ProductWriter, path: Path, arrays: dict[str, Any], rows: int, step: int = 3
) -> None:
    told = contents(arrays, rows)
    sheet = writer.create(path, told)
    try:
        for begin in range(0, rows, step):
            count = min(step, rows - begin)
            sheet.write(
                Block(
                    stream="primary",
                    begin=begin,
                    columns={
                        f"/entry/data/{name}": one.slice(begin, count)
                        for name, one in arrays.items()
                    },
                    seq_num=np.arange(begin, begin + count) + 1,
                    time=1.7e9 + np.arange(begin, begin + count),
                )
            )
        sheet.finish([Scalar(key="/entry/mean", value=2.5, units="mm")])
    except BaseException:
        sheet.abandon()
        raise


@pytest.mark.parametrize("form", WRITERS)
@pytest.mark.parametrize("case", CASES)
def test_what_is_held_reads_back_and_the_rest_is_said(
    form: str, case: str, tmp_path: Path
) -> None:
    writer, array = WRITERS[form], CASES[case]
    told = contents({case: array}, len(array))
    path = tmp_path / f"product{writer.suffix[0]}"
    if reason := writer.refusal(told.variables[0], told):
        assert case not in HOLDS[form], reason
        return
    try:
        write(writer, path, {case: array}, len(array))
    except EntryLost as problem:
        lost = problem.key
    else:
        lost = ""
    if lost:
        assert case not in HOLDS[form]
        assert lost == f"/entry/data/{case}"
        return
    assert case in HOLDS[form], "held, and not declared so"
    found, units = READERS[form](path)[f"/entry/data/{case}"]
    assert same(found, expected(form, array)), found
    assert units == ("" if form == "csv" else "mm")


def expected(form: str, array: Any) -> list[Any]:
    values: list[Any] = array.to_pylist()
    return [as_csv(one) for one in values] if form == "csv" else values


def same(found: Any, wanted: Any) -> bool:
    if isinstance(wanted, list):
        return len(found) == len(wanted) and all(map(same, found, wanted))
    if isinstance(wanted, str) and isinstance(found, str):
        try:
            return found == wanted or math.isclose(
                float(found), float(wanted), rel_tol=1e-7
            )
        except ValueError:
            return found == wanted
    if isinstance(wanted, float):
        # Minus zero is another than zero.
        return repr(float(found)) == repr(wanted) if found is not None else False
    return type(found) is type(wanted) and bool(found == wanted)


@pytest.mark.parametrize("form", WRITERS)
def test_the_same_bytes_at_another_time(form: str, tmp_path: Path) -> None:
    writer = WRITERS[form]
    arrays = {name: CASES[name] for name in sorted(HOLDS[form])}
    paths = [tmp_path / f"{n}{writer.suffix[0]}" for n in range(2)]
    for place, path in enumerate(paths):
        write(writer, path, arrays, 4)
        if not place:
            until_the_clock_moves(path)
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert sorted(tmp_path.iterdir()) == sorted(paths), "something was left beside"


def until_the_clock_moves(path: Path) -> None:
    """Wait until a file's time in whole seconds, as HDF5 and ZIP keep it, differs."""
    import time

    made = int(path.stat().st_mtime)
    while int(time.time()) == made:
        time.sleep(0.01)


@pytest.mark.parametrize("form", WRITERS)
def test_no_rows_at_all(form: str, tmp_path: Path) -> None:
    writer = WRITERS[form]
    path = tmp_path / f"product{writer.suffix[0]}"
    names = sorted(HOLDS[form] & {"integers", "ascii", "images", "ragged"})
    write(writer, path, {name: CASES[name].slice(0, 0) for name in names}, 0)
    found = READERS[form](path)
    assert {key: values for key, (values, _) in found.items()} == {
        f"/entry/data/{name}": [] for name in names
    }


def test_nexus_keeps_values_of_their_own(tmp_path: Path) -> None:
    import h5py  # type: ignore[import-untyped]

    write(WRITERS["nexus"], tmp_path / "a.nxs", {"floats": CASES["floats"]}, 4)
    with h5py.File(tmp_path / "a.nxs") as file:
        entry = file["entry"]
        assert entry["title"].asstr()[()] == "Å\nwide"
        assert entry["sample/size"].attrs["units"] == "mm"
        assert np.isnan(entry["sample/size"][1])
        assert entry["names"].asstr()[:].tolist() == ["a", "ö"]
        assert entry["flag"][()] is np.True_
        assert entry["told"].attrs["encoding"] == "json"
        assert entry["mean"][()] == 2.5
        assert entry["streams/primary/seq_num"][:].tolist() == [1, 2, 3, 4]
        assert entry["sample"].attrs["NX_class"] == "NXsample"


def test_zarr_and_parquet_keep_values_of_their_own(tmp_path: Path) -> None:
    import json

    import pyarrow.parquet as pq
    import zarr

    write(WRITERS["zarr"], tmp_path / "a.zip", {"floats": CASES["floats"]}, 4)
    with zarr.storage.ZipStore(tmp_path / "a.zip", mode="r") as store:
        root: Any = zarr.open_group(store, mode="r")
        assert root["entry/title"][()] == "Å\nwide"
        assert root["entry/names"][:].tolist() == ["a", "ö"]
        assert root["entry/mean"].attrs["units"] == "mm"
        assert root["streams/primary/time"][:].tolist() == [1.7e9 + n for n in range(4)]
    write(WRITERS["parquet"], tmp_path / "a.parquet", {"floats": CASES["floats"]}, 4)
    told = json.loads(
        pq.read_metadata(tmp_path / "a.parquet").metadata[b"quire.values"]
    )
    assert told["/entry/mean"] == {"value": 2.5, "units": "mm"}
    assert told["/entry/told"]["encoding"] == "json"


def test_one_table_holds_one_stream() -> None:
    told = contents({"floats": CASES["floats"]}, 4)
    other = Variable(key="/entry/b", stream="baseline", type=pa.float64())
    for form in ("parquet", "csv", "fits"):
        assert "one stream" in WRITERS[form].refusal(other, told)
