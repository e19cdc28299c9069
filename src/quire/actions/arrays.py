"""One data key as an array, a part at a time."""

import asyncio
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from quire.access.principals import Principal
from quire.actions.columns import ColumnViews
from quire.actions.external_column import ExternalColumn
from quire.actions.external_source import Source
from quire.actions.lookup import By
from quire.errors import Conflict, InputError


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenArray:
    """Rows of a data key, not yet read.

    Attributes
    ----------
    rows
        Places of the wanted rows among those of the column: NumPy int64.
    """

    column: ExternalColumn
    rows: Any

    @property
    def shape(self) -> tuple[int | None, ...]:
        """Shape of all wanted rows together; None for axes along which they differ."""
        return (len(self.rows), *self.column.shape)

    @property
    def has_bytes(self) -> bool:
        """Whether all rows are as many bytes: neither ragged, nor text of any length."""
        return not (self.column.ragged or self.column.dtype.hasobject)

    @property
    def size(self) -> int:
        """Bytes of all wanted rows together, where they are of one shape."""
        return len(self.rows) * self.column.row_bytes

    @property
    def ends(self) -> tuple[int, int] | None:
        """Sequence numbers of the first and the last wanted row; None without rows."""
        if not len(self.rows):
            return None
        numbers = self.column.seq_num
        return int(numbers[self.rows[0]]), int(numbers[self.rows[-1]])

    def intervals(self) -> list[tuple[int, int]]:
        """Return the sequence numbers of the wanted rows, as closed intervals.

        They stand in the order of the rows; a row that does not follow the one before
        it begins a new one.
        """
        import numpy as np

        numbers = self.column.seq_num[self.rows]
        if not len(numbers):
            return []
        ends = np.flatnonzero(np.diff(numbers) != 1)
        firsts = numbers[np.append(0, ends + 1)]
        lasts = numbers[np.append(ends, len(numbers) - 1)]
        return list(zip(firsts.tolist(), lasts.tolist(), strict=True))

    def sources(self) -> list[Source]:
        """Return which HDF5 datasets all rows of the column are; blocks.

        Raises
        ------
        InputError
            They are none, or cannot be read.
        """
        try:
            return self.column.sources()
        finally:
            self.column.close()

    def tables(self) -> Generator[Any, None, None]:
        """Yield the rows as Arrow tables with `seq_num` and `values`; blocks.

        At least one table, which may have no row.
        """
        import pyarrow as pa

        from quire.actions.filling import arrow_type, as_arrow

        step, kind = self.column.block_rows, arrow_type(self.column)
        try:
            for begin in range(0, max(1, len(self.rows)), step):
                rows = self.rows[begin : begin + step]
                values = (
                    as_arrow(self.column.read(rows), kind)
                    if len(rows)
                    else pa.nulls(0, kind)
                )
                numbers = pa.array(self.column.seq_num[rows], pa.int64())
                yield pa.table({"seq_num": numbers, "values": values})
        finally:
            self.column.close()

    def parts(self) -> Generator[bytes, None, None]:
        """Yield the rows' bytes in C order, some megabytes at a time; blocks.

        Raises
        ------
        InputError
            They differ in shape.
        """
        step = self.column.block_rows
        try:
            for begin in range(0, len(self.rows), step):
                block = self.column.read(self.rows[begin : begin + step])
                yield block.tobytes()
        finally:
            self.column.close()


class Arrays:
    """Gives data that lies in files."""

    def __init__(self, columns: ColumnViews) -> None:
        self._columns = columns

    async def open(
        self,
        which: str,
        stream: str,
        key: str,
        principal: Principal,
        *,
        by: By | None,
        part: slice | None = None,
        ends: tuple[int, int] | None = None,
    ) -> OpenArray:
        """Return the wanted rows of one data key.

        Parameters
        ----------
        ends
            Sequence numbers that the first and the last of them had when they were
            listed: a file or a document that came since may have moved them.

        Raises
        ------
        Conflict
            They have others by now.
        NotFound
            There is no such run, or it has no stream of that name.
        InputError
            The key's data lies in no file, or cannot be read.
        """
        column = await self._columns.external_column(
            which, stream, key, principal, by=by
        )
        opened = await asyncio.to_thread(_opened, column, part)
        if ends is not None and opened.ends != ends:
            column.close()
            raise Conflict(
                "data key", key, "its rows have changed; read the stream anew"
            )
        return opened


def _opened(column: ExternalColumn, part: slice | None) -> OpenArray:
    import numpy as np

    from quire.actions.filling import is_text

    rows = np.arange(len(column))
    if column.dtype.hasobject and not is_text(column.dtype):
        column.close()
        raise InputError("key", f"its rows, {column.dtype}, are no numbers, nor text")
    return OpenArray(column=column, rows=rows if part is None else rows[part])
