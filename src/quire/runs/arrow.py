"""A stream as an Arrow IPC stream.

Columns are ``seq_num``, ``time`` and one struct each, ``data`` and ``timestamps``,
whose fields are the data keys: no key can clash with a column of ours. On request
``uid`` and ``descriptor`` (the place in the configuration) and ``superseded`` follow
``time``. What the descriptor says of a key stands in its field's metadata under
``data_key``; ``encoding`` there is ``json`` where the text is JSON, and ``integer``
where it is the digits of integers beyond 64 bits. The schema's metadata hold the
``configuration``: a JSON list, one entry a descriptor; and how many ``events`` the whole
stream has, superseded ones among them: a part that begins behind others tells by it
whether any have come between those.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from quire.runs.columns.configuration import Configuration
from quire.runs.columns.layout import DATA, TIMESTAMPS

MEDIA_TYPE = "application/vnd.apache.arrow.stream"
BATCH_ROWS = 65_536
_MEMORY_PAGE = 4096


def arrow_schema(kept: Any, configuration: Configuration, events: int) -> Any:
    """Return the schema in which columns of a kept schema are given.

    Parameters
    ----------
    kept
        Arrow schema of the columns that are wanted, in the kept form.
    events
        How many the whole stream has.
    """
    import pyarrow as pa

    fields = [field for field in kept if not field.name.startswith((DATA, TIMESTAMPS))]
    fields.append(pa.field("data", pa.struct(_members(kept, DATA))))
    if any(name.startswith(TIMESTAMPS) for name in kept.names):
        fields.append(pa.field("timestamps", pa.struct(_members(kept, TIMESTAMPS))))
    told = {
        "configuration": json.dumps(configuration.descriptors),
        "events": str(events),
    }
    return pa.schema(fields, metadata=told)


def to_batches(table: Any, schema: Any) -> Iterator[Any]:
    """Yield a kept table's rows as record batches of the schema."""
    for batch in table.to_batches(max_chunksize=BATCH_ROWS):
        yield _batch(batch, schema)


def ipc_stream(schema: Any, tables: Iterable[Any]) -> Iterator[list[memoryview]]:
    """Yield an Arrow IPC stream, in parts of many pieces: arrays are not copied.

    Parameters
    ----------
    schema
        From `arrow_schema`.
    tables
        Arrow tables in the kept form.
    """
    import pyarrow as pa

    sink = _Pieces()
    with pa.ipc.new_stream(sink, schema) as writer:
        yield sink.taken()
        for table in tables:
            for batch in to_batches(table, schema):
                writer.write_batch(batch)
                part = sink.taken()
                _load(part)
                yield part
    yield sink.taken()


class _Pieces:
    """A file to Arrow that keeps what is written, as it lies in memory."""

    closed = False

    def __init__(self) -> None:
        self._held: list[memoryview] = []

    def write(self, data: Any) -> int:
        """Keep some bytes, or a buffer of an array."""
        self._held.append(memoryview(data))
        return len(data)

    def flush(self) -> None:
        """Do nothing."""

    def taken(self) -> list[memoryview]:
        """Return what was written since the last time."""
        taken, self._held = self._held, []
        return taken


def _load(pieces: Iterable[memoryview]) -> None:
    """Have arrays in memory that lie in mapped files: who sends them must not wait."""
    import numpy as np

    for piece in pieces:
        np.frombuffer(piece, np.uint8)[::_MEMORY_PAGE].max(initial=0)


def _members(kept: Any, prefix: str) -> list[Any]:
    return [
        field.with_name(field.name.removeprefix(prefix))
        for field in kept
        if field.name.startswith(prefix)
    ]


def _batch(flat: Any, schema: Any) -> Any:
    import pyarrow as pa

    arrays = []
    for field in schema:
        prefix = {"data": DATA, "timestamps": TIMESTAMPS}.get(field.name)
        if prefix is None:
            arrays.append(flat.column(field.name))
        elif not len(field.type):
            arrays.append(pa.array([{}] * flat.num_rows, field.type))
        else:
            children = [flat.column(prefix + one.name) for one in field.type]
            arrays.append(pa.StructArray.from_arrays(children, fields=list(field.type)))
    return pa.RecordBatch.from_arrays(arrays, schema=schema)
