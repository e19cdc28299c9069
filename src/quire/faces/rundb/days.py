"""Days of a time zone: when each begins, and which one an instant counts to."""

import math
from bisect import bisect_left
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from quire.errors import InputError

_DAY = timedelta(days=1)


class Days:
    """The days of a zone, each from its first instant to that of the next.

    Where clocks are set forward over midnight, a day begins later than at 0:00, and one
    that they leave out has no instant at all. Where they are set back over midnight,
    what is repeated of the old day counts to the new one, which had begun.

    Parameters
    ----------
    zone
        Its IANA name.

    Raises
    ------
    InputError
        There is no such zone, or this machine does not know it.
    """

    def __init__(self, zone: str = "UTC") -> None:
        self.zone = zone
        self._zone = _named(zone)

    def begin(self, day: date) -> int:
        """Return the first instant of a day, in Unix seconds."""
        midnight = datetime.combine(day, time(), self._zone)
        found = int(midnight.timestamp())
        # Where no clock showed 0:00, this takes the offset from behind the gap.
        earliest = int(midnight.replace(fold=1).timestamp())
        if earliest >= found:
            return found
        gap = range(earliest, found)
        shown = bisect_left(gap, day, key=lambda each: self._clock(each).date())
        return earliest + shown

    def of(self, seconds: float | None) -> date | None:
        """Return the day that an instant counts to, None where there is none.

        Parameters
        ----------
        seconds
            Since 1970 (Unix time).
        """
        try:
            if seconds is None:
                return None
            whole = math.floor(seconds)
            day = self._clock(whole).date()
            return day + _DAY if whole >= self.begin(day + _DAY) else day
        except (ValueError, OverflowError, OSError):
            return None

    def _clock(self, seconds: float) -> datetime:
        return datetime.fromtimestamp(seconds, self._zone)


def _named(zone: str) -> tzinfo:
    if zone == "UTC":
        return UTC
    try:
        return ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        raise InputError(
            "rundb.zone",
            f"{zone[:60]!r} is no time zone that this machine knows",
            "an IANA name such as Asia/Tokyo",
        ) from None
