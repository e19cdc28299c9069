"""Why an item cannot be read, told as a fault."""

import json
import re
from difflib import get_close_matches
from typing import Any

from quire.documents.document import Fault
from quire.documents.names import DocumentName
from quire.documents.pointer import pointer, showable

_NAME = re.compile(r'^\s*\[\s*"([^"\\]*)"|"name"\s*:\s*"([^"\\]*)"')
_UID = re.compile(r'"(?:uid|datum_id)"\s*:\s*"([^"\\]*)"')
_SURROGATE = re.compile("[\ud800-\udfff]")
_LONGEST_NAME = 100
_KNOWN = tuple(name.value for name in DocumentName)

Path = tuple[str | int, ...]


def unreadable(text: bytes, index: int, error: ValueError) -> Fault:
    """Return the fault of an item that is no JSON, or JSON that says two things.

    Parameters
    ----------
    error
        What the parser said.
    """
    try:
        decoded = text.decode("utf-8")
    except UnicodeDecodeError as wrong:
        return _fault(text, index, "", f"invalid UTF-8 at byte {wrong.start}")
    found = _first_trouble(decoded)
    if found is None:
        return _fault(text, index, "", _in_our_words(str(error)))
    path, reason = found
    return _fault(text, index, pointer(path[1:]), reason)


def broken_off(index: int, error: ValueError) -> Fault:
    """Return the fault of an array of which nothing further can be read."""
    reason = f"this and all that follows cannot be read: {error}"
    return Fault(index=index, name="", uid="", field="", reason=reason)


def unknown_name(text: bytes, index: int, name: str) -> Fault:
    """Return the fault of a document name that event-model does not have."""
    nearest = get_close_matches(name.lower(), _KNOWN, n=1)
    mend = f"; did you mean {nearest[0]!r}?" if nearest else ""
    shown = showable(name, _LONGEST_NAME)
    return _fault(text, index, "", f"unknown document name {shown!r}{mend}")


def wrong_shape(text: bytes, index: int) -> Fault:
    """Return the fault of an item that is JSON, but of another form."""
    reason = (
        'an item is [name, document] or {"name": …, "doc": …}, with the name a '
        "string and the document an object"
    )
    return _fault(text, index, "", reason)


def _fault(text: bytes, index: int, field: str, reason: str) -> Fault:
    shown = text.decode("utf-8", "replace")
    names = [first or second for first, second in _NAME.findall(shown)]
    known = [name for name in names if name in _KNOWN]
    uid = _UID.search(shown)
    return Fault(
        index=index,
        name=showable(next(iter(known or names), ""), _LONGEST_NAME),
        uid=showable(uid[1]) if uid else "",
        field=showable(field),
        reason=showable(reason),
    )


def _in_our_words(reason: str) -> str:
    if reason.startswith("recursion limit exceeded"):
        return "nested deeper than 200 levels"
    if reason.startswith("trailing characters"):
        return reason.replace("trailing characters", "trailing data", 1)
    return f"not JSON: {reason}"


class _Members:
    """An object's members, a repeated key included."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.pairs = pairs


def _first_trouble(text: str) -> tuple[Path, str] | None:
    """Return the place of the first repeated key or lone surrogate."""
    try:
        return _trouble(json.loads(text, object_pairs_hook=_Members), ())
    except (ValueError, RecursionError):
        return None


def _trouble(value: Any, path: Path) -> tuple[Path, str] | None:
    match value:
        case _Members():
            return _trouble_in_members(value.pairs, path)
        case list():
            places = ((item, (*path, place)) for place, item in enumerate(value))
            return next(filter(None, (_trouble(*each) for each in places)), None)
        case str():
            found = _SURROGATE.search(value)
            if found:
                return path, f"lone surrogate U+{ord(found[0]):04X}"
    return None


def _trouble_in_members(
    pairs: list[tuple[str, Any]], path: Path
) -> tuple[Path, str] | None:
    seen: set[str] = set()
    for key, item in pairs:
        here = (*path, key)
        if key in seen:
            return here, f"duplicate key {showable(key, _LONGEST_NAME)!r}"
        seen.add(key)
        found = _trouble(key, here) or _trouble(item, here)
        if found:
            return found
    return None
