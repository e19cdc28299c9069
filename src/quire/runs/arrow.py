"""A table as an Arrow IPC stream."""

import json
from typing import Any

from quire.runs.table import Table


def to_arrow_bytes(table: Table) -> bytes:
    """Return the table in Arrow's streaming format.

    Columns are ``seq_num``, ``time`` and one struct each, ``data`` and
    ``timestamps``, whose fields are the data keys: no key can clash with a column of
    ours. What the descriptor says of a key stands in its field's metadata under
    ``data_key``. A column of mixed types becomes JSON text, marked by the metadata
    ``encoding: json``.
    """
    import pyarrow as pa

    numbers = pa.array(table.seq_num, pa.int64())
    times = pa.array(table.time, pa.float64())
    data = _struct(table.data, table.data_keys, len(table.seq_num))
    stamps = _struct(table.timestamps, {}, len(table.seq_num))
    names = ["seq_num", "time", "data", "timestamps"]
    batch = pa.record_batch([numbers, times, data, stamps], names=names)
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, batch.schema) as writer:
        writer.write_batch(batch)
    result: bytes = sink.getvalue().to_pybytes()
    return result


def _struct(columns: dict[str, list[Any]], keys: dict[str, Any], rows: int) -> Any:
    import pyarrow as pa

    arrays: list[Any] = []
    fields: list[Any] = []
    for name, values in columns.items():
        array, encoding = _array(values)
        metadata = {"encoding": encoding} if encoding else {}
        if name in keys:
            metadata["data_key"] = json.dumps(keys[name])
        arrays.append(array)
        fields.append(pa.field(name, array.type, metadata=metadata))
    if not fields:
        return pa.array([{}] * rows, pa.struct([]))
    return pa.StructArray.from_arrays(arrays, fields=fields)


def _array(values: list[Any]) -> tuple[Any, str]:
    import pyarrow as pa

    kinds = {type(value) for value in values} - {type(None)}
    try:
        if kinds == {int, float}:
            # A type that changed midway widens; integers past 2^53 would not survive.
            if all(abs(one) <= 2**53 for one in values if isinstance(one, int)):
                return pa.array(values, pa.float64()), ""
        elif len(kinds) <= 1 and dict not in kinds:
            return pa.array(values), ""
    except (pa.ArrowException, OverflowError, ValueError, TypeError):
        pass
    return pa.array([json.dumps(value) for value in values], pa.string()), "json"
