"""One stream as a Parquet file; values of their own stand in the file's metadata.

Columns are ``seq_num``, ``time`` and the projection's keys. A column's metadata hold
``units``, ``encoding`` and ``fields``; the file's, under ``quire.values``, the rest.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from quire.actions.versions import version_of
from quire.products.projection.contents import Block, Contents, Scalar, Variable

_OURS = ("seq_num", "time")
VALUES = "quire.values"


class ParquetWriter:
    """Writes Parquet (`quire.ports.product_writer`)."""

    format = "parquet"
    suffix = (".parquet", "application/vnd.apache.parquet")

    @property
    def libraries(self) -> dict[str, str]:
        """Versions of what writes it."""
        return {"pyarrow": version_of("pyarrow")}

    def refusal(self, one: Variable | Scalar, contents: Contents) -> str:
        """Return why the format does not hold something; empty if it does."""
        if isinstance(one, Scalar):
            return ""
        if one.key in _OURS:
            return f"{one.key!r} is a column already"
        if one.stream != contents.table:
            return f"Parquet holds one stream; this file has {contents.table!r}"
        return ""

    def create(self, path: Path, contents: Contents) -> "ParquetSheet":
        """Begin a file."""
        return ParquetSheet(path, contents)


class ParquetSheet:
    """An open Parquet file."""

    def __init__(self, path: Path, contents: Contents) -> None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        self._contents = contents
        fields = [pa.field("seq_num", pa.int64()), pa.field("time", pa.float64())]
        fields += [
            pa.field(one.key, one.type, metadata=_told(one))
            for one in contents.variables
        ]
        self._schema = pa.schema(fields)
        self._out = path.open("xb")
        self._writer = pq.ParquetWriter(self._out, self._schema, compression="zstd")

    def write(self, block: Block) -> None:
        """Write rows."""
        import pyarrow as pa

        arrays = [pa.array(block.seq_num), pa.array(block.time)]
        arrays += [block.columns[name] for name in self._schema.names[2:]]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))

    def finish(self, reduced: Sequence[Scalar]) -> None:
        """Write the values of their own, and close."""
        told = {
            one.key: {"value": _plain(one.value), **_about(one)}
            for one in (*self._contents.scalars, *reduced)
        }
        about = {
            VALUES: json.dumps(told),
            "quire.attributes": json.dumps(self._contents.attributes),
        }
        self._writer.add_key_value_metadata(about)
        self._writer.close()
        self._out.close()

    def abandon(self) -> None:
        """Close the file."""
        self._writer.close()
        self._out.close()


def _told(one: Variable) -> dict[str, str]:
    told = {**_about(one), "fields": list(one.fields), "stream": one.stream}
    return {
        name: value if isinstance(value, str) else json.dumps(value)
        for name, value in told.items()
    }


def _about(one: Variable | Scalar) -> dict[str, Any]:
    given = {"units": one.units, "encoding": one.encoding}
    return {**{name: told for name, told in given.items() if told}, **one.attributes}


def _plain(value: Any) -> Any:
    return value.tolist() if hasattr(value, "tolist") else value
