"""Rules on the numbers that a start gives its run."""

from collections.abc import Iterator, Mapping
from typing import Any

from quire.runs.facility import MOST_NUMBER, NUMBERS
from quire.runs.run import Finding, Severity
from quire.runs.values import as_integer

_SHOWN = 40


def no_number(start: Mapping[str, Any]) -> Iterator[Finding]:
    """Tell of a number that the run does not get: as text, broken or too great.

    Text that is no number at all may have another meaning there.
    """
    for name in NUMBERS:
        value = start.get(name)
        if isinstance(value, str):
            is_number = value.strip().lstrip("+-").isdecimal()
        else:
            is_number = type(value) in (int, float)
        if is_number and as_integer(value, most=MOST_NUMBER) is None:
            kind = "text" if isinstance(value, str) else "no whole number in range"
            told = f"{name} is {repr(value)[:_SHOWN]}, {kind}"
            yield Finding(
                rule="no_number",
                uid=start["uid"],
                message=f"{told}: only start.{name} finds it",
                severity=Severity.MINOR,
            )
