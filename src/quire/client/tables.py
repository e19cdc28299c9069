"""An Arrow table of a stream as an ``xarray.Dataset``."""

from importlib import import_module
from typing import Any

_ASIDE = ("seq_num", "time")


def dataset(stream: bytes) -> Any:
    """Return a dataset with one row an event.

    Parameters
    ----------
    stream
        Arrow IPC stream with ``seq_num``, ``time``, and the structs ``data`` and
        ``timestamps``.

    Returns
    -------
    xarray.Dataset
        A variable a data key along ``time``, with ``seq_num`` as a coordinate. Cells
        that hold arrays of one shape become further dimensions.

    Raises
    ------
    ImportError
        xarray is not installed.
    """
    try:
        xarray = import_module("xarray")
    except ImportError as error:
        raise ImportError(
            "reading into a Dataset needs xarray: pip install xarray"
        ) from error
    import pyarrow.ipc

    table = pyarrow.ipc.open_stream(stream).read_all()
    keys = _columns(table)
    variables = {key: _variable(key, column) for key, column in keys.items()}
    return xarray.Dataset(
        variables,
        coords={
            "time": ("time", table.column("time").to_numpy()),
            "seq_num": ("time", table.column("seq_num").to_numpy()),
        },
    )


def _columns(table: Any) -> dict[str, Any]:
    """Return the data keys' columns, whether they stand in a struct or flat."""
    if "data" in table.column_names:
        data = table.column("data").combine_chunks()
        names = [field.name for field in data.type]
        return dict(zip(names, data.flatten(), strict=True)) if names else {}
    return {
        name: table.column(name) for name in table.column_names if name not in _ASIDE
    }


def _variable(key: str, column: Any) -> tuple[tuple[str, ...], Any]:
    import numpy as np

    values = column.to_pylist()
    if not any(isinstance(value, list) for value in values):
        return ("time",), column.to_numpy(zero_copy_only=False)
    try:
        cells = np.array(values)
    except ValueError:  # ragged
        cells = np.empty(len(values), dtype=object)
        cells[:] = [np.array(value) for value in values]
    extra = tuple(f"{key}_dim_{axis}" for axis in range(cells.ndim - 1))
    return ("time", *extra), cells
