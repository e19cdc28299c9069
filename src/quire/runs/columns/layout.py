"""The columns of a stream side by side, in the form in which they are kept.

Kept are flat columns with names that no data key can clash with: ``seq_num``,
``time``, ``uid``, ``descriptor``, ``superseded``, then ``data/<key>`` and
``timestamps/<key>``. Readers get them as structs (`quire.runs.arrow`).
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from quire.runs.columns.block import Chunk
from quire.runs.columns.cells import Cells, Kind, Leaf
from quire.runs.columns.configuration import Configuration, in_stream
from quire.runs.columns.widening import widen

DATA = "data/"
TIMESTAMPS = "timestamps/"
FIXED = ("seq_num", "time", "uid", "descriptor", "superseded")
_META = b"quire"


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnView:
    """The column view of a stream.

    Attributes
    ----------
    table
        Arrow table of all rows, by sequence number; the superseded ones of a rewind
        before the one that counts.
    configuration
        What the descriptors say.
    superseded
        How many rows are superseded.
    """

    table: Any
    configuration: Configuration
    superseded: int = 0

    @property
    def rows(self) -> int:
        """How many rows count."""
        return int(self.table.num_rows) - self.superseded

    @property
    def keys(self) -> list[str]:
        """The data keys that have a column."""
        return data_keys(self.table.schema)


def data_keys(schema: Any) -> list[str]:
    """Return the data keys that have a column in a kept schema."""
    return [name.removeprefix(DATA) for name in schema.names if name.startswith(DATA)]


def metadata(configuration: Configuration, superseded: int) -> dict[bytes, bytes]:
    """Return what a kept schema says of the stream."""
    told = {"configuration": configuration.descriptors, "superseded": superseded}
    return {_META: json.dumps(told).encode()}


def from_metadata(schema: Any) -> tuple[Configuration, int]:
    """Return configuration and number of superseded rows that a kept schema tells."""
    told = json.loads(schema.metadata[_META])
    return Configuration(descriptors=tuple(told["configuration"])), told["superseded"]


def laid_out(chunks: Sequence[Chunk], configuration: Configuration) -> Any:
    """Return a table of the chunks' rows, in their order."""
    import pyarrow as pa

    arrays = [
        pa.chunked_array([pa.array(one.seq_num) for one in chunks], pa.int64()),
        pa.chunked_array([pa.array(one.time) for one in chunks], pa.float64()),
        pa.chunked_array([one.uid for one in chunks], pa.string()),
        pa.chunked_array([pa.array(one.descriptor) for one in chunks], pa.int32()),
    ]
    fields = [
        pa.field(name, array.type, nullable=False)
        for name, array in zip(FIXED, arrays, strict=False)
    ]
    keys = _keys(configuration, chunks)
    for prefix, table, about in (
        (DATA, _data, keys),
        (TIMESTAMPS, _timestamps, {key: {"dtype": "number"} for key in keys}),
    ):
        for key, declared in about.items():
            found = widen(
                [_cells(table(one), key, one.rows) for one in chunks], declared
            )
            noted = {"encoding": found.encoding} if found.encoding else {}
            if prefix == DATA:
                noted["data_key"] = json.dumps(declared)
            arrays.append(pa.chunked_array(found.chunks, found.type))
            fields.append(pa.field(prefix + key, found.type, metadata=noted))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields))


def _data(chunk: Chunk) -> dict[str, Cells]:
    return chunk.data


def _timestamps(chunk: Chunk) -> dict[str, Cells]:
    return chunk.timestamps


def _keys(
    configuration: Configuration, chunks: Iterable[Chunk]
) -> dict[str, dict[str, Any]]:
    """Return what is said of each key that events should have, or do have."""
    declared = configuration.data_keys
    sent = dict.fromkeys(key for chunk in chunks for key in chunk.data)
    own = {k: one for k, one in declared.items() if k in sent or not in_stream(one)}
    return own | {key: {} for key in sorted(sent) if key not in declared}


def _cells(table: dict[str, Cells], key: str, rows: int) -> Cells:
    import pyarrow as pa

    found = table.get(key)
    if found is not None:
        return found
    return Cells(rows=rows, leaf=Leaf(kind=Kind.MISSING, values=pa.nulls(rows)))
