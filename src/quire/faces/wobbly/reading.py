"""Values of a request, read as Wobbly's models read them; all that is wrong is told."""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from quire.actions.job_edits import LONGEST_DURATION
from quire.faces.wobbly.errors import Detail, Invalid, Where

_FIRST = datetime(1, 1, 1, tzinfo=UTC).timestamp()
_LAST = datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC).timestamp()
_LARGEST = 2**63 - 1
_MISSING = object()
_NUL = "NUL characters cannot be stored"
_INFINITE = "Numbers beyond the range of a double cannot be stored"
_DECIMAL = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


class Fields:
    """The members of an object, and what was found wrong with them.

    Parameters
    ----------
    where
        Where the object stands, for the details.
    wrong
        What is wrong so far; shared with the objects inside.
    """

    def __init__(
        self, values: Any, where: Where, wrong: list[Detail] | None = None
    ) -> None:
        self._where = where
        self._wrong: list[Detail] = [] if wrong is None else wrong
        self._is_object = isinstance(values, dict)
        self._values: Mapping[str, Any] = values if self._is_object else {}
        if not self._is_object:
            self._note((), "model_attributes_type", "Input should be an object")

    def check(self) -> None:
        """Do nothing if all was right.

        Raises
        ------
        Invalid
            It was not.
        """
        if self._wrong:
            raise Invalid(self._wrong)

    def has(self, name: str) -> bool:
        """Return whether a member is there, even as null."""
        return name in self._values

    def raw(self, name: str) -> Any:
        """Return a member as it came, None without one."""
        return self._values.get(name)

    def refuse(self, name: str, kind: str, message: str) -> None:
        """Note that a member is wrong."""
        self._note((name,), kind, message)

    def text(self, name: str) -> str:
        """Return a text that must be there."""
        value = self._required(name)
        return self._text(name, value) if value is not _MISSING else ""

    def optional_text(self, name: str) -> str | None:
        """Return a text, None for none."""
        value = self.raw(name)
        return None if value is None else self._text(name, value)

    def nullable_text(self, name: str) -> str | None:
        """Return a text or None; it must be there."""
        value = self._required(name)
        return None if value in (None, _MISSING) else self._text(name, value)

    def time(self, name: str) -> float:
        """Return a time that must be there, in whole Unix seconds."""
        value = self._required(name)
        if value is _MISSING:
            return 0.0
        seconds = seconds_of(value)
        if seconds is None:
            self.refuse(name, "datetime_parsing", "Input should be a valid datetime")
        return seconds or 0.0

    def duration(self, name: str, *, required: bool = False) -> int:
        """Return seconds, 0 for no limit."""
        value = self._required(name) if required else self.raw(name)
        if value is None or value is _MISSING:
            return 0
        seconds = _number(value)
        if seconds is None or not math.isfinite(seconds):
            self.refuse(name, "time_delta_parsing", "Input should be seconds")
        elif not 0 <= seconds <= LONGEST_DURATION:
            bounds = f"Input should be from 0 to {LONGEST_DURATION} seconds"
            self.refuse(name, "out_of_range", bounds)
        else:
            return int(seconds)
        return 0

    def size(self, name: str) -> int | None:
        """Return a number of bytes, None for none."""
        value = self.raw(name)
        if value is None:
            return None
        number = _number(value)
        if number is None or not math.isfinite(number) or number != int(number):
            self.refuse(name, "int_parsing", "Input should be an integer")
        elif not 0 <= number <= _LARGEST:
            self.refuse(name, "out_of_range", f"Input should be 0 to {_LARGEST}")
        else:
            return int(number)
        return None

    def json_object(self, name: str) -> dict[str, Any]:
        """Return an object that must be there, with all that JSON can hold in it."""
        value = self._required(name)
        if value is _MISSING:
            return {}
        if not isinstance(value, dict):
            self.refuse(name, "dict_type", "Input should be an object")
            return {}
        if problem := _unstorable(value):
            self.refuse(name, "value_error", problem)
        return value

    def objects(self, name: str) -> list["Fields"]:
        """Return the objects of a list that must be there."""
        value = self._required(name)
        if value is _MISSING:
            return []
        if not isinstance(value, list):
            self.refuse(name, "list_type", "Input should be a list")
            return []
        return [
            Fields(one, (*self._where, name, place), self._wrong)
            for place, one in enumerate(value)
        ]

    def _required(self, name: str) -> Any:
        value = self._values.get(name, _MISSING)
        # Of what is no object, that alone is told.
        if value is _MISSING and self._is_object:
            self.refuse(name, "missing", "Field required")
        return value

    def _text(self, name: str, value: Any) -> str:
        if not isinstance(value, str):
            self.refuse(name, "string_type", "Input should be a string")
            return ""
        if "\0" in value:
            self.refuse(name, "value_error", _NUL)
        return value

    def _note(self, way: Where, kind: str, message: str) -> None:
        self._wrong.append(Detail(type=kind, loc=(*self._where, *way), msg=message))


def seconds_of(value: Any) -> float | None:
    """Return a time in whole Unix seconds; None for what is no time.

    Any form of ISO 8601 that Python reads, a time without a zone being in UTC, or Unix
    seconds as a number or a text.
    """
    seconds = _number(value)
    if seconds is None:
        if not isinstance(value, str):
            return None
        try:
            at = datetime.fromisoformat(value.strip())
            if at.tzinfo is None:
                at = at.replace(tzinfo=UTC)
            seconds = at.timestamp()
        except (ValueError, OverflowError):
            return None
    if not _FIRST <= seconds <= _LAST:  # NaN and infinities are neither
        return None
    return float(math.floor(seconds))


def _number(value: Any) -> float | None:
    """Return a number, or the number that a text is; true and false are none."""
    if isinstance(value, str):
        return float(value) if _DECIMAL.fullmatch(value.strip()) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if isinstance(value, int) and abs(value) > _LARGEST:
        return math.inf  # floats do not reach as far as integers
    return value


def _unstorable(value: Any) -> str:
    """Return why a value cannot be kept, or given back as JSON; empty if it can."""
    if isinstance(value, str):
        return _NUL if "\0" in value else ""
    if isinstance(value, float):
        return "" if math.isfinite(value) else _INFINITE
    if isinstance(value, dict):
        return _unstorable([*value, *value.values()])
    if isinstance(value, list):
        return next(filter(None, map(_unstorable, value)), "")
    return ""
