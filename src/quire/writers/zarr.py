"""Zarr (version 3 of its format) in one ZIP file; keys are paths.

Beside each variable that misses rows stands ``<name>_missing``. The ZIP file's entries
are stored in the order of their names and without times.
"""

import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quire.actions.versions import version_of
from quire.products.projection.arrays import (
    has_inner_gaps,
    leaf_of,
    row_bytes,
    shape_of,
    unpacked,
)
from quire.products.projection.contents import Block, Contents, Scalar, Variable
from quire.products.projection.executing import BLOCK_ROWS, EntryLost
from quire.products.projection.resolving import segments

_LONGEST = 240
_CHUNK_BYTES = 8 * 1024**2
_EPOCH = (1980, 1, 1, 0, 0, 0)
TIMES = "streams"


class ZarrWriter:
    """Writes Zarr (`quire.ports.product_writer`)."""

    format = "zarr"
    suffix = (".zarr.zip", "application/zip")

    @property
    def libraries(self) -> dict[str, str]:
        """Versions of what writes it."""
        return {"zarr": version_of("zarr"), "numcodecs": version_of("numcodecs")}

    def refusal(self, one: Variable | Scalar, contents: Contents) -> str:
        """Return why the format does not hold something; empty if it does."""
        del contents
        parts = segments(one.key)
        if parts[0] == TIMES:
            return f"{TIMES!r} holds the times of the streams"
        if any(part.startswith("__") or part == "zarr.json" for part in parts):
            return "Zarr holds no names that begin with __"
        if any(len(part.encode()) > _LONGEST for part in parts):
            return f"Zarr's files have names of up to {_LONGEST} bytes"
        if isinstance(one, Scalar):
            return ""
        return "" if _dtype(one.type) else f"Zarr holds no {one.type}"

    def create(self, path: Path, contents: Contents) -> "ZarrSheet":
        """Begin a file."""
        return ZarrSheet(path, contents)


class ZarrSheet:
    """A Zarr hierarchy in a folder, packed at the end."""

    def __init__(self, path: Path, contents: Contents) -> None:
        import zarr

        self._path = path
        self._folder = path.with_name(path.name + ".parts")
        shutil.rmtree(self._folder, ignore_errors=True)
        self._contents = contents
        self._root = zarr.open_group(str(self._folder), mode="w", zarr_format=3)
        self._root.attrs.update(contents.attributes)
        self._missing: dict[str, Any] = {}
        self._arrays: dict[str, Any] = {}
        for one in contents.scalars:
            self._put(one)
        for variable in contents.variables:
            self._prepare(variable)
        for stream, rows in contents.rows.items():
            self._prepare_times(stream, rows)

    def write(self, block: Block) -> None:
        """Write rows."""
        end = block.begin + len(block.seq_num)
        for name, values in (("seq_num", block.seq_num), ("time", block.time)):
            self._arrays[f"{TIMES}/{block.stream}/{name}"][block.begin : end] = values
        for key, array in block.columns.items():
            if array.null_count:
                self._miss(key, array, block.begin)
            self._arrays[key][block.begin : end] = _values(key, array)

    def finish(self, reduced: Sequence[Scalar]) -> None:
        """Write what was known last, and pack."""
        for one in reduced:
            self._put(one)
        for key, mask in self._missing.items():
            name = "/".join(segments(key)) + "_missing"
            while name in self._root:
                name += "_"
            self._root.create_array(name, data=mask)
            self._arrays[key].attrs["missing"] = name.rpartition("/")[2]
        _pack(self._folder, self._path)
        self.abandon()

    def abandon(self) -> None:
        """Remove the folder."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def _prepare(self, one: Variable) -> None:
        shape, _ = shape_of(one.type)
        rows = self._contents.rows[one.stream]
        self._arrays[one.key] = self._made(
            "/".join(segments(one.key)), (rows, *shape), _dtype(one.type), one.type
        )
        told = {"stream": one.stream, "fields": list(one.fields), **_about(one)}
        self._arrays[one.key].attrs.update(told)

    def _prepare_times(self, stream: str, rows: int) -> None:
        safe = stream.replace("/", "_").replace("\0", "_").lstrip("._") or "_"
        safe = safe.encode()[:_LONGEST].decode(errors="ignore")
        while f"{TIMES}/{safe}" in self._root:
            safe += "_"
        for name, dtype in (("seq_num", "int64"), ("time", "float64")):
            made = self._made(f"{TIMES}/{safe}/{name}", (rows,), dtype, None)
            self._arrays[f"{TIMES}/{stream}/{name}"] = made
        made.attrs["units"] = "s"

    def _made(self, name: str, shape: tuple[int, ...], dtype: Any, kind: Any) -> Any:
        width = row_bytes(kind) if kind is not None else 8
        rows = max(1, min(BLOCK_ROWS, _CHUNK_BYTES // max(1, width), max(1, shape[0])))
        return self._root.create_array(
            name,
            shape=shape,
            dtype=dtype,
            chunks=(rows, *(max(1, n) for n in shape[1:])),
        )

    def _put(self, one: Scalar) -> None:
        import numpy as np

        value = np.asarray(one.value)
        text = value.dtype.kind in "US"
        made = self._root.create_array(
            "/".join(segments(one.key)),
            shape=value.shape,
            dtype=str if text else value.dtype,
            chunks=tuple(max(1, size) for size in value.shape),
        )
        made[...] = value.astype(object) if text and value.shape else value
        made.attrs.update(_about(one))

    def _miss(self, key: str, array: Any, begin: int) -> None:
        import numpy as np

        rows = self._arrays[key].shape[0]
        mask = self._missing.setdefault(key, np.zeros(rows, bool))
        gaps = array.is_null().to_numpy(zero_copy_only=False)
        mask[begin : begin + len(array)] = gaps


def _dtype(kind: Any) -> Any:
    """Return the type of an array's elements; None where Zarr has none."""
    import pyarrow as pa

    _, leaf = shape_of(kind)
    if pa.types.is_string(leaf) or pa.types.is_large_string(leaf):
        return str
    if pa.types.is_null(leaf):
        return "float64"
    plain = pa.types.is_integer(leaf) or pa.types.is_floating(leaf)
    if plain or pa.types.is_boolean(leaf):
        import numpy as np

        return np.dtype(leaf.to_pandas_dtype()).name
    return None


def _values(key: str, array: Any) -> Any:
    import numpy as np

    if has_inner_gaps(array):
        raise EntryLost(key, "not_held", "an array has null elements")
    shape, leaf = leaf_of(array)
    if _dtype(array.type) is str:
        texts = np.array([one or "" for one in leaf.to_pylist()], dtype=object)
        return texts.reshape(len(array), *shape)
    if str(leaf.type) == "null":
        return np.full(len(array), np.nan)
    return unpacked(array)[0]


def _about(one: Variable | Scalar) -> dict[str, Any]:
    given = {"units": one.units, "encoding": one.encoding}
    return {**{name: told for name, told in given.items() if told}, **one.attributes}


def _pack(folder: Path, path: Path) -> None:
    """Put a folder into a ZIP file whose bytes tell no time."""
    with zipfile.ZipFile(path, "x", zipfile.ZIP_STORED) as out:
        for file in sorted(folder.rglob("*")):
            if file.is_file():
                name = file.relative_to(folder).as_posix()
                told = zipfile.ZipInfo(name, _EPOCH)
                told.external_attr = 0o644 << 16
                with file.open("rb") as source, out.open(told, "w") as member:
                    shutil.copyfileobj(source, member, 1024 * 1024)
