"""Rows on their way into columns: lists that pages extend at C speed."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any

from quire.runs.columns.cells import Cells, encode
from quire.runs.values import EXACT, as_integer, as_number

Columns = dict[str, list[Any]]
_FIXED = ("uid", "seq_num", "time")


@dataclass(frozen=True, slots=True, kw_only=True)
class Chunk:
    """A block of rows as arrays.

    Attributes
    ----------
    seq_num, time, descriptor
        NumPy arrays: int64; float64, Unix seconds; int32, the descriptor's number.
    uid
        Arrow array of the events' uids.
    """

    seq_num: Any
    time: Any
    descriptor: Any
    uid: Any
    data: dict[str, Cells]
    timestamps: dict[str, Cells]

    @property
    def rows(self) -> int:
        """How many rows."""
        return len(self.seq_num)

    @property
    def arrays(self) -> list[Any]:
        """All of its arrays, NumPy's and Arrow's."""
        found = [self.seq_num, self.time, self.descriptor, self.uid]
        for cells in chain(self.data.values(), self.timestamps.values()):
            found += [cells.leaf.values, *cells.levels]
        return found

    @property
    def nbytes(self) -> int:
        """Bytes of its arrays."""
        return sum(int(array.nbytes) for array in self.arrays)


class Block:
    """Gathers rows until they are made a chunk of.

    A row whose `seq_num` is no integer of at most 2**53 is left out; one whose time is
    no number a view can hold has time 0.
    """

    def __init__(self) -> None:
        self.rows = 0
        self._fixed: Columns = {name: [] for name in _FIXED}
        self._descriptor: list[int] = []
        self._data: Columns = {}
        self._timestamps: Columns = {}

    def add_page(
        self, page: Mapping[str, Any], descriptor: int, left_out: Collection[int]
    ) -> None:
        """Add the rows of an event page, but for some places.

        Rows that one of `uid`, `seq_num` and `time` lacks are left out; a column that
        is too short lacks its last values.
        """
        count = min(len(page[name]) for name in _FIXED)
        places = _kept(page["seq_num"][:count], left_out)
        self.rows += count if places is None else len(places)
        self._descriptor += [descriptor] * (self.rows - len(self._descriptor))
        for name in _FIXED:
            self._fixed[name] += _picked(page[name], count, places)
        for table, columns in self._tables(page):
            for key, values in columns.items():
                held = table.setdefault(key, [])
                begin = self.rows - (count if places is None else len(places))
                held += [None] * (begin - len(held))
                held += _picked(values, count, places)

    def add_event(self, event: Mapping[str, Any], descriptor: int) -> None:
        """Add one event."""
        if as_integer(event["seq_num"]) is None:
            return
        for name in _FIXED:
            self._fixed[name].append(event[name])
        self._descriptor.append(descriptor)
        for table, cells in self._tables(event):
            for key, value in cells.items():
                held = table.get(key)
                if held is None or len(held) < self.rows:
                    held = table.setdefault(key, [])
                    held += [None] * (self.rows - len(held))
                held.append(value)
        self.rows += 1

    def chunk(self) -> Chunk:
        """Return what was gathered, as arrays."""
        import numpy as np
        import pyarrow as pa

        numbers = self._fixed["seq_num"]
        if set(map(type, numbers)) != {int}:
            numbers = [as_integer(one) for one in numbers]
        return Chunk(
            seq_num=np.array(numbers, np.int64),
            time=_times(self._fixed["time"]),
            descriptor=np.array(self._descriptor, np.int32),
            uid=pa.array(self._fixed["uid"], pa.string()),
            data=self._encoded(self._data),
            timestamps=self._encoded(self._timestamps),
        )

    def _tables(
        self, body: Mapping[str, Any]
    ) -> tuple[tuple[Columns, dict[str, Any]], tuple[Columns, dict[str, Any]]]:
        return (self._data, body["data"]), (self._timestamps, body["timestamps"])

    def _encoded(self, table: Columns) -> dict[str, Cells]:
        return {
            key: encode(values + [None] * (self.rows - len(values)))
            for key, values in table.items()
        }


def _kept(numbers: Sequence[Any], left_out: Collection[int]) -> list[int] | None:
    """Return the places of the rows to take, None for all of them."""
    import numpy as np

    plain = set(map(type, numbers)) <= {int}
    if plain and not left_out:
        try:
            within = np.array(numbers, np.int64)
        except OverflowError:
            within = None
        if within is not None and not np.any((within > EXACT) | (within < -EXACT)):
            return None
    return [
        place
        for place, number in enumerate(numbers)
        if place not in left_out and as_integer(number) is not None
    ]


def _picked(values: list[Any], count: int, places: list[int] | None) -> list[Any]:
    if places is None:
        found = values if len(values) == count else values[:count]
        return found + [None] * (count - len(found)) if len(found) < count else found
    return [values[place] if place < len(values) else None for place in places]


def _times(values: list[Any]) -> Any:
    import numpy as np

    if set(map(type, values)) <= {float}:
        times = np.array(values, np.float64)
        times[~np.isfinite(times)] = 0.0
        return times
    return np.array([as_number(one) or 0.0 for one in values], np.float64)
