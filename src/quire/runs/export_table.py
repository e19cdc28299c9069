"""Blocks of exported rows as Arrow and Parquet; one schema for the whole file."""

import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from quire.runs.query.fields import Field, FieldType
from quire.runs.searchable import is_added

MISFITS = "misfits"
"""Name of the column that has the values that do not fit theirs."""

_JSON = {"encoding": "json"}
_BEYOND = 2**63
_NARROW = frozenset(
    {FieldType.INTEGER, FieldType.NUMBER, FieldType.TIME, FieldType.BOOLEAN}
)
# The record has these in the one type that they declare.
_FITTING = frozenset(
    {
        *("scan_id", "time", "stop_time", "duration", "events"),
        *("experiment", "run", "all_detectors_running"),
    }
)


class Chunks:
    """A file that is handed on as it is written."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0
        self.closed = False

    def write(self, data: Any) -> int:
        """Take bytes."""
        part = bytes(data)
        self._parts.append(part)
        self._size += len(part)
        return len(part)

    def tell(self) -> int:
        """Return how many bytes have been written."""
        return self._size

    def flush(self) -> None:
        """Do nothing: there is nothing below."""

    def close(self) -> None:
        """Take no more."""
        self.closed = True

    def writable(self) -> bool:
        """Return True."""
        return True

    def readable(self) -> bool:
        """Return False."""
        return False

    def seekable(self) -> bool:
        """Return False."""
        return False

    def taken(self) -> bytes:
        """Return what was written since the last time."""
        whole, self._parts = b"".join(self._parts), []
        return whole


class ColumnFile:
    """Writes blocks of rows, in columns of the types that their fields declare.

    An open field may hold a number in one run and a string in the next: its cells are
    JSON, marked by the field's metadata ``encoding: json``. So may a declared one, for a
    document says what it likes: text stands beside text as JSON, and of a column of
    numbers or truths a last column, `MISFITS`, has what does not fit.

    Parameters
    ----------
    columns
        Which field each column has, by the column's name.
    """

    def __init__(self, columns: Mapping[str, Field], *, parquet: bool) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._columns = [(name, _kind(field)) for name, field in columns.items()]
        described = [_described(name, field) for name, field in columns.items()]
        self._with_misfits = any(map(_may_misfit, columns.values()))
        if self._with_misfits:
            name = MISFITS
            while name in columns:
                name += "_"
            described.append(pa.field(name, pa.string(), metadata=_JSON))
        self._schema = pa.schema(described)
        self._chunks = Chunks()
        self._writer: Any = (
            pq.ParquetWriter(self._chunks, self._schema, compression="zstd")
            if parquet
            else pa.ipc.new_stream(self._chunks, self._schema)
        )

    def add(self, rows: Sequence[Sequence[Any]]) -> bytes:
        """Write a block; return the bytes that are ready."""
        import pyarrow as pa

        misfits: list[dict[str, Any]] = [{} for _ in rows]
        columns: list[list[Any]] = []
        for place, (name, kind) in enumerate(self._columns):
            column: list[Any] = []
            for row, others in zip(rows, misfits, strict=True):
                value = row[place]
                cell = None if value is None else _CELLS[kind](value)
                if cell is None and value is not None:
                    others[name] = value
                column.append(cell)
            columns.append(column)
        if self._with_misfits:
            columns.append([_as_json(others) if others else None for others in misfits])
        arrays = [
            pa.array(column, field.type)
            for column, field in zip(columns, self._schema, strict=True)
        ]
        self._writer.write_batch(pa.record_batch(arrays, schema=self._schema))
        return self._chunks.taken()

    def end(self) -> Iterator[bytes]:
        """Finish the file; yield the bytes that are left."""
        self._writer.close()
        yield self._chunks.taken()


def _kind(field: Field) -> FieldType:
    # Of what is added to a run there are mostly several.
    several = is_added(field.path) or field.path == "start.data_groups"
    return FieldType.OPEN if several else field.type


def _may_misfit(field: Field) -> bool:
    return field.path not in _FITTING and _kind(field) in _NARROW


def _described(name: str, field: Field) -> Any:
    import pyarrow as pa

    kind = _kind(field)
    types = {
        FieldType.INTEGER: pa.int64(),
        FieldType.NUMBER: pa.float64(),
        FieldType.TIME: pa.float64(),
        FieldType.BOOLEAN: pa.bool_(),
    }
    told = dict(_JSON) if kind is FieldType.OPEN else {}
    unit = "s" if kind is FieldType.TIME else field.unit
    told |= {"units": unit} if unit else {}
    told |= {"description": field.description} if field.description else {}
    return pa.field(name, types.get(kind, pa.string()), metadata=told or None)


def _integer(value: Any) -> int | None:
    if type(value) is float and value.is_integer() and abs(value) < _BEYOND:
        return int(value)
    return value if type(value) is int else None


def _number(value: Any) -> float | None:
    if type(value) not in (int, float) or float(value) != value:
        return None
    return float(value)


def _moment(value: Any) -> float | None:
    return float(value) if type(value) in (int, float) else None


def _truth(value: Any) -> bool | None:
    return value if isinstance(value, bool) else None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else _as_json(value)


def _as_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


_CELLS: Mapping[FieldType, Callable[[Any], Any]] = {
    FieldType.INTEGER: _integer,
    FieldType.NUMBER: _number,
    FieldType.TIME: _moment,
    FieldType.BOOLEAN: _truth,
    FieldType.STRING: _text,
    FieldType.OPEN: _as_json,
}
