"""One data key as an array, a part at a time."""

import asyncio
import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import Any

from quire.access.principals import Principal
from quire.actions.columns import ColumnViews
from quire.actions.external_column import ExternalColumn, Source
from quire.actions.lookup import By
from quire.errors import InputError


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
    def shape(self) -> tuple[int, ...]:
        """Shape of all wanted rows together."""
        return (len(self.rows), *self.column.shape)

    @property
    def size(self) -> int:
        """Bytes of all wanted rows together."""
        return int(math.prod(self.shape) * self.column.dtype.itemsize)

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

    def parts(self) -> Generator[bytes, None, None]:
        """Yield the rows' bytes in C order, some megabytes at a time; blocks."""
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
    ) -> OpenArray:
        """Return the wanted rows of one data key.

        Raises
        ------
        NotFound
            There is no such run, or it has no stream of that name.
        InputError
            The key's data lies in no file, or cannot be read.
        """
        column = await self._columns.external_column(
            which, stream, key, principal, by=by
        )
        return await asyncio.to_thread(_opened, column, part)


def _opened(column: ExternalColumn, part: slice | None) -> OpenArray:
    import numpy as np

    rows = np.arange(len(column))
    if column.dtype.hasobject:
        column.close()
        raise InputError("key", "holds text: read it as a column of the table")
    return OpenArray(column=column, rows=rows if part is None else rows[part])
