"""Row ids that stand in the order of start times, so that an index can walk it.

An id is the start time in ticks of 1/1024 s, shifted to leave room for the runs of one
tick in the order of their arrival. FTS5 walks its row ids in order and without a
sort: so the newest hundred of a million matches cost a hundred steps.
"""

import math

_PER_SECOND = 1024
_SLOT_BITS = 19
_LAST_TICK = 2**43 - 1  # 272 years to either side of 1970
_TIMELESS = -(2**63)
_FIRST_TIMED = -(2**62)


def span(time: float | None) -> tuple[int, int]:
    """Return the first and the last id that runs of a start time may have.

    Parameters
    ----------
    time
        Unix seconds; None or NaN for a run without one, which sorts before all.
    """
    if time is None or math.isnan(time):
        return _TIMELESS, _FIRST_TIMED - 1
    tick = _tick(time) << _SLOT_BITS
    return tick, tick + (1 << _SLOT_BITS) - 1


def tick_of(order_key: int) -> tuple[int, int]:
    """Return the first and the last id of those that share this one's tick."""
    if order_key < _FIRST_TIMED:
        return _TIMELESS, _FIRST_TIMED - 1
    first = order_key >> _SLOT_BITS << _SLOT_BITS
    return first, first + (1 << _SLOT_BITS) - 1


def _tick(time: float) -> int:
    ticks = time * _PER_SECOND  # may be too large for a number
    if math.isinf(ticks):
        return int(math.copysign(_LAST_TICK, ticks))
    return max(-_LAST_TICK, min(_LAST_TICK, math.floor(ticks)))
