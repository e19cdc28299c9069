"""Data in files as variables of a dataset, read when they are looked at.

Loads xarray, so it is itself loaded only by who reads.
"""

from importlib import import_module
from typing import Any

import numpy as np
from xarray.backends import BackendArray

from quire.client.arrays import FileArray
from quire.client.columns import EXACT

_MISSING = -1
indexing: Any = import_module("xarray.core.indexing")  # half of it has no types


def lazy(found: FileArray, seq_num: Any) -> Any:
    """Return the rows with these sequence numbers as an array for `xarray.Variable`.

    Rows that no file has are NaN, and integers then floats where these can hold them.
    """
    whole = indexing.LazilyIndexedArray(Rows(found, seq_num))
    # As xarray's own files: kept once all of it was read, and never copied unread.
    return indexing.MemoryCachedArray(indexing.CopyOnWriteArray(whole))


class Rows(BackendArray):
    """Rows by their place in the dataset."""

    def __init__(self, found: FileArray, seq_num: Any) -> None:
        places = np.searchsorted(found.seq_num, seq_num)
        inside = np.minimum(places, max(len(found.seq_num) - 1, 0))
        there = found.seq_num[inside] == seq_num if len(found.seq_num) else places < 0
        gaps = not bool(np.all(there))
        self._found = found
        self._rows: Any = np.where(there, inside, _MISSING)
        self.shape = (len(self._rows), *found.shape[1:])
        self.dtype = _with_gaps(found.dtype) if gaps else found.dtype

    def __getitem__(self, key: Any) -> Any:
        support = indexing.IndexingSupport.OUTER_1VECTOR
        return indexing.explicit_indexing_adapter(key, self.shape, support, self._part)

    def _part(self, key: tuple[Any, ...]) -> Any:
        first, rest = key[0], key[1:]
        alone = isinstance(first, int | np.integer)
        values = self._picked(self._rows[[first] if alone else first])
        # Each axis by itself, the last one first: a number takes its axis away.
        for axis in range(len(rest), 0, -1):
            values = values[(*(slice(None),) * axis, rest[axis - 1])]
        return values[0] if alone else values

    def _picked(self, rows: Any) -> Any:
        there = rows != _MISSING
        if there.all() and len(rows):
            return self._found.at(rows).astype(self.dtype, copy=False)
        out = _empty((len(rows), *self.shape[1:]), self.dtype)
        if there.any():
            out[np.flatnonzero(there)] = self._found.at(rows[there])
        return out


def _empty(shape: tuple[int, ...], dtype: Any) -> Any:
    return np.full(shape, None if dtype.kind == "O" else np.nan, dtype)


def _with_gaps(dtype: Any) -> Any:
    """Return a type that has a value for what is missing."""
    if dtype.kind in "fc":
        return dtype
    if dtype.kind in "iu" and np.iinfo(dtype).max <= EXACT:
        return np.dtype(np.float64)
    return np.dtype(object)
