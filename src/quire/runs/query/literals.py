"""Literals as values of a field: their type is looked at here, and their unit."""

import math
import re

from quire.runs.query.errors import (
    QueryError,
    QueryTooLarge,
    UnknownValue,
    WrongType,
)
from quire.runs.query.fields import Field, FieldType
from quire.runs.query.limits import LONGEST_PATTERN, check_characters
from quire.runs.query.moments import Span, moment
from quire.runs.query.nearness import nearest
from quire.runs.query.syntax import Spelling, Spelt
from quire.runs.query.tree import Literal
from quire.runs.query.units import converted, unit

_NUMBER = re.compile(
    r"[+-]?(?:\d+(?:\.\d*)?|\.\d+)(?:e[+-]?\d+)?", re.IGNORECASE | re.ASCII
)
_WITH_UNIT = re.compile(
    rf"({_NUMBER.pattern})([^\W\d_].*|[%°µ].*)", re.IGNORECASE | re.ASCII
)
_MOST = 2**63
_SHOWN = 60
_FEW = 12


def is_null(spelt: Spelt) -> bool:
    """Tell whether a literal is the bare word ``null``, or JSON's."""
    if spelt.spelling is Spelling.JSON:
        return spelt.value is None
    bare = spelt.spelling is Spelling.BARE and not spelt.unit
    return bare and spelt.text.casefold() == "null"


def literal(field: Field, spelt: Spelt) -> Literal:
    """Return a literal as a value that its field may have.

    Times are not read here (`span`).

    Raises
    ------
    WrongType
        If its type or unit does not fit.
    UnknownValue
        If the field never has it.
    """
    if is_null(spelt):
        raise WrongType(spelt.at, "null is no value", f"write missing({field.name})")
    value = _READERS[field.type](field, spelt)
    if isinstance(value, str):
        check_characters(value, spelt.at)
    if field.choices and value not in field.choices:
        raise _no_choice(field, value, spelt)
    return value


def span(field: Field, spelt: Spelt, now: float | None) -> Span:
    """Return the moment that a literal of a TIME field stands for.

    Raises
    ------
    WrongType
        If it is neither a date nor a number of Unix seconds.
    """
    found = moment(spelt, now)
    if found is not None and not spelt.unit:
        return found
    number = _numeral(spelt)
    if number is None:
        mend = "write 2026-11-01, 2026-11-01T12:00:00Z, now - 7 d or Unix seconds"
        raise WrongType(spelt.at, f"{field.name} is a time, not {_shown(spelt)}", mend)
    return Span(float(_scaled(_seconds(field), spelt, *number)))


def spelt_pattern(field: Field, spelt: Spelt) -> str:
    """Return the pattern of a glob.

    Raises
    ------
    WrongType
        If the field is no string.
    """
    text = spelt.value if spelt.spelling is Spelling.JSON else spelt.text
    if field.type not in (FieldType.STRING, FieldType.OPEN):
        raise WrongType(
            spelt.at,
            f"'~' compares text, and {field.name} is {_KIND[field.type]}",
            f"write {field.name} in a..b, or =, <, >",
        )
    if not isinstance(text, str):
        raise WrongType(spelt.at, "a pattern is a string", 'write "Cu*"')
    if len(text) > LONGEST_PATTERN:
        reason = f"a pattern has at most {LONGEST_PATTERN:,} characters"
        raise QueryTooLarge(spelt.at, f"{reason}, this has {len(text):,}", "use *")
    check_characters(text, spelt.at)
    return text


def _string(field: Field, spelt: Spelt) -> Literal:
    value = spelt.value if spelt.spelling is Spelling.JSON else spelt.text
    bare = spelt.spelling is Spelling.BARE
    if spelt.unit:
        mend = f'put several words in quotes: "{_cut(spelt.text)} {_cut(spelt.unit)}"'
        raise WrongType(spelt.at, f"{field.name} is text and has no unit", mend)
    looks_otherwise = bare and (_NUMBER.fullmatch(spelt.text) or _truth(spelt))
    if looks_otherwise or not isinstance(value, str):
        mend = f'put it in quotes: "{_cut(spelt.text)}"' if bare else "write a string"
        raise WrongType(spelt.at, f"{field.name} is text, not {_shown(spelt)}", mend)
    return value


def _number(field: Field, spelt: Spelt) -> Literal:
    number = _numeral(spelt)
    if number is None:
        kind = _KIND[field.type]
        quoted = spelt.spelling is Spelling.QUOTED and _NUMBER.fullmatch(spelt.text)
        mend = f"take the quotes away: {spelt.text}" if quoted else f"write {kind}"
        raise WrongType(spelt.at, f"{field.name} is {kind}, not {_shown(spelt)}", mend)
    return _scaled(field, spelt, *number)


def _boolean(field: Field, spelt: Spelt) -> Literal:
    truth = _truth(spelt)
    if truth is None or spelt.unit:
        reason = f"{field.name} is true or false, not {_shown(spelt)}"
        raise WrongType(spelt.at, reason, "write true or false")
    return truth == "true"


