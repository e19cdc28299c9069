"""The functions that a calculated entry may name: an allow-listed registry.

A name that came in a document is looked up in a dictionary and nothing else: never
imported, split or evaluated.
"""

from collections.abc import Callable, Iterable, Mapping
from enum import StrEnum
from typing import Any

import msgspec

from quire.errors import InputError


class Takes(StrEnum):
    """What a parameter takes."""

    FIELD = "field"
    NUMBER = "number"
    TEXT = "text"


class Works(StrEnum):
    """How a function is called.

    EACH: with a block of rows, giving as many. REDUCE: gives a fold, which is fed
    blocks and then asked. WHOLE: once, with all rows.
    """

    EACH = "each"
    REDUCE = "reduce"
    WHOLE = "whole"


class FunctionParameter(msgspec.Struct, frozen=True, kw_only=True):
    """One parameter.

    Attributes
    ----------
    takes
        FIELD: the name of a data key of the entry's stream, or a number.
    choices
        The texts allowed; any if empty.
    """

    name: str
    takes: Takes = Takes.FIELD
    default: Any = None
    required: bool = False
    choices: tuple[str, ...] = ()


class Function(msgspec.Struct, frozen=True, kw_only=True):
    """A function that may be called.

    Attributes
    ----------
    call
        EACH and WHOLE: takes a NumPy array a field, and the other parameters by name.
        REDUCE: takes the other parameters and returns a `Fold`.
    version
        Of its code; another version makes another product.
    takes_input
        Whether the entry's own field is its first argument.
    units
        ``same`` as the first field's, ``product``, ``ratio``, else the unit itself.
    seconds, memory_bytes
        What one run of it may take.
    """

    name: str
    call: Callable[..., Any]
    version: str = "1"
    works: Works = Works.EACH
    takes_input: bool = True
    parameters: tuple[FunctionParameter, ...] = ()
    units: str = ""
    description: str = ""
    seconds: float = 60.0
    memory_bytes: int = 1024**3


class Declaration(msgspec.Struct, frozen=True, kw_only=True):
    """What a function says of itself to those who do not have it.

    Attributes
    ----------
    takes_input, works, parameters, units
        As of `Function`.
    """

    name: str
    version: str
    works: Works
    takes_input: bool
    parameters: tuple[FunctionParameter, ...]
    units: str


class NotHere(Exception):  # caught where functions are called
    """A function is known by its declaration alone."""


def declaration(function: Function) -> Declaration:
    """Return what a function says of itself."""
    told = {name: getattr(function, name) for name in Declaration.__struct_fields__}
    return Declaration(**told)


def declared(told: Declaration) -> Function:
    """Return a function that can be asked for, and not called."""

    def call(*_: Any, **__: Any) -> Any:
        raise NotHere(f"{told.name} is on the server alone")

    own = {name: getattr(told, name) for name in Declaration.__struct_fields__}
    return Function(call=call, **own)


class BoundCall(msgspec.Struct, frozen=True, kw_only=True):
    """A call whose arguments were checked.

    Attributes
    ----------
    fields
        Data keys whose values are handed over, in the order of the parameters.
    literals
        Numbers in place of fields, by their place among the operands.
    options
        Parameters that are no fields.
    """

    function: str
    fields: tuple[str, ...]
    literals: dict[int, float] = {}
    options: dict[str, Any] = {}


def bind(
    function: Function, field: str, args: Iterable[Any], kwargs: Mapping[str, Any]
) -> BoundCall:
    """Return a call of a function with these arguments.

    Parameters
    ----------
    field
        The entry's own.

    Raises
    ------
    InputError
        An argument is unknown, missing, given twice or none that it takes.
    """
    given = _by_name(function.parameters, list(args), kwargs)
    fields = [field] if function.takes_input else []
    literals: dict[int, float] = {}
    options: dict[str, Any] = {}
    place = len(fields)
    for one in function.parameters:
        if one.name not in given and one.required:
            raise InputError(one.name, "is missing")
        value = _checked(one, given.get(one.name, one.default))
        if one.takes is not Takes.FIELD:
            options[one.name] = value
            continue
        if isinstance(value, str):
            fields.append(value)
        else:
            literals[place] = value
        place += 1
    if not fields:
        raise InputError("args", "none of them is a field", "name a data key")
    return BoundCall(
        function=function.name,
        fields=tuple(fields),
        literals=literals,
        options=options,
    )


def _by_name(
    declared: tuple[FunctionParameter, ...],
    positional: list[Any],
    kwargs: Mapping[str, Any],
) -> dict[str, Any]:
    if len(positional) > len(declared):
        mend = f"it takes {len(declared)}"
        raise InputError("args", f"{len(positional)} are given", mend)
    given = dict(zip((one.name for one in declared), positional, strict=False))
    for name, value in kwargs.items():
        if name in given or name not in {one.name for one in declared}:
            known = ", ".join(one.name for one in declared) or "none"
            raise InputError("kwargs", f"{name!r:.60} is not expected", f"of {known}")
        given[name] = value
    return given


def _checked(parameter: FunctionParameter, value: Any) -> Any:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    match parameter.takes:
        case Takes.FIELD:
            good, wanted = number or isinstance(value, str), "a data key or a number"
        case Takes.NUMBER:
            good, wanted = number, "a number"
        case Takes.TEXT:
            good, wanted = isinstance(value, str), "text"
    if parameter.choices and value not in parameter.choices:
        good, wanted = False, "one of " + ", ".join(parameter.choices)
    if not good:
        raise InputError(parameter.name, f"{value!r:.60} does not do", wanted)
    return value
