"""A schema's errors, brought down to the one place and reason that help most."""

import json
import math
from collections.abc import Iterable, Sequence
from typing import Any

import jsonschema_rs

from quire.documents.pointer import showable

Path = tuple[str | int, ...]
Violation = tuple[Path, str]

_LONGEST_VALUE = 80
_CLOSED = ("additionalProperties", "unevaluatedProperties")


def violation(errors: Iterable[jsonschema_rs.ValidationError], body: Any) -> Violation:
    """Return the path and the reason of the most telling error.

    Parameters
    ----------
    body
        The document itself: the schema's validator shows NaN as null.
    """
    return _told(next(iter(errors)), body)


def _told(error: jsonschema_rs.ValidationError, body: Any) -> Violation:
    path = _restored(error.instance_path, body)
    kind: Any = error.kind  # its attributes vary with its name
    if kind.name == "required":
        return (*path, kind.property), "required, but missing"
    if kind.name in _CLOSED:
        key = kind.unexpected[0]
        return (*path, key), f"{_shown(key)}: {_why_closed(key)}"
    if kind.name == "anyOf":
        return _nearest(error, kind.context, body)
    if kind.name == "type":
        return path, f"{_shown(_at(body, path))} is not of type {_types([error])}"
    if kind.name == "enum":
        allowed = ", ".join(map(_shown, kind.options))
        return path, f"{_shown(_at(body, path))} is none of {allowed}"
    return path, error.message


def _why_closed(key: str) -> str:
    if not key or "." in key or "/" in key:
        return "a key may be neither empty nor hold a dot or a slash"
    return "the schema knows no such key here"


def _nearest(
    error: jsonschema_rs.ValidationError,
    branches: Sequence[Sequence[jsonschema_rs.ValidationError]],
    body: Any,
) -> Violation:
    """Tell what is wrong with the form that was meant, or else that none was."""
    meant = [branch for branch in branches if not _is_other_form(branch, error)]
    if len(meant) == 1:
        return violation(meant[0], body)
    nearest = min(meant or branches, key=len)
    if meant or len(nearest) > 1:
        path = _restored(error.instance_path, body)
        return path, f"{_shown(_at(body, path))} has none of the forms allowed here"
    first = nearest[0]
    path = _restored(first.instance_path, body)
    here = [
        one
        for branch in branches
        for one in branch
        if one.instance_path == first.instance_path
    ]
    if first.kind.name == "type":
        return path, f"{_shown(_at(body, path))} is not of type {_types(here)}"
    return path, f"{_shown(_at(body, path))} is none of {_constants(here)}"


def _is_other_form(
    branch: Sequence[jsonschema_rs.ValidationError],
    whole: jsonschema_rs.ValidationError,
) -> bool:
    """Tell whether a branch is for another type, or has another constant."""
    return any(
        error.kind.name == "const"
        or (error.kind.name == "type" and error.instance_path == whole.instance_path)
        for error in branch
    )


def _types(errors: Iterable[jsonschema_rs.ValidationError]) -> str:
    kinds: list[Any] = [error.kind for error in errors if error.kind.name == "type"]
    return " or ".join(one for kind in kinds for one in kind.types)


def _constants(errors: Iterable[jsonschema_rs.ValidationError]) -> str:
    kinds: list[Any] = [error.kind for error in errors if error.kind.name == "const"]
    allowed = dict.fromkeys(_shown(kind.expected_value) for kind in kinds)
    return " or ".join(allowed)


def _at(body: Any, path: Path) -> Any:
    for step in path:
        body = body[step]
    return body


def _restored(path: Sequence[str | int], body: Any) -> Path:
    """Return the path with the empty keys that jsonschema-rs leaves out of it."""
    return _found(tuple(path), body) or ()


def _found(path: Path, value: Any) -> Path | None:
    if not path:
        return ()
    for step, left in ((path[0], path[1:]), ("", path)):
        if _holds(value, step):
            found = _found(left, value[step])
            if found is not None:
                return (step, *found)
    return None


def _holds(value: Any, step: str | int) -> bool:
    if isinstance(value, list):
        return isinstance(step, int) and step < len(value)
    return isinstance(value, dict) and step in value


def _shown(value: Any) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        return f"{value} is not a finite number: it"
    return showable(json.dumps(value, ensure_ascii=False), _LONGEST_VALUE)
