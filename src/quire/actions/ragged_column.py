"""One data key whose data lies in files, and whose rows differ in shape."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from quire.actions.external_column import BLOCK_BYTES, ExternalColumn
from quire.actions.external_source import Source
from quire.errors import InputError
from quire.ports.asset_reader import AssetReader, AssetUnreadable
from quire.runs.columns.external import Asset, Places

_MOST_ROWS = 100_000


def open_column(
    reader: AssetReader,
    known: Mapping[str, Asset],
    places: Places,
    *,
    key: str,
    declared: Mapping[str, Any],
    by_rows: bool,
    thorough: bool,
) -> ExternalColumn:
    """Return a column, ragged if its rows are; blocks.

    All rows are looked at where the descriptor leaves an axis open (a null in its
    shape), where datums stand for unlike numbers of frames, or where each row of a file
    has a length of its own. Else the first row tells.

    Parameters
    ----------
    thorough
        Look at all rows in any case, as long as they are not too many: all of them are
        going to be read.

    Raises
    ------
    AssetUnreadable
        Its first row cannot be read, or rows differ in the number of their axes.
    """

    def made(kind: type[ExternalColumn]) -> ExternalColumn:
        return kind(reader, known, places, key=key, declared=declared, by_rows=by_rows)

    column = made(ExternalColumn)
    try:
        left_open = None in (declared.get("shape") or ())
        looks = left_open or (thorough and len(column) <= _MOST_ROWS)
        if not looks and not column.is_seen_to_vary():
            return column
        if column.is_even():
            return column
    except BaseException:
        column.close()
        raise
    column.close()
    return made(RaggedColumn)


class RaggedColumn(ExternalColumn):
    """A column whose rows have unlike shapes, all of as many axes; blocks.

    Its rows come as an object array of arrays.

    Attributes
    ----------
    dtype
        Of a row's values: what holds those of all rows.
    shape
        Of a row, None for an axis along which rows differ.

    Raises
    ------
    AssetUnreadable
        Its first row cannot be read, or rows differ in the number of their axes.
    """

    ragged = True

    def __init__(
        self,
        reader: AssetReader,
        known: Mapping[str, Asset],
        places: Places,
        *,
        key: str,
        declared: Mapping[str, Any],
        by_rows: bool,
    ) -> None:
        import numpy as np

        super().__init__(
            reader, known, places, key=key, declared=declared, by_rows=by_rows
        )
        self._check(len(self) <= _MOST_ROWS, f"are more than {_MOST_ROWS}")
        kinds = [one for one in map(self._kind, range(len(self))) if one]
        shapes = [shape for _, shape in kinds]
        self._alone = all(shape[0] == 1 for shape in shapes)
        shapes = [shape[1:] if self._alone else shape for shape in shapes]
        alike = len({len(shape) for shape in shapes}) == 1
        self._check(alike, "differ in the number of their axes")
        self.dtype = np.result_type(*{dtype for dtype, _ in kinds}).newbyteorder("=")
        self.shape = tuple(
            sizes[0] if len(set(sizes)) == 1 else None
            for sizes in zip(*shapes, strict=True)
        )
        sizes = [math.prod(shape) * self.dtype.itemsize for shape in shapes]
        self._largest, self._mean = int(max(sizes)), int(sum(sizes) // len(sizes))

    def _kind(self, at: int) -> tuple[Any, tuple[int, ...]] | None:
        """Return dtype and shape of a row's frames; None where it cannot be read."""
        try:
            return self.row_kind(at)
        except AssetUnreadable:
            return None

    def _check(self, good: bool, fault: str) -> None:  # noqa: FBT001
        if not good:
            self.close()
            reason = f"rows of {self._key!r}, unlike in shape, {fault}"
            raise AssetUnreadable(self.asset_of(0), "/", reason)

    @property
    def row_bytes(self) -> int:
        """How many bytes the largest row has."""
        return self._largest

    @property
    def block_rows(self) -> int:
        """How many rows are best read at once."""
        return max(1, BLOCK_BYTES // max(1, self._mean))

    def read(self, rows: Any) -> Any:
        """Return rows as an object array of arrays.

        Raises
        ------
        AssetUnreadable
            One of them cannot be read.
        """
        import numpy as np

        places = np.arange(len(self))[rows]
        out = np.empty(len(places), object)
        for number, at in enumerate(places.tolist()):
            found = self.row(at)
            out[number] = np.asarray(found[0] if self._alone else found, self.dtype)
        return out

    def sources(self) -> list[Source]:
        """Raise an error: no dataset has its rows as they are.

        Raises
        ------
        InputError
            Always.
        """
        raise InputError("key", f"rows of {self._key!r} differ in shape", "copy it")


def lists(rows: Sequence[Any], kind: Any) -> Any:
    """Return arrays, all of as many axes, as an Arrow array of lists in lists.

    Parameters
    ----------
    kind
        Large lists, one in another, as many as there are axes.
    """
    import numpy as np
    import pyarrow as pa

    depth, leaf = 0, kind
    while pa.types.is_large_list(leaf):
        depth, leaf = depth + 1, leaf.value_type
    flat = np.concatenate([one.reshape(-1) for one in rows])
    array = texts(flat) if pa.types.is_string(leaf) else pa.array(flat).cast(leaf)
    for axis in reversed(range(depth)):
        counts = [int(np.prod(one.shape[:axis], dtype=np.int64)) for one in rows]
        lengths = np.repeat([one.shape[axis] for one in rows], counts)
        offsets = np.concatenate(([0], np.cumsum(lengths))).astype(np.int64)
        array = pa.LargeListArray.from_arrays(offsets, array)
    return array


def texts(flat: Any) -> Any:
    """Return texts as an Arrow array; bytes that are no UTF-8 are marked as such."""
    import pyarrow as pa

    return pa.array([_text(one) for one in flat.tolist()], pa.string())


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
