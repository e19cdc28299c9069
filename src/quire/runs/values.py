"""Values of documents as the types that views need, where they have them.

The schemas let through more than a view can hold: an integer as 1.0, integers of any
size, a number beyond a double, ``scan_id: true``.
"""

import math
from typing import Any

# Beyond it a double, and so JavaScript and many readers, cannot tell neighbours.
EXACT = 2**53
LARGEST = 2**63 - 1


def as_integer(value: Any, *, most: int = EXACT) -> int | None:
    """Return an integer of at most so great a size, None for all else."""
    if type(value) is int:  # as nearly all are
        return value if -most <= value <= most else None
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, float):
        value = int(value) if value.is_integer() else None
    return value if isinstance(value, int) and -most <= value <= most else None


def as_number(value: Any) -> float | None:
    """Return a finite number as a float, None for all else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def as_text(value: Any) -> str | None:
    """Return a string, None for all else."""
    return value if isinstance(value, str) else None
