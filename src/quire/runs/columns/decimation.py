"""Fewer rows that look the same: the least and the greatest of each stretch."""

from collections.abc import Sequence
from typing import Any


def extremes(columns: Sequence[Any], rows: int, stretches: int) -> Any:
    """Return the places of the rows that show what a plot of all of them would.

    Of each stretch of rows, and of each column, those with the least and the greatest
    value; and the first and the last row of all. So no peak is lost, however narrow.

    Parameters
    ----------
    columns
        Arrays of `rows` numbers; NaN where there is none.
    stretches
        How many there are to be, a pixel of width each. With fewer rows than two a
        stretch, all stay.

    Returns
    -------
    numpy.ndarray
        Places in order, each once.
    """
    import numpy as np

    if rows <= 2 * stretches:
        return np.arange(rows)
    size = -(-rows // stretches)
    whole = rows // size * size
    begins = np.arange(0, whole, size)
    kept = [np.array([0, rows - 1])]
    for column in columns:
        kept += _of_stretches(column[:whole].reshape(-1, size), begins)
        if whole < rows:
            kept += _of_stretches(column[whole:].reshape(1, -1), np.array([whole]))
    return np.unique(np.concatenate(kept))


def _of_stretches(values: Any, begins: Any) -> list[Any]:
    import numpy as np

    least = np.where(np.isnan(values), np.inf, values).argmin(axis=1)
    greatest = np.where(np.isnan(values), -np.inf, values).argmax(axis=1)
    return [begins + least, begins + greatest]
