"""Whether memory grows: a line through many measurements, and how sure it is."""

import math
import statistics
from collections.abc import Sequence

import msgspec

# Student's t, two-sided 95 %, by degrees of freedom; beyond these that of the normal
# distribution is close enough.
_STUDENT = {1: 12.71, 2: 4.30, 3: 3.18, 4: 2.78, 5: 2.57, 6: 2.45, 8: 2.31}
_STUDENT |= {10: 2.23, 15: 2.13, 20: 2.09, 30: 2.04, 60: 2.00}
_NORMAL = 1.96
_FEWEST_PARTS = 3

Measured = tuple[float, float]
"""Seconds, and how much there was then."""


class Growth(msgspec.Struct, frozen=True, kw_only=True):
    """How a quantity changes with time.

    Attributes
    ----------
    slope
        Per second.
    error
        Half of the slope's interval of 95 % confidence.
    seconds
        From the first to the last measurement.
    level
        Mean of all of it.
    """

    slope: float
    error: float
    seconds: float
    level: float

    @property
    def most(self) -> float:
        """How much it may have grown in that time: the upper end of the interval."""
        return (self.slope + self.error) * self.seconds

    @property
    def least(self) -> float:
        """How much it has grown at least: the lower end of the interval."""
        return (self.slope - self.error) * self.seconds


def growth(measured: Sequence[Measured], parts: int = 40) -> Growth:
    """Return the line through measurements.

    Those that follow each other are alike, and so say less than they are many: the line
    is fitted to the means of as many parts of the time.

    Raises
    ------
    ValueError
        They fill fewer than three parts.
    """
    begin, end = measured[0][0], measured[-1][0]
    width = (end - begin) / parts
    by_part: dict[int, list[Measured]] = {}
    for one in measured:
        place = int((one[0] - begin) / width) if width else 0
        by_part.setdefault(min(place, parts - 1), []).append(one)
    if len(by_part) < _FEWEST_PARTS:
        raise ValueError("too few measurements for a slope")
    times = [statistics.fmean(at for at, _ in each) for each in by_part.values()]
    sizes = [statistics.fmean(size for _, size in each) for each in by_part.values()]
    line = statistics.linear_regression(times, sizes)
    off = (
        size - line.slope * at - line.intercept
        for at, size in zip(times, sizes, strict=True)
    )
    freedom = len(times) - 2
    spread = math.sqrt(sum(one * one for one in off) / freedom)
    deviation = spread / math.sqrt(
        sum((at - statistics.fmean(times)) ** 2 for at in times)
    )
    return Growth(
        slope=line.slope,
        error=_student(freedom) * deviation,
        seconds=end - begin,
        level=statistics.fmean(sizes),
    )


def _student(freedom: int) -> float:
    known = [each for each in _STUDENT if each <= freedom]
    return _NORMAL if freedom > max(_STUDENT) else _STUDENT[max(known)]
