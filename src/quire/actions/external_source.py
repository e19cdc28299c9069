"""Where rows of a column lie in HDF5 files."""

import msgspec

from quire.ports.asset_reader import Origin


class Source(msgspec.Struct, frozen=True, kw_only=True):
    """Rows of a column that are a part of one HDF5 dataset.

    Attributes
    ----------
    rows
        Places among the column's rows, half-open.
    frames
        Places along the dataset's first axis, half-open.
    frames_a_row
        How many of them a row has.
    """

    origin: Origin
    rows: tuple[int, int]
    frames: tuple[int, int]
    frames_a_row: int
