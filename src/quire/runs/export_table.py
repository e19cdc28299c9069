"""Blocks of exported rows as Arrow and Parquet; one schema for the whole file."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from quire.runs.exporting import FIELDS

_NUMBERS = frozenset({"time", "stop_time", "duration"})
_INTEGERS = frozenset({"scan_id", "experiment", "run", "events"})


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
    """Writes blocks of rows; fields that are no known number become text.

    An open field may hold a number in one run and a string in the next: its cells are
    JSON, marked by the field's metadata ``encoding: json``.
    """

    def __init__(self, names: Sequence[str], *, parquet: bool) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._names = names
        self._schema = pa.schema([_field(name) for name in names])
        self._chunks = Chunks()
        self._parquet = parquet
        self._writer: Any = (
            pq.ParquetWriter(self._chunks, self._schema, compression="zstd")
            if parquet
            else pa.ipc.new_stream(self._chunks, self._schema)
        )

    def add(self, rows: Sequence[Sequence[Any]]) -> bytes:
        """Write a block; return the bytes that are ready."""
        import pyarrow as pa

        columns = [
            pa.array([_cell(name, row[place]) for row in rows], field.type)
            for place, (name, field) in enumerate(
                zip(self._names, self._schema, strict=True)
            )
        ]
        batch = pa.record_batch(columns, schema=self._schema)
        self._writer.write_batch(batch)
        return self._chunks.taken()

    def end(self) -> Iterator[bytes]:
        """Finish the file; yield the bytes that are left."""
        self._writer.close()
        yield self._chunks.taken()


def _field(name: str) -> Any:
    import pyarrow as pa

    if name in _NUMBERS:
        return pa.field(name, pa.float64())
    if name in _INTEGERS:
        return pa.field(name, pa.int64())
    if name in FIELDS:
        return pa.field(name, pa.string())
    return pa.field(name, pa.string(), metadata={"encoding": "json"})


def _cell(name: str, value: Any) -> Any:
    if value is None or name in _NUMBERS or name in _INTEGERS:
        return value if not isinstance(value, list) else value[0]
    if name in FIELDS:
        return value if isinstance(value, str) else json.dumps(value)
    return json.dumps(value, ensure_ascii=False)
