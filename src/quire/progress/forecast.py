"""How fast an operation goes, and when it will be over."""

from collections.abc import Sequence

import msgspec

from quire.progress.log import Entry

_WHOLE = 100
_LEAST_POINTS = 3
_LEAST_SECONDS = 1.0
_UNEVEN = 2.0


class Forecast(msgspec.Struct, frozen=True, kw_only=True):
    """What the progress until now lets expect.

    Attributes
    ----------
    rate
        Percent a second.
    ends
        Unix seconds; None where the progress is too uneven to say.
    """

    rate: float
    ends: float | None


def forecast_of(entries: Sequence[Entry]) -> Forecast | None:
    """Return what the newest entries of an act let expect.

    The rate is that of their later half. Where it differs from that of all of them by
    more than a factor of two, no end is told: a wrong one is worse than none.

    Returns
    -------
    Forecast or None
        None with too few percentages, or in too short a time.
    """
    points = [(one.at, one.event.progress) for one in entries if one.event.progress]
    if len(points) < _LEAST_POINTS or points[-1][0] - points[0][0] < _LEAST_SECONDS:
        return None
    overall = _rate(points)
    late = _rate(points[len(points) // 2 - 1 :])
    if overall is None or late is None:
        return None
    at, progress = points[-1]
    even = max(overall, late) <= _UNEVEN * min(overall, late)
    ends = at + (_WHOLE - progress) / late if even else None
    return Forecast(rate=late, ends=ends)


def _rate(points: Sequence[tuple[float, int]]) -> float | None:
    (begun, first), (at, last) = points[0], points[-1]
    if at <= begun or last <= first:
        return None
    return (last - first) / (at - begun)
