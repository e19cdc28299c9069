"""A stream as bluesky-tiled-plugins reads it: a table, and arrays beside it."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import HTTPException
from tiled.server.core import NoEntry  # type: ignore[import-untyped]

from quire.tiled.branch import Branch
from quire.tiled.columns import Columns
from quire.tiled.leaves import ArrayAdapter, RaggedAdapter, TableAdapter
from quire.tiled.refusing import asked

TABLE = "internal"


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
    updates = [
        {
            "uid": one.get("uid"),
            "time": one.get("time"),
            "configuration": _configuration(one),
        }
        for one in later
    ]
    told = {**first, "data_keys": keys, "configuration": _configuration(first)}
    return {**told, "_config_updates": updates} if updates else told


def _configuration(descriptor: Mapping[str, Any]) -> dict[str, Any]:
    """Return what clients read of each device without looking whether it is there."""
    found = {}
    for device, one in (descriptor.get("configuration") or {}).items():
        data = one.get("data") or {}
        times = {**dict.fromkeys(data), **(one.get("timestamps") or {})}
        found[device] = {**one, "data": data, "timestamps": times}
    return found
