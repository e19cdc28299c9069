"""Columns of Arrow tables as NumPy arrays."""

import json
from typing import Any

EXACT = 2**53  # beyond it a double cannot tell neighbouring integers


def to_array(column: Any, encoding: str = "") -> Any:
    """Return a column as an array whose first axis is its rows.

    Missing numbers are NaN, with integers as floats where these can hold them; what
    has no such value (text, booleans, greater integers) is in an object array with
    None. Lists of one shape become further axes. Ragged lists become an object array
    of arrays; what was mixed (`encoding` ``json``) an object array of the values.

    Parameters
    ----------
    column
        A `pyarrow.ChunkedArray` or `pyarrow.Array`.
    encoding
        As the field's metadata have it (`quire.runs.arrow`).
    """
    import pyarrow as pa

    whole = column.combine_chunks() if isinstance(column, pa.ChunkedArray) else column
    if encoding == "json":
        values = whole.to_pylist()
        return objects([None if one is None else json.loads(one) for one in values])
    if encoding == "integer":
        return objects([_integers(one) for one in whole.to_pylist()])
    if pa.types.is_fixed_size_list(whole.type):
        return _fixed(whole)
    if pa.types.is_list(whole.type) or pa.types.is_large_list(whole.type):
        return objects([_ragged(one) for one in whole.to_pylist()])
    return _scalars(whole)


def objects(values: list[Any]) -> Any:
    """Return an object array of any values."""
    import numpy as np

    out = np.empty(len(values), dtype=object)
    for place, value in enumerate(values):
        out[place] = value
    return out


def _scalars(whole: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    kind = whole.type
    if pa.types.is_null(kind):
        return np.full(len(whole), np.nan)
    numeric = pa.types.is_floating(kind) or pa.types.is_integer(kind)
    if not whole.null_count or pa.types.is_floating(kind):
        if numeric or pa.types.is_boolean(kind):
            return whole.to_numpy(zero_copy_only=False)
        return objects(whole.to_pylist())
    if pa.types.is_integer(kind) and not _is_great(whole.drop_null().to_numpy()):
        return whole.cast(pa.float64()).to_numpy(zero_copy_only=False)
    return objects(whole.to_pylist())


def _fixed(whole: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    size = whole.type.list_size
    there = whole.is_valid().to_numpy(zero_copy_only=False)
    leaf = whole.flatten()  # without the rows that are missing
    found = _fixed(leaf) if pa.types.is_fixed_size_list(leaf.type) else _scalars(leaf)
    found = found.reshape(-1, size, *found.shape[1:])
    if there.all():
        return found
    if found.dtype.kind not in "iuf" or _is_great(found):
        out = objects([None] * len(whole))
        for place, one in zip(np.flatnonzero(there), found, strict=True):
            out[place] = one
        return out
    out = np.full((len(whole), *found.shape[1:]), np.nan)
    out[there] = found
    return out


def _is_great(found: Any) -> bool:
    if found.dtype.kind == "f" or not found.size:
        return False
    return bool(found.min() < -EXACT or found.max() > EXACT)


def _ragged(value: Any) -> Any:
    import numpy as np

    if value is None:
        return None
    try:
        return np.array(value)
    except ValueError:
        return objects([_ragged(one) for one in value])


def _integers(value: Any) -> Any:
    if isinstance(value, list):
        return [_integers(one) for one in value]
    return None if value is None else int(value)
