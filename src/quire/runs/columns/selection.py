"""Which part of a column view is wanted."""

from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from quire.errors import InputError
from quire.runs.columns.layout import DATA, TIMESTAMPS, data_keys


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """A part of a stream's column view.

    Attributes
    ----------
    columns
        Data keys; None for all that have a column.
    after
        Only rows with a greater sequence number.
    limit
        At most so many rows.
    timestamps
        With the time of each single value.
    uids
        With the event's uid, and with `descriptors`.
    descriptors
        With the place of the event's descriptor in the configuration.
    superseded
        With the rows that a rewind superseded, and a column that marks them.
    assets
        With data that lies in files: all of it, none, or (None) that of the columns
        that are named.
    """

    columns: tuple[str, ...] | None = None
    after: int | None = None
    limit: int | None = None
    timestamps: bool = True
    uids: bool = False
    descriptors: bool = False
    superseded: bool = False
    assets: bool | None = None

    def keys(self, schema: Any) -> list[str]:
        """Return the wanted data keys, in the order of a kept schema.

        Raises
        ------
        InputError
            One of them has no column.
        """
        known = data_keys(schema)
        if self.columns is None:
            return known
        for name in self.columns:
            if name and name not in known:
                shown = ", ".join(known) or "none"
                raise InputError("columns", f"{name!r} is no column", f"of {shown}")
        return [name for name in known if name in self.columns]

    def names(self, schema: Any) -> list[str]:
        """Return the names of the kept columns that are needed."""
        keys = self.keys(schema)
        names = ["seq_num", "time"]
        names += ["uid"] if self.uids else []
        names += ["descriptor"] if self.uids or self.descriptors else []
        names += ["superseded"]
        names += [DATA + key for key in keys]
        if self.timestamps:
            names += [TIMESTAMPS + key for key in keys]
        return names


def select(tables: Iterable[Any], selection: Selection) -> Iterator[Any]:
    """Yield the wanted rows of kept tables, in the needed columns.

    Parameters
    ----------
    tables
        Arrow tables in the kept form, one behind the other by sequence number.
    """
    import pyarrow as pa

    left = selection.limit
    for whole in tables:
        table = whole.select(selection.names(whole.schema))
        if selection.after is not None:
            begin = _rows_until(table.column("seq_num"), selection.after)
            table = table.slice(begin)
        if not selection.superseded:
            marks = table.column("superseded").to_numpy()
            if marks.any():
                table = table.filter(pa.array(~marks))
            table = table.drop_columns(["superseded"])
        if left is not None:
            table = table.slice(0, left)
            left -= table.num_rows
        if table.num_rows:
            yield table
        if left == 0:
            return


def _rows_until(numbers: Any, after: int) -> int:
    import numpy as np

    return int(np.searchsorted(numbers.to_numpy(), after, side="right"))
