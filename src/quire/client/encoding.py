"""One document as one line of JSON, whatever a device has put into it.

Numbers are kept as Python writes them: NaN and infinities bare, integers of any size.
What JSON has no form for is turned into the nearest thing that it has:

========================= ================================================
value                     becomes
========================= ================================================
numpy scalar, array       Python number, nested lists
bytes                     text if it is UTF-8, else base64
set, frozenset            list, sorted by representation
other mapping, sequence   object, list
date, time                ISO 8601 text
enumeration               its value
number of another kind    the nearest double
complex number            list of real and imaginary part
half of a surrogate pair  its escape in JSON, as text
anything else             its representation
========================= ================================================
"""

import base64
import datetime as dt
import enum
import json
import numbers
import re
from collections.abc import Iterable, Mapping
from pathlib import PurePath
from typing import Any

_DEPTH = 100
_MOST_TEXT = 10_000
_SURROGATE = re.compile("[\ud800-\udfff]")


def encode(name: str, doc: Any) -> bytes:
    """Return a document as the line ``[name, doc]`` with its newline.

    Never raises for anything that a document may hold: names that JSON cannot have
    become text, what contains itself is cut there, and anything at a depth of 100.
    """
    try:
        text = _ENCODER.encode((name, doc))
    except Exception:  # noqa: BLE001 - odd keys, cycles, depth, or a default of our own
        text = _ENCODER.encode((str(name), _plain(doc)))
    try:
        return text.encode() + b"\n"
    except UnicodeEncodeError:
        return _SURROGATE.sub(_escaped, text).encode() + b"\n"


def _escaped(half: re.Match[str]) -> str:
    # A file's name that is no UTF-8, say; the escape itself is no text to the server.
    return f"\\\\u{ord(half[0]):04x}"


def _default(value: Any) -> Any:
    """Return the nearest thing that the encoder knows."""
    if isinstance(value, enum.Enum):
        return value.value
    if hasattr(value, "tolist"):
        plain = value.tolist()
        # A longdouble of numpy stays one: Python has no number for it.
        if type(plain) is not type(value):
            return plain
    return _standard(value)


def _standard(value: Any) -> Any:  # noqa: PLR0911 - a table
    match value:
        case Mapping():
            return dict(value)
        case bytes() | bytearray() | memoryview():
            return _text(bytes(value))
        case set() | frozenset():
            return sorted(value, key=repr)
        case dt.date() | dt.time():
            return value.isoformat()
        case numbers.Number():
            return _double(value)
        case PurePath():
            return str(value)
        case Iterable() if hasattr(value, "__len__"):
            return list(value)
        case _:
            return _representation(value)


def _double(value: Any) -> Any:
    if isinstance(value, numbers.Complex) and not isinstance(value, numbers.Real):
        return [value.real, value.imag]
    return float(value)


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()


def _representation(value: Any) -> str:
    try:
        return repr(value)[:_MOST_TEXT]
    except Exception:  # noqa: BLE001 - a device's own __repr__
        return f"<{type(value).__name__}>"


def _plain(value: Any, above: tuple[int, ...] = ()) -> Any:
    """Return a copy of plain values only, slowly."""
    try:
        return _copied(value, above)
    except Exception:  # noqa: BLE001 - a value's own methods
        return _representation(value)


def _copied(value: Any, above: tuple[int, ...]) -> Any:  # noqa: PLR0911 - a table
    if id(value) in above or len(above) > _DEPTH:
        return "..."
    below = (*above, id(value))
    match value:
        case enum.Enum():
            return _plain(value.value, below)
        case None | bool() | float():
            return value
        case int():
            return value if value.bit_length() < _MOST_TEXT else hex(value)
        case str():
            return str(value)
        case Mapping():
            return {_key(key): _plain(item, below) for key, item in value.items()}
        case list() | tuple():
            return [_plain(item, below) for item in value]
        case _:
            return _plain(_default(value), below)


def _key(key: Any) -> str:
    return key if isinstance(key, str) else str(_plain(key))


_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"), default=_default)
