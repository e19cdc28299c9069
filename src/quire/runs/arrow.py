"""A stream as an Arrow IPC stream.

Columns are ``seq_num``, ``time`` and one struct each, ``data`` and ``timestamps``,
whose fields are the data keys: no key can clash with a column of ours. On request
``uid`` and ``descriptor`` (the place in the configuration) and ``superseded`` follow
``time``. What the descriptor says of a key stands in its field's metadata under
``data_key``; ``encoding`` there is ``json`` where the text is JSON, and ``integer``
where it is the digits of integers beyond 64 bits. The schema's metadata hold the
``configuration``: a JSON list, one entry a descriptor.
"""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from quire.runs.columns.configuration import Configuration
from quire.runs.columns.layout import DATA, TIMESTAMPS

MEDIA_TYPE = "application/vnd.apache.arrow.stream"
BATCH_ROWS = 16_384
# What is sent is copied on its way: in a piece of this size where the last one was.
_PIECE = 512 * 1024
# Arrow's specification, "IPC Streaming Format": a continuation mark and no length.
_END = b"\xff\xff\xff\xff\x00\x00\x00\x00"


def arrow_schema(kept: Any, configuration: Configuration) -> Any:
    """Return the schema in which columns of a kept schema are given.

    Parameters
    ----------
    kept
        Arrow schema of the columns that are wanted, in the kept form.
    """
    import pyarrow as pa

    fields = [field for field in kept if not field.name.startswith((DATA, TIMESTAMPS))]
    fields.append(pa.field("data", pa.struct(_members(kept, DATA))))
    if any(name.startswith(TIMESTAMPS) for name in kept.names):
        fields.append(pa.field("timestamps", pa.struct(_members(kept, TIMESTAMPS))))
    told = json.dumps(configuration.descriptors)
    return pa.schema(fields, metadata={"configuration": told})


def to_batches(table: Any, schema: Any) -> Iterator[Any]:
    """Yield a kept table's rows as record batches of the schema."""
    for batch in table.to_batches(max_chunksize=BATCH_ROWS):
        yield _batch(batch, schema)


def ipc_stream(schema: Any, tables: Iterable[Any]) -> Iterator[Any]:
    """Yield an Arrow IPC stream, in pieces.

    Parameters
    ----------
    schema
        From `arrow_schema`.
    tables
        Arrow tables in the kept form.
    """
    yield memoryview(schema.serialize())
    for table in tables:
        for batch in to_batches(table, schema):
            message = memoryview(batch.serialize())
            for at in range(0, len(message), _PIECE):
                yield message[at : at + _PIECE]
    yield _END


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
