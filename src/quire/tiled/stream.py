"""A stream as bluesky-tiled-plugins reads it: a table, and arrays beside it."""

import json
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from itertools import chain
from typing import Any

import numpy as np
from fastapi import HTTPException
from tiled.server.core import NoEntry  # type: ignore[import-untyped]

from quire.tiled.branch import Branch
from quire.tiled.columns import TABLE, Columns
from quire.tiled.leaves import ArrayAdapter, RaggedAdapter, TableAdapter
from quire.tiled.refusing import asked


class StreamAdapter(Branch):
    """One stream: the table ``internal``, and whatever is no single value."""

    def __init__(self, columns: Columns) -> None:
        told = stream_metadata(columns.descriptors)
        super().__init__(told, ("BlueskyEventStream", "3.0"), ("composite", None))
        self._columns = columns

    async def all_names(self) -> list[str]:
        """Return the table's name and those of the arrays."""
        return [TABLE, *self._columns.arrays, *self._columns.ragged]

    async def lookup_adapter(self, segments: list[str]) -> Any:
        """Return the table, a column of it, or an array.

        Raises
        ------
        NoEntry
            There is none of that name.
        HTTPException
            There is, and it cannot be read; says why.
        """
        name, *rest = segments
        if name == TABLE:
            table = await asked(TableAdapter, self._columns)
            return await table.lookup_adapter(rest) if rest else table
        if name in self._columns.unread:
            words = f"{name} cannot be read: {self._columns.unread[name]}"
            raise HTTPException(HTTPStatus.UNPROCESSABLE_ENTITY, words)
        told = self._columns.told.get(name, {})
        if name in self._columns.arrays and not rest:
            return ArrayAdapter(self._columns.arrays[name], told)
        if name in self._columns.ragged and not rest:
            return RaggedAdapter(self._columns.ragged[name], told)
        raise NoEntry(segments)


def stream_metadata(descriptors: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return a stream's descriptors as `bluesky_tiled_plugins.TiledWriter` keeps them.

    The first as it is; of the later ones uid, time and configuration under
    ``_config_updates``. Data keys are those of all.

    Parameters
    ----------
    descriptors
        In the order of their time.
    """
    if not descriptors:
        return {}
    first, *later = descriptors
    keys: dict[str, Any] = {}
    for one in descriptors:
        keys |= one.get("data_keys") or {}
    own, *others = _configurations(descriptors)
    updates = [
        {"uid": one.get("uid"), "time": one.get("time"), "configuration": other}
        for one, other in zip(later, others, strict=True)
    ]
    told = {**first, "data_keys": keys, "configuration": own}
    return {**told, "_config_updates": updates} if updates else told


def _configurations(descriptors: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the configuration of each descriptor as clients can read them.

    They take for granted that the first has what later ones have, and make an array of
    the values of a key: those of several shapes are their JSON.
    """
    found = [_configuration(one) for one in descriptors]
    first, *later = found
    for device, told in chain.from_iterable(one.items() for one in later):
        own = first.get(device, {})
        parts = ("data", "timestamps")
        lacking = {part: dict.fromkeys(told[part]) for part in parts}
        lacking["data_keys"] = told.get("data_keys") or {}
        first[device] = own | {
            part: {**each, **(own.get(part) or {})} for part, each in lacking.items()
        }
    for device, told in first.items():
        data = [one.get(device, {}).get("data", {}) for one in found]
        for key in told["data"]:
            if not _fit([one.get(key) for one in data]):
                for one in data:
                    if one.get(key) is not None:
                        one[key] = json.dumps(one[key])
    return found


def _fit(values: list[Any]) -> bool:
    """Return whether values can be made one array."""
    try:
        np.array(values)
    except ValueError:
        return False
    return True


def _configuration(descriptor: Mapping[str, Any]) -> dict[str, Any]:
    """Return what clients read of each device without looking whether it is there."""
    found = {}
    for device, one in (descriptor.get("configuration") or {}).items():
        data = dict(one.get("data") or {})
        times = {**dict.fromkeys(data), **(one.get("timestamps") or {})}
        found[device] = {**one, "data": data, "timestamps": times}
    return found
