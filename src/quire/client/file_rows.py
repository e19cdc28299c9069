"""The rows of a stream that has no events: those that its files have."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from quire.client.arrays import FileArray
from quire.errors import InputError
from quire.products.projection.arrays import packed
from quire.runs.columns.layout import DATA

_BLOCK_BYTES = 8 * 1024**2


class FileRows:
    """The rows of a stream without events: those that its files have.

    Attributes
    ----------
    seq_num
        Of all rows.
    """

    def __init__(
        self, arrays: Mapping[str, FileArray], columns: Mapping[str, Any]
    ) -> None:
        import numpy as np

        self._arrays = arrays
        self._types = {key: field.type for key, field in columns.items()}
        self.seq_num = np.unique(
            np.concatenate([one.seq_num for one in arrays.values()])
        )

    def rows(self, fields: Sequence[str]) -> Iterator[Any]:
        """Yield tables in the kept form, some megabytes each; no row has a time.

        Raises
        ------
        InputError
            A file lacks rows that it ought to have.
        """
        import numpy as np
        import pyarrow as pa

        for key in fields:
            if key in self._arrays and self._arrays[key].missing:
                raise InputError(key, f"lacks {self._arrays[key].missing}")
        widest = max(
            (
                one.dtype.itemsize * math.prod(one.shape[1:])
                for one in self._arrays.values()
            ),
            default=1,
        )
        step = max(1, _BLOCK_BYTES // max(1, widest))
        for begin in range(0, len(self.seq_num), step):
            numbers = self.seq_num[begin : begin + step]
            columns = {
                "seq_num": pa.array(numbers),
                "time": pa.array(np.full(len(numbers), np.nan)),
            }
            for key in fields:
                columns[DATA + key] = (
                    _rows(self._arrays[key], numbers, self._types[key])
                    if key in self._arrays
                    else pa.nulls(len(numbers), self._types[key])
                )
            yield pa.table(columns)


def _rows(array: FileArray, numbers: Any, kind: Any) -> Any:
    """Return the rows with these sequence numbers, missing where there is none.

    Parameters
    ----------
    kind
        Their type in a table: lists, where they differ in shape.
    """
    import numpy as np
    import pyarrow as pa

    first, last = np.searchsorted(array.seq_num, [numbers[0], numbers[-1] + 1])
    found = array.rows(slice(int(first), int(last)))
    there = np.isin(numbers, array.seq_num)
    if array.dtype.kind == "S":
        found = np.char.decode(found, "utf-8", "replace")
    if array.dtype.kind in "OSU":
        cells: list[Any] = [None] * len(numbers)
        for place, one in zip(np.flatnonzero(there).tolist(), found, strict=True):
            cells[place] = one if isinstance(one, str) else one.tolist()
        return pa.array(cells, kind)
    values = np.zeros((len(numbers), *array.shape[1:]), array.dtype)
    values[there] = found
    return packed(values, ~there)
