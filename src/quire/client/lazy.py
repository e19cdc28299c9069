"""Data in files as variables of a dataset, read when they are looked at."""

from importlib import import_module
from typing import Any

from quire.client.arrays import FileArray
from quire.client.columns import EXACT

_MISSING = -1


def lazy(found: FileArray, seq_num: Any) -> Any:
    """Return the rows with these sequence numbers as an array for `xarray.Variable`.

    Rows that no file has are NaN, and integers then floats where these can hold them.
    """
    indexing: Any = import_module("xarray.core.indexing")
    whole = indexing.LazilyIndexedArray(_backend(found, seq_num))
    # As xarray's own files: kept once all of it was read, and never copied unread.
    return indexing.MemoryCachedArray(indexing.CopyOnWriteArray(whole))


def _backend(found: FileArray, seq_num: Any) -> Any:
    import numpy as np
    from xarray.backends import BackendArray
    from xarray.core import indexing

    places = np.searchsorted(found.seq_num, seq_num)
    inside = np.minimum(places, max(len(found.seq_num) - 1, 0))
    there = found.seq_num[inside] == seq_num if len(found.seq_num) else places < 0
    rows = np.where(there, inside, _MISSING)
    gaps = not bool(np.all(there))

    class Rows(BackendArray):
        """Rows by their place in the dataset."""

        def __init__(self) -> None:
            self.shape = (len(rows), *found.shape[1:])
            self.dtype = _with_gaps(found.dtype) if gaps else found.dtype

        def __getitem__(self, key: Any) -> Any:
            support = indexing.IndexingSupport.BASIC
            return indexing.explicit_indexing_adapter(
                key, self.shape, support, self.part
            )

        def part(self, key: tuple[Any, ...]) -> Any:
            first, rest = key[0], key[1:]
            wanted = rows[first : first + 1] if isinstance(first, int) else rows[first]
            values = _picked(found, wanted, self.dtype)[(slice(None), *rest)]
            return values[0] if isinstance(first, int) else values

    return Rows()


def _picked(found: FileArray, rows: Any, dtype: Any) -> Any:
    import numpy as np

    there = rows != _MISSING
    if not there.any():
        return _empty((len(rows), *found.shape[1:]), dtype)
    known = rows[there]
    low, high = int(known.min()), int(known.max())
    block = found.rows(slice(low, high + 1))
    if there.all():
        return block[known - low].astype(dtype, copy=False)
    out = _empty((len(rows), *found.shape[1:]), dtype)
    out[np.flatnonzero(there)] = block[known - low]
    return out


def _empty(shape: tuple[int, ...], dtype: Any) -> Any:
    import numpy as np

    return np.full(shape, None if dtype.kind == "O" else np.nan, dtype)


def _with_gaps(dtype: Any) -> Any:
    """Return a type that has a value for what is missing."""
    import numpy as np

    if dtype.kind in "fc":
        return dtype
    if dtype.kind in "iu" and np.iinfo(dtype).max <= EXACT:
        return np.dtype(np.float64)
    return np.dtype(object)
