"""The numbers of a stream as they come, for plots."""

import math
from array import array
from collections.abc import Collection, Iterable, Mapping
from typing import Any

from quire.documents.document import Document
from quire.documents.identity import bulk_rows
from quire.documents.names import DocumentName as Name
from quire.runs.columns.decimation import extremes
from quire.runs.columns.layout import DATA

FIXED = ("seq_num", "time")
_MOST_KEYS = 32
_MOST_ROWS = 262_144
_THINNED = 32_768


class Samples:
    """The single numbers of one stream's events, in the order in which they came.

    Of very long streams only the rows that `extremes` chooses stay.

    Attributes
    ----------
    events
        How many there were.
    renewed
        Grows when rows of before have changed: what was read of them is void.
    """

    def __init__(self) -> None:
        self.events = 0
        self.renewed = 0
        self._columns = {name: array("d") for name in FIXED}
        self._places: dict[float, int] = {}
        self._last = -math.inf

    @property
    def rows(self) -> int:
        """How many rows are kept."""
        return len(self._columns["seq_num"])

    @property
    def keys(self) -> tuple[str, ...]:
        """The data keys that have had a number."""
        return tuple(self._columns)[len(FIXED) :]

    def take(self, document: Document, repeated: Collection[int] = ()) -> None:
        """Take the rows of an event, a page, or bulk events."""
        for place, row in enumerate(_rows(document)):
            if place not in repeated:
                self.add(*row)

    def add(self, number: float, time: float, data: Mapping[str, Any]) -> None:
        """Take one event; of those with one number the latest counts."""
        self.events += 1
        known = self._places.get(number) if number <= self._last else None
        if known is not None:
            if time >= self._columns["time"][known]:
                self._fill(known, time, data)
            self.renewed += 1
            return
        if number < self._last:
            self.renewed += 1  # it came late: the order changes
        self._last = max(self._last, number)
        self._places[number] = self.rows
        for column in self._columns.values():
            column.append(math.nan)
        self._columns["seq_num"][-1] = number
        self._fill(self.rows - 1, time, data)
        if self.rows > _MOST_ROWS:
            self._thin()

    def _fill(self, place: int, time: float, data: Mapping[str, Any]) -> None:
        self._columns["time"][place] = time
        for key, value in data.items():
            if isinstance(value, int | float):
                column = self._columns.get(key)
                if column is None:
                    column = self._new(key)
                if column is not None:
                    column[place] = _number(value)

    def _new(self, key: str) -> "array[float] | None":
        if len(self._columns) >= _MOST_KEYS + len(FIXED) or key in FIXED:
            return None
        made = self._columns[key] = array("d", [math.nan]) * self.rows
        return made

    def _thin(self) -> None:
        kept = self._chosen(0, self.keys, _THINNED)
        self._columns = {
            name: array("d", [column[place] for place in kept])
            for name, column in self._columns.items()
        }
        numbers = self._columns["seq_num"]
        self._places = {number: place for place, number in enumerate(numbers)}
        self.renewed += 1

    def since(
        self, row: int, keys: Iterable[str], stretches: int
    ) -> dict[str, list[float | None]]:
        """Return the rows from one on by their columns, as many as a plot shows.

        They are in the order of their numbers. None stands where there is no number.
        """
        wanted = [key for key in keys if key in self._columns and key not in FIXED]
        places = self._chosen(row, wanted, stretches)
        return {
            name: _plain(_values(self._columns[name])[places].tolist())
            for name in (*FIXED, *wanted)
        }

    def _chosen(self, row: int, keys: Iterable[str], stretches: int) -> Any:
        import numpy as np

        numbers = _values(self._columns["seq_num"])[row:]
        order = np.argsort(numbers, kind="stable") + row
        shown = [_values(self._columns[key])[order] for key in keys]
        return order[extremes(shown, len(order), stretches)]


def number_keys(schema: Any) -> tuple[str, ...]:
    """Return the data keys of a kept schema that hold single numbers."""
    from pyarrow import types

    tests = (types.is_floating, types.is_integer, types.is_boolean)
    return tuple(
        name.removeprefix(DATA)
        for name in schema.names
        if name.startswith(DATA)
        and any(test(schema.field(name).type) for test in tests)
    )[:_MOST_KEYS]


def picture_of(
    tables: Iterable[Any], keys: Iterable[str], stretches: int
) -> tuple[int, dict[str, list[float | None]]]:
    """Return how many rows kept tables have, and those that a plot shows."""
    import numpy as np

    names = dict(zip(FIXED, FIXED, strict=True)) | {DATA + key: key for key in keys}
    parts: dict[str, list[Any]] = {own: [np.empty(0)] for own in names}
    for table in tables:
        for own in names:
            column = table.column(own).cast("float64", safe=False)
            parts[own].append(column.to_numpy())
    columns = {own: np.concatenate(part) for own, part in parts.items()}
    rows = len(columns["seq_num"])
    shown = [columns[own] for own in names if own not in FIXED]
    places = extremes(shown, rows, stretches)
    return rows, {
        name: _plain(columns[own][places].tolist()) for own, name in names.items()
    }


def _plain(values: Iterable[float]) -> list[float | None]:
    return [value if math.isfinite(value) else None for value in values]


def _values(column: "array[float]") -> Any:
    import numpy as np

    return np.frombuffer(column) if column else np.empty(0)


def _rows(document: Document) -> Iterable[tuple[float, float, Mapping[str, Any]]]:
    body = document.body
    match document.name:
        case Name.EVENT:
            yield body["seq_num"], body["time"], body["data"]
        case Name.EVENT_PAGE:
            data = body["data"]
            for place, number in enumerate(body["seq_num"]):
                row = {key: values[place] for key, values in data.items()}
                yield number, body["time"][place], row
        case Name.BULK_EVENTS:
            for event in bulk_rows(body):
                yield event["seq_num"], event["time"], event["data"]


def _number(value: float) -> float:
    try:
        return float(value)
    except OverflowError:  # an integer beyond 1e308
        return math.nan
