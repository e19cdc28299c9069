"""The part of a dataset that a stream_resource names (`slice`, as tiled reads it).

Source: the parameters of `HDF5Consolidator` in bluesky-tiled-plugins.
"""

import re
from typing import Any

Axis = int | slice

_AXIS = re.compile(r"(-?\d{1,9})|(-?\d{1,9})?:(-?\d{1,9})?(?::(\d{1,9})?)?")


def axes_of_frames(given: Any) -> tuple[Axis, ...]:
    """Return which part of each frame is wanted: of each axis behind the rows.

    Parameters
    ----------
    given
        ``":,0,2:4"``, in brackets or not, or the same as a list of texts. The rows
        come first, and all of them.

    Raises
    ------
    ValueError
        It is no such text.
    """
    told = [str(one) for one in given] if isinstance(given, list) else str(given)
    parts = told if isinstance(told, list) else told.strip("()[] ").split(",")
    rows, *rest = [_axis(one.replace(" ", "")) for one in parts]
    if rows != slice(None):
        raise ValueError(f"{str(given)[:100]!r} does not take all rows")
    return tuple(rest)


def part_of(shape: tuple[int, ...], axes: tuple[Axis, ...]) -> tuple[int, ...]:
    """Return the shape of that part of a frame.

    Raises
    ------
    ValueError
        The frame has fewer axes.
    """
    if len(axes) > len(shape):
        raise ValueError(f"frames of shape {shape} have not so many axes as its slice")
    cut = [
        len(range(*axis.indices(size)))
        for size, axis in zip(shape, axes, strict=False)
        if isinstance(axis, slice)
    ]
    return (*cut, *shape[len(axes) :])


def _axis(text: str) -> Axis:
    found = _AXIS.fullmatch(text)
    if found is None or (found[4] is not None and int(found[4]) == 0):
        raise ValueError(f"{text[:40]!r} is no slice")
    alone, *ends = (None if one is None else int(one) for one in found.groups())
    return slice(*ends) if alone is None else alone
