"""Rules on the values of events, judged a column at a time."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from quire.runs.run import DataKey, Finding, Severity

_FITTING: dict[str, frozenset[type]] = {
    "string": frozenset({str, type(None)}),
    "number": frozenset({int, float, type(None)}),
    "integer": frozenset({int, type(None)}),
    "boolean": frozenset({bool, type(None)}),
    "array": frozenset({list, type(None)}),
}
_SCALARS = frozenset({str, int, float, bool, type(None)})
_NAMES: dict[type, str] = {
    str: "string",
    int: "integer",
    float: "number",
    bool: "boolean",
    list: "array",
}
_NUMBERS = frozenset({int, float})


def misfits(
    descriptor: str, key: str, declared: DataKey | None, column: Sequence[Any]
) -> Iterator[Finding]:
    """Tell which values of a data key break a rule, of whatever kind.

    Parameters
    ----------
    declared
        None where the descriptor does not declare the key.
    """
    kinds = set(map(type, column))
    if declared is not None and kinds - _FITTING[declared.dtype]:
        yield from _other_type(descriptor, key, declared, kinds)
    if not kinds <= _SCALARS:
        yield from _no_plain_data(descriptor, key, kinds, column)
    if declared is not None and declared.choices:
        yield from not_chosen(descriptor, key, declared, column)


def not_chosen(
    descriptor: str, key: str, declared: DataKey, column: Sequence[Any]
) -> Iterator[Finding]:
    """Tell of a text that is none of the declared `choices` (event-model, `DataKey`).

    In arrays, too. Numbers may be places among the choices; external data are elsewhere.
    """
    if not declared.external and not _texts(column) <= set(declared.choices):
        message = f"a value of {key!r} is none of its choices"
        yield Finding(
            rule="choices", uid=descriptor, message=message, severity=Severity.MINOR
        )


def all_fit(data: Mapping[str, Any], declared: Mapping[str, DataKey]) -> bool:
    """Return whether `misfits` has nothing to tell of a row with these data keys."""
    for key, one in declared.items():
        kind = type(data[key])
        if kind not in _FITTING[one.dtype]:
            return False
        if kind in _NUMBERS:
            continue
        if kind is list and not _homogeneous(data[key]):
            return False
        if one.choices and not _texts([data[key]]) <= set(one.choices):
            return False
    return True


def _other_type(
    descriptor: str, key: str, declared: DataKey, kinds: set[type]
) -> Iterator[Finding]:
    """Tell of values that are not of the declared dtype (event-model, `Dtype`)."""
    for kind in kinds - _FITTING[declared.dtype]:
        if kind is dict or (kind is str and declared.external):
            continue  # told by another rule, and a datum_id
        message = f"{key!r} is declared {declared.dtype}, but {_NAMES[kind]} came"
        yield Finding(
            rule="dtype", uid=descriptor, message=message, severity=Severity.MINOR
        )


def _no_plain_data(
    descriptor: str, key: str, kinds: set[type], column: Sequence[Any]
) -> Iterator[Finding]:
    """Tell of objects and mixed arrays (event-model, ``data-model.rst``)."""
    if dict in kinds:
        message = f"a value of {key!r} is an object"
        yield Finding(rule="object_value", uid=descriptor, message=message)
    if list in kinds and not all(
        _homogeneous(value) for value in column if type(value) is list
    ):
        message = f"a value of {key!r} is an array of values of several kinds"
        yield Finding(rule="mixed_array", uid=descriptor, message=message)


def _homogeneous(array: list[Any]) -> bool:
    level: list[Any] = array
    while True:
        kinds = set(map(type, level))
        if kinds != {list}:
            return dict not in kinds and (len(kinds) <= 1 or kinds <= _NUMBERS)
        level = list(chain.from_iterable(level))


def _texts(column: Sequence[Any]) -> set[str]:
    """Return the texts of a column and of the arrays in it."""
    found: set[str] = set()
    level: list[Any] = list(column)
    while level:
        found.update(value for value in level if type(value) is str)
        level = [item for value in level if type(value) is list for item in value]
    return found
