"""Typed parameters: declared once by a kind, read the same way for every face."""

import difflib
import json
import math
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from typing import Any

import msgspec

from quire.errors import InputError, ManyInputErrors

_LONGEST_TEXT = 1_000_000
_MOST_VALUES = 1000
_SHOWN = 40
_TRUTH = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}


class ParameterType(StrEnum):
    """What a value is."""

    TEXT = "text"
    NUMBER = "number"
    INTEGER = "integer"
    BOOLEAN = "boolean"
    OBJECT = "object"
    FILE = "file"


class Upload(msgspec.Struct, frozen=True, kw_only=True):
    """A file that came with a job, as the value of a `file` parameter.

    Only the server makes one: no client can name a path.

    Attributes
    ----------
    path
        Relative to the data folder.
    size
        Bytes.
    sha256
        Hexadecimal.
    """

    path: str
    size: int
    sha256: str
    mime_type: str = "application/octet-stream"


class Parameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter that a kind takes.

    Attributes
    ----------
    name
        In capitals; clients may write it in any case.
    unit
        As the VOUnits standard writes it, empty if it has none.
    least, most
        Bounds of a number, both included.
    choices
        The values allowed, as text; any if empty.
    default
        Value where none is given; the parameter is then left out if this is None.
    multiple
        Whether it may be given several times; its value is then a list.
    """

    name: str
    type: ParameterType = ParameterType.TEXT
    description: str = ""
    unit: str = ""
    least: float | None = None
    most: float | None = None
    choices: tuple[str, ...] = ()
    default: Any = None
    required: bool = False
    multiple: bool = False


def read_parameters(
    declared: Sequence[Parameter], given: Mapping[str, Any], *, at: str = ""
) -> dict[str, Any]:
    """Return the values that were given, typed, with the defaults of the others.

    Reading what it returned gives the same again.

    Parameters
    ----------
    at
        Put before the names of fields in errors, such as ``"/parameters/"``.

    Raises
    ------
    InputError
        A name is unknown, missing or given twice, or a value cannot be used;
        `ManyInputErrors` if there are several.
    """
    by_name = {one.name: one for one in declared}
    values: dict[str, Any] = {}
    problems: list[InputError] = []
    seen: set[str] = set()
    for field, value in given.items():
        name, where = field.upper(), f"{at}{field}"
        if name in seen:
            problems.append(InputError(where, "given twice", "give it once"))
            continue
        seen.add(name)
        try:
            values[name] = _value(_declared(by_name, field, where), where, value)
        except InputError as problem:
            problems.append(problem)
    problems.extend(
        InputError(f"{at}{one.name}", "missing", one.description)
        for one in declared
        if one.required and one.name not in seen
    )
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise ManyInputErrors(problems)
    return _defaults(declared) | values


def merged(
    former: Mapping[str, Any], given: Mapping[str, Any], *, without: Sequence[str] = ()
) -> dict[str, Any]:
    """Return the former values with the given ones in place of those they replace."""
    replaced = {name.upper() for name in (*given, *without)}
    kept = {name: value for name, value in former.items() if name not in replaced}
    return {**kept, **given}


def restored(
    declared: Sequence[Parameter], stored: Mapping[str, Any]
) -> dict[str, Any]:
    """Return stored values as they were read, with their uploads as such."""
    files = {one.name for one in declared if one.type is ParameterType.FILE}
    return {
        name: _restored(value) if name in files else value
        for name, value in stored.items()
    }


def _restored(value: Any) -> Any:
    if isinstance(value, list):
        return [_restored(one) for one in value]
    return msgspec.convert(value, Upload)


def uploads_of(values: Mapping[str, Any]) -> dict[str, Upload]:
    """Return the uploads among values, by parameter; the first of several."""
    found: dict[str, Upload] = {}
    for name, value in values.items():
        first = value[0] if isinstance(value, list) and value else value
        if isinstance(first, Upload):
            found[name] = first
    return found


def _defaults(declared: Sequence[Parameter]) -> dict[str, Any]:
    return {
        one.name: list(one.default or []) if one.multiple else one.default
        for one in declared
        if one.multiple or one.default is not None
    }


def _declared(by_name: Mapping[str, Parameter], field: str, where: str) -> Parameter:
    name = field.upper()
    if name in by_name:
        return by_name[name]
    near = difflib.get_close_matches(name[:100], by_name, n=1, cutoff=0.5)
    known = ", ".join(by_name) or "none"
    mend = f"did you mean {near[0]}?" if near else f"there are {known}"
    raise InputError(where[:100], "no such parameter", mend)


def _value(parameter: Parameter, where: str, value: Any) -> Any:
    if not parameter.multiple:
        # A form sends one value of a list as a list of one.
        if isinstance(value, tuple) and len(value) == 1:
            value = value[0]
        if isinstance(value, tuple):
            raise InputError(where, "given several times", "give it once")
        return _single(parameter, where, value)
    if value in (None, "", ("",)):  # a form's empty field, JSON's null: no value
        return []
    several = value if isinstance(value, list | tuple) else [value]
    if len(several) > _MOST_VALUES:
        raise InputError(where, f"more than {_MOST_VALUES} values", "give fewer")
    return [_single(parameter, where, one) for one in several]


def _single(parameter: Parameter, where: str, value: Any) -> Any:
    read = _READERS[parameter.type](parameter, where, value)
    if parameter.choices and str(read) not in parameter.choices:
        known = ", ".join(parameter.choices)
        raise InputError(where, f"{_shown(value)} is none of them", f"one of {known}")
    return read


def _text(_: Parameter, where: str, value: Any) -> str:
    if not isinstance(value, str):
        raise InputError(where, f"{_shown(value)} is no text", "give text")
    if len(value) > _LONGEST_TEXT:
        raise InputError(where, f"more than {_LONGEST_TEXT} characters", "send a file")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise InputError(where, "half a surrogate pair in it", "send UTF-8") from None
    return value


def _number(parameter: Parameter, where: str, value: Any) -> float:
    number = _finite(where, value)
    least, most = parameter.least, parameter.most
    if (least is not None and number < least) or (most is not None and number > most):
        raise InputError(where, f"{value!s:.40} is out of range", _range(parameter))
    return number


def _integer(parameter: Parameter, where: str, value: Any) -> int:
    number = _finite(where, value)
    if not number.is_integer():
        raise InputError(where, f"{value!s:.40} is no integer", "such as 10")
    _number(parameter, where, value)
    # A float has 53 bits: an integer sent as such keeps all of its own.
    return value if isinstance(value, int) else int(number)


def _finite(where: str, value: Any) -> float:
    try:
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise TypeError  # answered below like all that is no number
        number = float(value)
    except (TypeError, ValueError):
        reason = f"{_shown(value)} is no number"
        raise InputError(where, reason, "such as 2.5") from None
    except OverflowError:
        raise InputError(where, "it is too big", "take a smaller one") from None
    if not math.isfinite(number):
        raise InputError(where, f"{value!s:.40} is no finite number", "such as 2.5")
    return number


def _range(parameter: Parameter) -> str:
    least, most = (
        None if bound is None else f"{bound:.15g}"
        for bound in (parameter.least, parameter.most)
    )
    if least is None:
        return f"at most {most}"
    return f"from {least} on" if most is None else f"from {least} to {most}"


def _boolean(_: Parameter, where: str, value: Any) -> bool:
    truth = _TRUTH.get(value.strip().lower()) if isinstance(value, str) else value
    if not isinstance(truth, bool):
        raise InputError(where, f"{_shown(value)} is no boolean", "true or false")
    return truth


def _object(_: Parameter, where: str, value: Any) -> Any:
    """Return an object as it is, or text with one as that text: its bytes are kept."""
    if isinstance(value, Mapping):
        return value
    if not isinstance(value, str):
        reason = f"{_shown(value)} is no object, nor text with one"
        raise InputError(where, reason, "give JSON")
    return value


def _file(_: Parameter, where: str, value: Any) -> Upload:
    if not isinstance(value, Upload):
        mend = "send it as a part of multipart/form-data, or by reference"
        raise InputError(where, f"{_shown(value)} is no file", mend)
    return value


def _shown(value: Any) -> str:
    return f"{value!r:.{_SHOWN}}"


_READERS: Mapping[ParameterType, Callable[[Parameter, str, Any], Any]] = {
    ParameterType.TEXT: _text,
    ParameterType.NUMBER: _number,
    ParameterType.INTEGER: _integer,
    ParameterType.BOOLEAN: _boolean,
    ParameterType.OBJECT: _object,
    ParameterType.FILE: _file,
}


def as_text(value: Any) -> str:
    """Return a value as a form would send it."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case float():
            return (
                f"{value:.17g}" if float(f"{value:.15g}") != value else f"{value:.15g}"
            )
        case Mapping() | list():
            return json.dumps(value, ensure_ascii=False, default=str)
        case _:
            return str(value)