def _open(field: Field, spelt: Spelt) -> Literal:
    if spelt.spelling is Spelling.QUOTED:
        return _string(field, spelt)
    truth = _truth(spelt)
    if truth is not None and not spelt.unit:
        return truth == "true"
    if spelt.spelling is Spelling.JSON and isinstance(spelt.value, str):
        return spelt.value if not spelt.unit else _scaled(field, spelt, "0", spelt.unit)
    if spelt.spelling is Spelling.BARE and _NUMBER.fullmatch(spelt.text) is None:
        return _string(field, spelt)
    return _number(field, spelt)


_READERS = {
    FieldType.STRING: _string,
    FieldType.INTEGER: _number,
    FieldType.NUMBER: _number,
    FieldType.BOOLEAN: _boolean,
    FieldType.OPEN: _open,
}
_KIND = {
    FieldType.STRING: "text",
    FieldType.INTEGER: "a whole number",
    FieldType.NUMBER: "a number",
    FieldType.BOOLEAN: "true or false",
    FieldType.TIME: "a time",
    FieldType.OPEN: "a number",
}


def _numeral(spelt: Spelt) -> tuple[str, str] | None:
    """Return digits and unit of a literal, None if it is no number."""
    if spelt.spelling is Spelling.JSON:
        value = spelt.value
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        if isinstance(value, int) and abs(value) >= _MOST:
            raise _too_great(spelt)
        return repr(value), spelt.unit
    if spelt.spelling is not Spelling.BARE:
        return None
    if _NUMBER.fullmatch(spelt.text):
        return spelt.text, spelt.unit
    joined = None if spelt.unit else _WITH_UNIT.fullmatch(spelt.text)
    return None if joined is None else (joined[1], joined[2])


def _scaled(field: Field, spelt: Spelt, digits: str, symbol: str) -> int | float:
    number = float(digits)
    # The float bounds how many digits are read; the integer is exact.
    if not math.isfinite(number) or (
        _is_whole(digits) and (abs(number) > _MOST or abs(int(digits)) >= _MOST)
    ):
        raise _too_great(spelt)
    if not symbol:
        return int(digits) if _is_whole(digits) else number
    if not field.unit:
        raise WrongType(
            spelt.at,
            f"{field.name} has no declared unit, so {_cut(symbol)!r} cannot be converted",
            "leave the unit out, or declare the field with its unit",
        )
    if unit(symbol) is None and symbol != field.unit:
        raise WrongType(
            spelt.at,
            f"unknown unit {_cut(symbol)!r}",
            f"{field.name} is in {field.unit}",
        )
    # Zero in full would be a fraction of as many digits as its exponent says.
    exact = converted(digits if number else "0", symbol, field.unit)
    if exact is None:
        reason = f"{_cut(symbol)!r} does not convert to {field.unit!r}"
        raise WrongType(spelt.at, reason, f"{field.name} is in {field.unit}")
    try:
        return float(exact)
    except OverflowError:
        raise _too_great(spelt) from None


def whole(field: Field, value: Literal, spelt: Spelt) -> Literal:
    """Return a literal of an INTEGER field as an integer.

    Raises
    ------
    WrongType
        If it has a fraction or is beyond 64 bits, so that nothing can equal it.
    """
    if field.type is not FieldType.INTEGER or not isinstance(value, float):
        return value
    if not value.is_integer():
        raise WrongType(
            spelt.at,
            f"{field.name} is a whole number, not {_shown(spelt)}",
            "write a whole number, or compare with < or >",
        )
    if abs(value) >= _MOST:
        raise _too_great(spelt)
    return int(value)


def _is_whole(digits: str) -> bool:
    return digits.lstrip("+-").isdecimal()


def _seconds(field: Field) -> Field:
    return Field(name=field.name, path=field.path, unit="s")


def _truth(spelt: Spelt) -> str | None:
    if isinstance(spelt.value, bool):
        return "true" if spelt.value else "false"
    word = spelt.text.casefold() if spelt.spelling is Spelling.BARE else ""
    return word if word in ("true", "false") else None


def _too_great(spelt: Spelt) -> WrongType:
    return WrongType(
        spelt.at, f"{_shown(spelt)} is too great", "below 2^63 for integers"
    )


def _no_choice(field: Field, value: Literal, spelt: Spelt) -> QueryError:
    meant = nearest(str(value), [str(each) for each in field.choices])
    listed = ", ".join(map(str, field.choices[:_FEW]))
    more = ", ..." if len(field.choices) > _FEW else ""
    reason = f"{field.name} is never {_shown(spelt)}"
    if meant is not None:
        reason += f", did you mean {meant!r}?"
    return UnknownValue(spelt.at, reason, f"one of: {listed}{more}")


def _shown(spelt: Spelt) -> str:
    if spelt.spelling is Spelling.JSON:
        return _cut(str(spelt.value))
    return repr(_cut(f"{spelt.text} {spelt.unit}".rstrip()))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."
