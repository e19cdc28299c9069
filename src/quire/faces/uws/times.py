"""Times as UWS writes them, and as clients do."""

import re
from datetime import UTC, datetime

from quire.errors import InputError

_TIME = re.compile(
    r"""
    (?P<year>\d{4})
    (?: (?P<dash>-?) (?P<month>\d{2}) (?: (?P=dash) (?P<day>\d{2})
        (?: (?P<separator>[T ])
            (?P<hour>\d{2}) : (?P<minute>\d{2})
            (?: : (?P<second>\d{2}) (?: \. (?P<fraction>\d{1,30}) )? )?
        )?
    )? )?
    (?: Z | \+00:00 )?
    """,
    re.VERBOSE | re.ASCII,
)
# Half of the last digit that is written.
_HALF_DIGIT = 5e-7


def write_time(seconds: float | None) -> str | None:
    """Return Unix seconds as ISO 8601 in UTC, whole or with microseconds.

    None stands for no time, and for one outside the years 1 to 9999.
    """
    if seconds is None:
        return None
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        return None
    # Not strftime, which writes years before 1000 with fewer digits.
    return moment.replace(tzinfo=None).isoformat() + "Z"


def read_time(field: str, text: str, *, strict: bool) -> float:
    """Return Unix seconds.

    A date, or a year, means its beginning; a time without a zone is in UTC, and no
    other zone is read.

    Parameters
    ----------
    strict
        Whether a date and a time are required, with a ``T`` between them.

    Raises
    ------
    InputError
        It is no such time.
    """
    mend = "such as 2026-11-20T09:15:35Z, in UTC"
    found = _TIME.fullmatch(text.strip())
    if found is None or (strict and found["separator"] != "T"):
        raise InputError(field, f"{text!r:.60} is no time", mend)
    if found["month"] and not found["day"] and not found["dash"]:
        raise InputError(field, f"{text!r:.60} is no date", mend)
    parts = [
        int(found[name] or first)
        for name, first in (
            ("year", 1), ("month", 1), ("day", 1),
            ("hour", 0), ("minute", 0), ("second", 0),
        )
    ]  # fmt: skip
    micro = int(((found["fraction"] or "") + "000000")[:6])
    try:
        year, month, day, hour, minute, second = parts
        moment = datetime(year, month, day, hour, minute, second, micro, tzinfo=UTC)
    except ValueError as error:
        raise InputError(field, f"{text!r:.60}: {error}", mend) from None
    return moment.timestamp()


def after(seconds: float) -> float:
    """Return the time after which lies all that is written as later than `seconds`."""
    return seconds + _HALF_DIGIT
