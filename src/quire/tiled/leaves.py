"""Arrays, ragged arrays and tables as a tiled server reads them."""

import math
from http import HTTPStatus
from typing import Any

import numpy as np
from fastapi import HTTPException
from tiled.ndslice import NDBlock, NDSlice  # type: ignore[import-untyped]
from tiled.server.core import NoEntry  # type: ignore[import-untyped]
from tiled.structures.array import ArrayStructure  # type: ignore[import-untyped]
from tiled.structures.core import StructureFamily  # type: ignore[import-untyped]
from tiled.structures.ragged import (  # type: ignore[import-untyped]
    RaggedStructure,
    make_ragged_array,
)
from tiled.structures.table import TableStructure  # type: ignore[import-untyped]

from quire.tiled.columns import Columns
from quire.tiled.refusing import asked

_CHUNK = 16_000_000
_LARGEST = 300_000_000  # tiled's own limit of one answer, which it sees only afterwards


class Leaf:
    """What holds values: a structure, and metadata."""

    structure_family: Any
    specs: tuple[Any, ...] = ()

    def __init__(self, structure: Any, metadata: dict[str, Any]) -> None:
        self._structure = structure
        self._metadata = metadata

    def structure(self) -> Any:
        """Return shape and types."""
        return self._structure

    def metadata(self) -> dict[str, Any]:
        """Return what is said of the values."""
        return self._metadata


class ArrayAdapter(Leaf):
    """One data key's values, read from files as far as they are asked for.

    Parameters
    ----------
    variable
        An `xarray.Variable` of some type that is not of objects.
    """

    structure_family = StructureFamily.array

    def __init__(self, variable: Any, metadata: dict[str, Any]) -> None:
        self._variable = variable
        shape = tuple(map(int, variable.shape))
        row = max(math.prod(shape[1:]) * variable.dtype.itemsize, 1)
        rows = max(min(_CHUNK // row, shape[0]), 1)
        count, left = divmod(shape[0], rows)
        first = (*(rows,) * count, *((left,) if left or not count else ()))
        chunks = (first, *((size,) for size in shape[1:]))
        empty = np.empty((0,) * len(shape), variable.dtype)
        dims = tuple(map(str, variable.dims))
        structure = ArrayStructure.from_array(empty, shape=shape, dims=dims)
        structure.chunks = chunks
        super().__init__(structure, metadata)

    async def read(self, slice: NDSlice | None = None) -> Any:  # noqa: A002
        """Return a part of the values.

        Raises
        ------
        HTTPException
            It is greater than an answer may be, or cannot be read.
        """
        return await self._part(slice or NDSlice(...))

    async def read_block(self, block: NDBlock, slice: NDSlice | None = None) -> Any:  # noqa: A002
        """Return a part of one chunk's values."""
        found = await self._part(block.slice_from_chunks(self._structure.chunks))
        return found[tuple(slice)] if slice else found

    async def _part(self, wanted: NDSlice) -> Any:
        whole = wanted.expand_for_shape(self._structure.shape)
        size = math.prod(whole.shape_after_slice(self._structure.shape))
        if size * self._variable.dtype.itemsize > _LARGEST:
            words = f"more than {_LARGEST} bytes are asked for at once; take slices"
            raise HTTPException(HTTPStatus.BAD_REQUEST, words)
        return await asked(lambda: np.asarray(self._variable[tuple(whole)]))


class RaggedAdapter(Leaf):
    """One data key's values where they are of several lengths."""

    structure_family = StructureFamily.ragged

    def __init__(self, rows: list[Any], metadata: dict[str, Any]) -> None:
        self._array = make_ragged_array(rows)
        super().__init__(RaggedStructure.from_array(self._array), metadata)

    def read(self, slice: NDSlice | None = None) -> Any:  # noqa: A002
        """Return a part of the values."""
        return make_ragged_array(self._array, slice=slice)


class TableAdapter(Leaf):
    """What has one value an event: a row an event."""

    structure_family = StructureFamily.table

    def __init__(self, columns: Columns) -> None:
        import pandas as pd  # type: ignore[import-untyped]

        self._columns = columns
        types = {name: values[:0] for name, values in columns.cells.items()}
        for name, values in columns.cells.items():
            if values.dtype.kind == "O":  # its type shows in its values alone
                types[name] = pd.Series(values)[:0]
        self._timed = frozenset(columns.timed)
        types |= dict.fromkeys(columns.timed, np.zeros(0))
        super().__init__(TableStructure.from_pandas(pd.DataFrame(types)), {})

    async def read(self, fields: list[str] | None = None) -> Any:
        """Return columns as a `pandas.DataFrame`.

        Raises
        ------
        KeyError
            There is no such column.
        """
        import pandas as pd

        names = self._structure.columns if fields is None else fields
        return pd.DataFrame({name: await self._values(name) for name in names})

    async def read_partition(self, partition: int, fields: list[str] | None) -> Any:
        """Return the same; there is one partition."""
        if partition:
            raise IndexError(partition)
        return await self.read(fields)

    async def lookup_adapter(self, segments: list[str]) -> "ArrayAdapter":
        """Return one column.

        Raises
        ------
        NoEntry
            There is none of that name.
        """
        import xarray

        (name,) = segments
        try:
            values = await self._values(name)
        except KeyError:
            raise NoEntry(segments) from None
        if values.dtype.kind == "O":
            values = np.array(["" if one is None else str(one) for one in values])
        told = self._columns.told.get(name, {})
        return ArrayAdapter(xarray.Variable("time", values), told)

    async def _values(self, name: str) -> Any:
        if name in self._timed:
            times = await asked(lambda: self._columns.times)
            return times[name]
        return self._columns.cells[name]
