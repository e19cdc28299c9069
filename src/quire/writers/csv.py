"""One stream as comma-separated values (RFC 4180), in UTF-8.

It holds scalars an event. Every value is in quotes, and only a gap is not: so an empty
text is told from none. Units and values of their own stand in the product's manifest.
"""

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any

from quire.actions.versions import version_of
from quire.products.projection.contents import Block, Contents, Scalar, Variable
from quire.products.projection.executing import EntryLost

_OURS = ("seq_num", "time")
# What a spreadsheet takes for a formula (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class CsvWriter:
    """Writes CSV (`quire.ports.product_writer`)."""

    format = "csv"
    suffix = (".csv", "text/csv")

    @property
    def libraries(self) -> dict[str, str]:
        """Versions of what writes it."""
        return {"pyarrow": version_of("pyarrow")}

    def refusal(self, one: Variable | Scalar, contents: Contents) -> str:
        """Return why the format does not hold something; empty if it does."""
        import pyarrow as pa

        if isinstance(one, Scalar):
            return ""
        if one.key in _OURS:
            return f"{one.key!r} is a column already"
        if one.stream != contents.table:
            return f"CSV holds one stream; this file has {contents.table!r}"
        if one.key.startswith(_FORMULA) or '"' in one.key:
            return "CSV holds no name that a spreadsheet takes for a formula"
        return "CSV holds no arrays" if pa.types.is_nested(one.type) else ""

    def create(self, path: Path, contents: Contents) -> "CsvSheet":
        """Begin a file."""
        return CsvSheet(path, contents)


class CsvSheet:
    """An open CSV file."""

    def __init__(self, path: Path, contents: Contents) -> None:
        import pyarrow as pa
        import pyarrow.csv as pc

        fields = [pa.field("seq_num", pa.int64()), pa.field("time", pa.float64())]
        fields += [pa.field(one.key, one.type) for one in contents.variables]
        self._schema = pa.schema(fields)
        options = pc.WriteOptions(quoting_style="all_valid")
        self._out = path.open("xb")
        self._writer = pc.CSVWriter(self._out, self._schema, write_options=options)

    def write(self, block: Block) -> None:
        """Write rows."""
        import pyarrow as pa

        for key, array in block.columns.items():
            _require_harmless(key, array)
        arrays = [pa.array(block.seq_num), pa.array(block.time)]
        arrays += [block.columns[name] for name in self._schema.names[2:]]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema))

    def finish(self, reduced: Sequence[Scalar]) -> None:
        """Close the file; what is no column stands in the manifest."""
        del reduced
        self.abandon()

    def abandon(self) -> None:
        """Close the file."""
        self._writer.close()
        self._out.close()


def _require_harmless(key: str, array: object) -> None:
    import pyarrow as pa

    pc: Any = import_module("pyarrow.compute")
    if not isinstance(array, pa.StringArray | pa.LargeStringArray):
        return
    if pc.any(pc.match_substring(array, "\0")).as_py():
        raise EntryLost(key, "not_held", "a text has a NUL character in it")
    # JSON and digits are texts of ours, and may begin with a sign.
    for mark in _FORMULA:
        if pc.any(pc.starts_with(array, mark)).as_py():
            reason = f"a text begins with {mark!r}, as a spreadsheet's formula"
            raise EntryLost(key, "not_held", reason)
