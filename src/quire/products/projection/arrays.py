"""Arrow arrays to NumPy and back, gaps kept as a mask."""

from typing import Any


def unpacked(array: Any) -> tuple[Any, Any]:
    """Return numbers or booleans of one shape, and which rows are missing.

    Parameters
    ----------
    array
        Arrow array.

    Returns
    -------
    NumPy array, rows along its first axis; and a mask, True where a row is missing,
    or None where none is. A missing row holds NaN, zero or False. A missing element
    within a row of floats is NaN.
    """
    import numpy as np
    import pyarrow as pa

    missing = None
    if array.null_count:
        missing = array.is_null().to_numpy(zero_copy_only=False)
    sizes, leaf = leaf_of(array)
    if leaf.null_count:
        floats = pa.types.is_floating(leaf.type)
        leaf = leaf.fill_null(float("nan") if floats else _zero(leaf.type))
    values = leaf.to_numpy(zero_copy_only=False)
    return np.asarray(values).reshape(len(array), *sizes), missing


def leaf_of(array: Any) -> tuple[tuple[int, ...], Any]:
    """Return the shape of a cell of one shape, and all elements one behind the other.

    A missing row has missing elements.
    """
    import pyarrow as pa

    sizes, leaf = [], array
    while pa.types.is_fixed_size_list(leaf.type):
        sizes.append(leaf.type.list_size)
        leaf = _elements(leaf)
    return tuple(sizes), leaf


def has_inner_gaps(array: Any) -> bool:
    """Return whether a row that is there misses an element."""
    import pyarrow as pa

    there = array.drop_null() if array.null_count else array
    while (
        pa.types.is_list(there.type)
        or pa.types.is_large_list(there.type)
        or (pa.types.is_fixed_size_list(there.type))
    ):
        there = there.flatten()
        if there.null_count:
            return True
    return False


def _elements(lists: Any) -> Any:
    import numpy as np
    import pyarrow as pa

    if not lists.null_count:
        return lists.flatten()
    size = lists.type.list_size
    there = lists.is_valid().to_numpy(zero_copy_only=False)
    places = np.full((len(lists), size), -1, np.int64)
    places[there] = np.arange(int(there.sum()) * size).reshape(-1, size)
    flat = places.reshape(-1)
    return lists.flatten().take(pa.array(flat, pa.int64(), mask=flat < 0))


def _zero(kind: Any) -> Any:
    import pyarrow as pa

    return False if pa.types.is_boolean(kind) else 0


def packed(values: Any, missing: Any = None) -> Any:
    """Return rows as an Arrow array of scalars, or of lists of one shape."""
    import numpy as np
    import pyarrow as pa

    rows = np.ascontiguousarray(values)
    rows = rows.astype(rows.dtype.newbyteorder("="), copy=False)
    array = pa.array(rows.reshape(-1))
    for size in reversed(rows.shape[1:]):
        array = pa.FixedSizeListArray.from_arrays(array, size)
    if missing is None or not missing.any():
        return array
    places = np.where(missing, 0, np.arange(len(rows)))
    return array.take(pa.array(places, pa.int64(), mask=missing))


def shape_of(kind: Any) -> tuple[tuple[int, ...], Any]:
    """Return the shape of a cell of one shape, and the Arrow type of its elements."""
    import pyarrow as pa

    sizes = []
    while pa.types.is_fixed_size_list(kind):
        sizes.append(kind.list_size)
        kind = kind.value_type
    return tuple(sizes), kind


def row_bytes(kind: Any) -> int:
    """Return about how many bytes a cell takes."""
    import math

    sizes, leaf = shape_of(kind)
    try:
        width = max(1, int(leaf.bit_width) // 8)
    except ValueError:  # text and ragged lists
        width = 64
    return math.prod(sizes) * width
