"""Products read back by the formats' own libraries alone.

Each reader returns, by key: the values as a list, None where one is missing; and the
units.
"""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

Found = dict[str, tuple[list[Any], str]]


def nexus(path: Path) -> Found:
    import h5py  # type: ignore[import-untyped]

    found: Found = {}

    def visit(name: str, one: Any) -> None:
        if not isinstance(one, h5py.Dataset) or "stream" not in one.attrs:
            return
        values = one.asstr()[:] if h5py.check_string_dtype(one.dtype) else one[:]
        listed = [_plain(each) for each in values]
        if "missing" in one.attrs:
            mask = one.parent[one.attrs["missing"]][:]
            listed = [
                None if gap else each for each, gap in zip(listed, mask, strict=True)
            ]
        found["/" + name] = listed, str(one.attrs.get("units", ""))

    with h5py.File(path) as file:
        file.visititems(visit)
    return found


def parquet(path: Path) -> Found:
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    return {
        field.name: (
            table.column(field.name).to_pylist(),
            (field.metadata or {}).get(b"units", b"").decode(),
        )
        for field in table.schema
        if field.name.startswith("/")
    }


def comma(path: Path) -> Found:
    import pyarrow as pa
    import pyarrow.csv as pc

    with path.open(newline="") as file:
        names = next(csv.reader(file))
    options = pc.ConvertOptions(
        column_types=dict.fromkeys(names, pa.string()),
        strings_can_be_null=True,
        null_values=[""],
        quoted_strings_can_be_null=False,
    )
    table = pc.read_csv(path, convert_options=options)
    return {
        name: (table.column(name).to_pylist(), "")
        for name in names
        if name.startswith("/")
    }


def zarr(path: Path) -> Found:
    import zarr as library

    store = library.storage.ZipStore(path, mode="r")
    root: Any = library.open_group(store, mode="r")
    found: Found = {}
    for name, one in root.members(max_depth=None):
        if not isinstance(one, library.Array) or "stream" not in one.attrs:
            continue
        listed = [_plain(each) for each in np.asarray(one[:])]
        if "missing" in one.attrs:
            where = name.rpartition("/")[0] + "/" + str(one.attrs["missing"])
            gaps = np.asarray(root[where.lstrip("/")][:])
            listed = [
                None if gap else each for each, gap in zip(listed, gaps, strict=True)
            ]
        found["/" + name] = listed, str(one.attrs.get("units", ""))
    store.close()
    return found


def fits(path: Path) -> Found:
    from astropy.io import fits as library

    found: Found = {}
    with library.open(path, logical_as_bytes=True) as hdus:
        hdus.verify("exception")
        table = hdus[1]
        for number, column in enumerate(table.columns, 1):
            key = table.header.get(f"TCOMM{number}")
            if key is None:
                continue
            values = table.data[column.name]
            listed = [_plain(each) for each in values]
            if column.null is not None:
                listed = [None if each == column.null else each for each in listed]
            if column.format == "L":
                letters = {b"T": True, b"F": False, b"": None, b"\0": None}
                listed = [letters[each] for each in listed]
            if "PA" in column.format or "QA" in column.format:
                listed = ["".join(each) for each in listed]
            found[key] = listed, column.unit or ""
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return value.item() if hasattr(value, "item") else value


def as_csv(value: Any) -> str | None:
    """Return a cell as CSV has it."""
    if value is None:
        return None
    if isinstance(value, bool):
        return json.dumps(value)
    return str(value)


READERS: dict[str, Callable[[Path], Found]] = {
    "nexus": nexus,
    "parquet": parquet,
    "csv": comma,
    "zarr": zarr,
    "fits": fits,
}
