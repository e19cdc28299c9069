"""Datasets whose rows stay in other files (HDF5 User Guide, "Virtual Datasets")."""

from collections.abc import Iterator, Sequence
from typing import Any

from quire.products.projection.contents import Piece


def virtual(  # a fact each
    group: Any,
    name: str,
    pieces: Sequence[Piece],
    numbers: Any,
    *,
    shape: tuple[int, ...],
    dtype: Any,
) -> tuple[Any, Any]:
    """Make a dataset of pieces of others.

    Parameters
    ----------
    numbers
        Sequence numbers of the rows, rising.
    shape, dtype
        Of a row.

    Returns
    -------
    tuple
        The dataset, and an array that says which rows are in no piece.
    """
    import h5py  # type: ignore[import-untyped]
    import numpy as np

    layout = h5py.VirtualLayout(shape=(len(numbers), *shape), dtype=dtype)
    missing = np.ones(len(numbers), bool)
    for piece in pieces:
        source = h5py.VirtualSource(
            piece.file, piece.dataset, shape=piece.shape, dtype=dtype
        )
        for first, last, frame in _rows(piece, numbers):
            taken = (last - first) * piece.frames_a_row
            layout[first:last] = source[frame : frame + taken]
            missing[first:last] = False
    return group.create_virtual_dataset(name, layout), missing


def _rows(piece: Piece, numbers: Any) -> Iterator[tuple[int, int, int]]:
    """Yield ranges of rows, half-open, with the frame of the first of each."""
    import numpy as np

    low, high = np.searchsorted(numbers, [piece.first, piece.first + piece.rows])
    held = numbers[low:high]
    breaks = (np.flatnonzero(np.diff(held) != 1) + 1).tolist()
    for at, until in zip([0, *breaks], [*breaks, len(held)], strict=True):
        if until > at:
            row = int(held[at]) - piece.first
            frame = piece.begin + row * piece.frames_a_row
            yield int(low) + at, int(low) + until, frame
