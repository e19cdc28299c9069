"""Data in files as columns of a table."""

import json
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from quire.actions.external_column import ExternalColumn
from quire.actions.ragged_column import lists, texts
from quire.errors import InputError
from quire.runs.columns.layout import DATA

Opener = Callable[[], ExternalColumn]


class Filled:
    """Tables of a stream with the external columns that were asked for.

    Parameters
    ----------
    openers
        Open the columns, by data key.
    declared
        The stream's data keys.
    strict
        Whether a column that cannot be read is an error; else it is missing, and its
        field's metadata say why under ``unreadable``.

    Raises
    ------
    AssetUnreadable
        One cannot be read, and `strict`.
    """

    def __init__(
        self,
        schema: Any,
        openers: Mapping[str, Opener],
        declared: Mapping[str, Any],
        *,
        strict: bool,
    ) -> None:
        self._strict = strict
        self._columns: dict[str, ExternalColumn] = {}
        self.schema = schema
        for key, opener in openers.items():
            field = self._opened(key, opener, declared.get(key, {}))
            place = self.schema.get_field_index(DATA + key)
            self.schema = (
                self.schema.append(field)
                if place < 0
                else self.schema.set(place, field)
            )

    def tables(self, tables: Iterator[Any]) -> Iterator[Any]:
        """Yield the tables with the columns filled in, in smaller blocks."""
        step = min((one.block_rows for one in self._columns.values()), default=0)
        try:
            for table in tables:
                size = step or max(table.num_rows, 1)
                for begin in range(0, table.num_rows, size):
                    yield self._filled(table.slice(begin, size))
        finally:
            for column in self._columns.values():
                column.close()

    def _opened(self, key: str, opener: Opener, declared: Mapping[str, Any]) -> Any:
        import pyarrow as pa

        told = {"data_key": json.dumps(declared)}
        try:
            column = opener()
            kind = arrow_type(column)
        except InputError as error:
            if self._strict:
                raise
            return pa.field(DATA + key, pa.null(), metadata=told | _why(error))
        self._columns[key] = column
        told |= {"shape": json.dumps(column.shape), "dtype": column.dtype.str}
        return pa.field(DATA + key, kind, metadata=told)

    def _filled(self, table: Any) -> Any:
        import pyarrow as pa

        numbers = table.column("seq_num").to_numpy()
        marks = None
        if "superseded" in table.column_names:
            marks = table.column("superseded").to_numpy()
        arrays = []
        for field in self.schema:
            key = field.name.removeprefix(DATA)
            if field.name.startswith(DATA) and key in self._columns:
                cells = self._cells(self._columns[key], numbers, marks, field.type)
                arrays.append(cells)
            elif field.name in table.column_names and not pa.types.is_null(field.type):
                arrays.append(table.column(field.name))
            else:
                arrays.append(pa.nulls(table.num_rows, field.type))
        return pa.Table.from_arrays(arrays, schema=self.schema)

    def _cells(
        self, column: ExternalColumn, numbers: Any, marks: Any, kind: Any
    ) -> Any:
        """Return the cells of rows; missing where no file has the row."""
        import numpy as np
        import pyarrow as pa

        places = np.searchsorted(column.seq_num, numbers)
        inside = np.minimum(places, len(column) - 1)
        there = (places < len(column)) & (column.seq_num[inside] == numbers)
        if marks is not None:
            there &= ~marks
        values, there = self._values(column, inside, there)
        lacking = column.lacking if self._strict else None
        if lacking is not None and np.isin(numbers, column.missing).any():
            raise lacking
        if not there.any():
            return pa.nulls(len(numbers), kind)
        array = as_arrow(values, kind)
        if there.all():
            return array
        back = np.maximum(np.cumsum(there) - 1, 0)
        return array.take(pa.array(back, pa.int64(), mask=~there))

    def _values(
        self, column: ExternalColumn, places: Any, there: Any
    ) -> tuple[Any, Any]:
        """Return the rows that are there; one at a time where they cannot be read."""
        import numpy as np

        try:
            return column.read(places[there]), there
        except InputError:
            if self._strict:
                raise
        found, rows = np.zeros_like(there), []
        for at in np.flatnonzero(there):
            try:
                rows.append(column.read(places[at : at + 1]))
                found[at] = True
            except InputError:
                continue
        return (np.concatenate(rows) if rows else None), found


def is_text(dtype: Any) -> bool:
    """Return whether values are text, of one length (NumPy) or of any (h5py)."""
    return dtype.kind in "US" or (dtype.metadata or {}).get("vlen") in (str, bytes)


def arrow_type(column: ExternalColumn) -> Any:
    """Return the type of a column's cells: scalars, or lists of its shape.

    Of rows that differ in shape, large lists.

    Raises
    ------
    InputError
        Arrow has no such type.
    """
    import pyarrow as pa

    if is_text(column.dtype):
        kind = pa.string()
    else:
        try:
            kind = pa.from_numpy_dtype(_native(column.dtype))
        except (pa.ArrowNotImplementedError, TypeError):
            column.close()
            raise InputError(
                "columns", f"{column.dtype} has no place in a table", "read the array"
            ) from None
    for size in reversed(column.shape):
        # Of no length Arrow has no fixed-size lists.
        plain = column.ragged or size is None or 0 in column.shape
        kind = pa.large_list(kind) if plain else pa.list_(kind, size)
    return kind


def as_arrow(values: Any, kind: Any) -> Any:
    """Return rows of a column as an Arrow array of `arrow_type`."""
    import numpy as np
    import pyarrow as pa

    if pa.types.is_large_list(kind):
        return lists(values, kind)
    sizes = values.shape[1:]
    if values.dtype.kind in "OUS":
        array = texts(values.reshape(-1))
    else:
        flat = np.ascontiguousarray(values, _native(values.dtype)).reshape(-1)
        array = pa.array(flat)
    for size in reversed(sizes):
        array = pa.FixedSizeListArray.from_arrays(array, size)
    return array


def _native(dtype: Any) -> Any:
    return dtype.newbyteorder("=")


def _why(error: Exception) -> dict[str, str]:
    return {"unreadable": str(error)}
