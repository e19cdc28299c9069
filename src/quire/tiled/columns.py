"""A stream's values, and in which form each is shown."""

import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any

import numpy as np

from quire.client.columns import objects
from quire.client.tables import shown
from quire.tiled.growing import GrowingStream
from quire.tiled.names import addressed

TABLE = "internal"
ROWS = ("seq_num", "time")
_PREFIX = "ts_"


class Columns:
    """The values of one stream, by the names that tiled's clients can ask for.

    Attributes
    ----------
    stream
        Whose they are, to be read on.
    cells
        By name what has one value an event, for a table: an array, of text and None
        where it is of objects. What is of several kinds, or of integers beyond 64
        bits, is its JSON; booleans of which some are missing are numbers.
    arrays
        By name an `xarray.Variable`, its first dimension ``time``; what lies in files
        is read as it is looked at.
    ragged
        By name a list of lists, one an event.
    unread
        By name why a data key's values cannot be read.
    told
        By name what the descriptors say of it.
    descriptors
        As the server tells them, in the order of their time.
    """

    def __init__(self, stream: GrowingStream) -> None:
        self.stream = stream
        # Tiled's JSON has no integers beyond 64 bits.
        self.descriptors = stream.describe(exact=False)
        found = stream.read()
        self.cells: dict[str, Any] = {
            name: found[name].values for name in ROWS if name in found.coords
        }
        self.arrays: dict[str, Any] = {}
        self.ragged: dict[str, list[Any]] = {}
        keys: dict[str, Any] = {}
        for one in self.descriptors:
            keys |= one.get("data_keys", {})
        names = shown(keys)
        variables = list(map(str, found.data_vars))
        self._calls = addressed([*names.values(), *variables], (TABLE,))
        self.told: dict[str, dict[str, Any]] = {
            self._calls[names[key]]: told for key, told in keys.items()
        }
        self.unread = {
            self._calls[names[key]]: one.removeprefix(f"{key}: ")
            for one in found.attrs.get("unread", ())
            for key in keys
            if one.startswith(f"{key}: ")
        }
        for name in variables:
            self._sort_in(self._calls[name], found[name].variable)

    def _sort_in(self, name: str, variable: Any) -> None:
        kind = variable.dtype.kind
        if kind != "O":
            # Tiled keeps column names with an underscore before them for itself.
            plain = variable.ndim == 1 and not name.startswith("_")
            if plain and kind in "biuf" and not self._is_external(name):
                self.cells[name] = variable.values
            else:
                self.arrays[name] = variable
            return
        values = variable.values
        if values.ndim > 1 and _kinds(values) == {str}:
            words = np.array(values.tolist())
            self.arrays[name] = variable.copy(data=words)
        elif values.ndim == 1 and (lists := _lists(values)) is not None:
            self.ragged[name] = lists
        elif name.startswith("_"):
            self.unread[name] = "tiled reserves names with an underscore before them"
        else:
            self.cells[name] = _plain(values)

    def _is_external(self, name: str) -> bool:
        return bool(self.told.get(name, {}).get("external"))

    @property
    def may_change(self) -> bool:
        """Whether it may without a further document: files come late, or are made anew."""
        return any(map(self._is_external, self.told))

    @cached_property
    def timed(self) -> dict[str, str]:
        """By name of a column with times of single values that of its data key."""
        look = self.stream.table(assets=False, limit=1)
        if "timestamps" not in look.column_names:
            return {}
        keys = [field.name for field in look.schema.field("timestamps").type]
        names = {
            _PREFIX + self._calls[one]: one
            for one in shown(keys).values()
            if one in self._calls
        }
        # A data key of that name is shown, not the other's times.
        return {name: key for name, key in names.items() if name not in self.told}

    @cached_property
    def times(self) -> Mapping[str, Any]:
        """The times of single values, Unix seconds, by column."""
        found = self.stream.timestamps().swap_dims(time="seq_num")
        # There may be more of them by now than of what was read before.
        own = found.reindex(seq_num=self.cells["seq_num"])
        return {name: own[key].values for name, key in self.timed.items()}

    @property
    def nbytes(self) -> int:
        """How much memory the values take, about."""
        inside = [
            one.values
            for name, one in self.arrays.items()
            if not self._is_external(name)
        ]
        own = [one for one in (*self.cells.values(), *inside) if one.base is None]
        lists = sum(8 * len(row) for rows in self.ragged.values() for row in rows)
        # The others are views of what was read.
        return self.stream.nbytes + sum(int(one.nbytes) for one in own) + lists


def _lists(values: Any) -> list[Any] | None:
    """Return ragged numbers as lists, None if they are something else."""
    if not any(isinstance(one, np.ndarray) for one in values):
        return None
    rows = [[] if one is None else one for one in values]
    if not all(isinstance(one, list | np.ndarray) for one in rows):
        return None
    if not all(isinstance(one, list) or one.dtype.kind in "biuf" for one in rows):
        return None
    if len({one.ndim for one in rows if isinstance(one, np.ndarray)}) > 1:
        return None
    return [one if isinstance(one, list) else one.tolist() for one in rows]


def _plain(values: Any) -> Any:
    """Return objects as a table of tiled's can hold them."""
    kinds = _kinds(values) - {type(None)}
    if kinds == {bool}:  # as text, False would be true
        return np.array([np.nan if one is None else one for one in values], float)
    return values if kinds <= {str} else _texts(values)


def _kinds(values: Any) -> set[type]:
    return {type(one) for one in values.flat}


def _texts(values: Any) -> Any:
    return objects([None if one is None else _text(one) for one in values])


def _text(value: Any) -> str:
    return json.dumps(value, default=_builtin)


def _builtin(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else str(value)
