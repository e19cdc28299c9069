"""Streams as ``xarray.Dataset``: one row an event, along ``time``."""

import json
from collections.abc import Iterable, Mapping
from typing import Any

from quire.client.columns import objects, to_array

COORDINATES = ("time", "seq_num", "uid", "descriptor", "superseded")


def dataset(table: Any, files: Mapping[str, Any] | None = None) -> Any:
    """Return a stream's table as a dataset.

    Parameters
    ----------
    table
        `pyarrow.Table` with ``seq_num``, ``time`` and a struct ``data``.
    files
        Data that is not in the table: by data key what `variable` takes as values.

    Returns
    -------
    xarray.Dataset
        A variable a data key along ``time``; ``seq_num`` and what else the table has
        of an event as further coordinates. What the descriptor says of a key stands in
        the variable's attributes. Cells that hold arrays of one shape become further
        dimensions, named as the data key's `dims` say; ragged ones an object array of
        arrays. A data key that is called like a coordinate has an underscore behind.
    """
    import xarray

    coordinates = {
        name: ("time", to_array(table.column(name)))
        for name in COORDINATES
        if name in table.column_names
    }
    columns = {key: to_array(*found) for key, found in _struct(table, "data").items()}
    told = data_keys(table)
    values = {**columns, **(files or {})}
    names = shown(values)
    taken: dict[str, int] = dict.fromkeys((*COORDINATES, *names.values()), -1)
    variables = {
        names[key]: _variable(key, found, told.get(key, {}), taken)
        for key, found in values.items()
    }
    return xarray.Dataset(variables, coords=coordinates)


def as_variable(
    dimensions: tuple[str, ...], values: Any, told: Mapping[str, Any] | None = None
) -> Any:
    """Return an ``xarray.Variable`` whose values are these.

    Parameters
    ----------
    told
        Its attributes.
    """
    import numpy as np
    import xarray

    # Xarray would hand objects to pandas, which makes NaN of None among texts.
    as_they_are = isinstance(values, np.ndarray) and values.dtype.hasobject
    return xarray.Variable(dimensions, values, told, fastpath=as_they_are)


def shown(keys: Iterable[str]) -> dict[str, str]:
    """Return what data keys are called in a dataset.

    With an underscore behind, or more, where they would be taken for a coordinate.
    """
    known = list(keys)
    names = {key: key for key in known}
    for key in known:
        while key in COORDINATES and names[key] in {*COORDINATES, *known}:
            names[key] += "_"
    return names


def timestamps(table: Any) -> Any:
    """Return the time of each single value, Unix seconds, as a dataset."""
    import xarray

    found = _struct(table, "timestamps")
    names = shown(found)
    return xarray.Dataset(
        {
            names[key]: as_variable(("time",), to_array(*one))
            for key, one in found.items()
        },
        coords={
            "time": ("time", to_array(table.column("time"))),
            "seq_num": ("time", to_array(table.column("seq_num"))),
        },
    )


def configurations(descriptors: Iterable[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the configuration of each device as a dataset.

    Its rows are the stream's descriptors, along ``descriptor``, with their ``time`` and
    ``uid``; a variable a configuration key.
    """
    import xarray

    rows = list(descriptors)
    devices = dict.fromkeys(
        name for one in rows for name in one.get("configuration", ())
    )
    made = {}
    for device in devices:
        each = [one.get("configuration", {}).get(device, {}) for one in rows]
        keys = dict.fromkeys(key for one in each for key in one.get("data", {}))
        told = {
            key: _last(one.get("data_keys", {}).get(key) for one in each)
            for key in keys
        }
        variables = {
            key: as_variable(
                ("descriptor",),
                _like([one.get("data", {}).get(key) for one in each]),
                attributes(told[key] or {}),
            )
            for key in keys
        }
        coordinates = {
            "descriptor_time": ("descriptor", [one["time"] for one in rows]),
            "descriptor_uid": ("descriptor", objects([one["uid"] for one in rows])),
        }
        names = {
            key: key + "_" for key in keys if key in coordinates or key == "descriptor"
        }
        made[device] = xarray.Dataset(
            {names.get(key, key): one for key, one in variables.items()},
            coords=coordinates,
        )
    return made


def descriptors(table: Any) -> list[dict[str, Any]]:
    """Return what the descriptors say: uid, time, data_keys, configuration..."""
    told = (table.schema.metadata or {}).get(b"configuration", b"[]")
    found: list[dict[str, Any]] = json.loads(told)
    return found


def data_keys(table: Any) -> dict[str, dict[str, Any]]:
    """Return what is said of each data key; of several the latest descriptor's word."""
    found = {}
    for one in descriptors(table):
        found.update(one.get("data_keys", {}))
    return found


def attributes(data_key: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a data key says, but for what it leaves open.

    What no attribute of a file can hold (NetCDF has neither objects nor booleans nor
    gaps in lists) is JSON text.
    """
    return {
        name: value if _is_plain(value) else json.dumps(value)
        for name, value in data_key.items()
        if value is not None
    }


def _is_plain(value: Any) -> bool:
    """Return whether it is a number, text, or a list of one of these."""
    if isinstance(value, list):
        kinds = {type(one) for one in value}
        return kinds <= {int, float} or kinds == {str}
    return isinstance(value, str | int | float) and not isinstance(value, bool)


def _variable(
    key: str, values: Any, told: Mapping[str, Any], taken: dict[str, int]
) -> Any:
    """Return a data key's variable.

    Parameters
    ----------
    taken
        Lengths of the dimensions so far, -1 of names that no dimension may have; it
        grows.
    """
    sizes = values.shape[1:]
    own = [f"{key}_dim_{axis}" for axis in range(len(sizes))]
    wanted = (
        [str(one) for one in told.get("dims") or ()][-len(sizes) :] if sizes else []
    )
    fits = len(wanted) == len(set(wanted)) == len(sizes) and all(
        taken.get(one, size) == size for one, size in zip(wanted, sizes, strict=True)
    )
    names = wanted if fits else own
    taken.update(zip(names, sizes, strict=True))
    return as_variable(("time", *names), values, attributes(told))


def _struct(table: Any, name: str) -> dict[str, tuple[Any, str]]:
    """Return a struct's columns by data key, with their encoding."""
    if name not in table.column_names:
        return {}
    column = table.column(name)
    fields = list(column.type)
    parts = column.combine_chunks().flatten() if fields else []
    return {
        field.name: (part, (field.metadata or {}).get(b"encoding", b"").decode())
        for field, part in zip(fields, parts, strict=True)
    }


def _like(values: list[Any]) -> Any:
    """Return values as an array, of objects where they are of several kinds."""
    import numpy as np

    kinds = {type(value) for value in values}
    if kinds <= {float, int} or kinds == {bool}:
        found = np.array(values)
        if found.dtype.kind in "bif":
            return found
    return objects(values)


def _last(values: Iterable[Any]) -> Any:
    found = None
    for value in values:
        found = value if value is not None else found
    return found
