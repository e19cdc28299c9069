"""Moments as queries write them: days to years, instants (ISO 8601), ``now - 7 d``.

A day, a month or a year is a span, from its first instant to that of the next. Without
a zone UTC is meant.
"""

import re
from datetime import UTC, datetime
from typing import NamedTuple

from quire.runs.query.errors import Place, WrongType
from quire.runs.query.syntax import Spelling, Spelt
from quire.runs.query.units import converted

_DAY = 86_400.0
_FORM = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})(?:[T ](?P<clock>\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?"
    r"(?:Z|[+-]\d{2}:?\d{2})?))?|(?P<month>\d{4}-\d{2})"
    r"|(?P<year>(?:19|20|21)\d\d)",
    re.IGNORECASE | re.ASCII,
)
_NOW = re.compile(
    r"now(?:\s*(?P<sign>[+-])\s*(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>[a-z]+))?",
    re.IGNORECASE | re.ASCII,
)
_MOST_DIGITS = 15


class Span(NamedTuple):
    """From a first instant up to, not including, a last one; Unix seconds.

    An instant has no last.
    """

    first: float
    last: float | None = None


def moment(spelt: Spelt, now: float | None) -> Span | None:
    """Return the moment that a literal spells, None if it spells none.

    Parameters
    ----------
    now
        Unix seconds; None where ``now`` has no meaning.

    Raises
    ------
    WrongType
        For a day that no calendar has, or a ``now`` without meaning.
    """
    text = spelt.value if isinstance(spelt.value, str) else spelt.text
    form = _FORM.fullmatch(text)
    if form is not None and form["year"]:
        # What JSON has for a number is one: Unix seconds.
        is_number = spelt.spelling is Spelling.JSON and not isinstance(spelt.value, str)
        return None if is_number else _year(int(text))
    if form is not None:
        return _dated(form, text, spelt.at)
    relative = _NOW.fullmatch(text)
    return None if relative is None else Span(_relative(relative, now, spelt.at))


def _year(number: int) -> Span:
    ends = (datetime(year, 1, 1, tzinfo=UTC) for year in (number, number + 1))
    return Span(*(end.timestamp() for end in ends))


def _dated(form: re.Match[str], text: str, at: Place) -> Span:
    try:
        if form["month"]:
            first = datetime.fromisoformat(f"{text}-01").replace(tzinfo=UTC)
            year, month = divmod(first.year * 12 + first.month, 12)
            after = first.replace(year=year, month=month + 1)
            return Span(first.timestamp(), after.timestamp())
        found = datetime.fromisoformat(text.upper())
        instant = found if found.tzinfo else found.replace(tzinfo=UTC)
        first_second = instant.timestamp()
    except (ValueError, OverflowError):
        raise WrongType(
            at, f"no calendar has {text}", "write 2026-11-01 or 2026-11-01T12:00:00Z"
        ) from None
    return Span(first_second, None if form["clock"] else first_second + _DAY)


def _relative(form: re.Match[str], now: float | None, at: Place) -> float:
    if now is None:
        raise WrongType(at, "'now' has no meaning here", "write a date")
    if form["sign"] is None:
        return now
    if len(form["number"]) > _MOST_DIGITS:
        raise WrongType(at, "that is longer than time itself", "write now - 7 d")
    shift = converted(form["number"], form["unit"], "s")
    if shift is None:
        mend = "write now - 7 d; there are s, min, h, d, week"
        raise WrongType(at, f"{form['unit']!r} is no unit of time", mend)
    return now + float(shift) * (-1 if form["sign"] == "-" else 1)
