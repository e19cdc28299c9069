"""Documents as MessagePack, with the arrays of msgpack-numpy, read into plain JSON.

msgpack-numpy writes an array as a map with the keys ``nd``, ``type``, ``kind``,
``shape`` and ``data`` (its ``encode``), and reads one of kind ``O`` by unpickling
it. That is why its reader is not used here: such an array is refused.

What MessagePack has and JSON has not becomes what Quire's own client makes of it:
arrays nested lists, complex numbers pairs, bytes text if they are UTF-8 and else
base64, times ISO 8601 text. An integer beyond 64 bits is extension type 1 holding its
decimal digits.
"""

import base64
import datetime as dt
import json
from typing import TYPE_CHECKING, Any

import msgspec

from quire.documents.msgpack import BIG_INTEGER, read_extension

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import DTypeLike, NDArray

# Of arrays without data, so that a few bytes cannot become a gigabyte of lists.
_MOST_EMPTY = 1024
_DOUBLE = 8
_ENCODER = json.JSONEncoder(ensure_ascii=False, separators=(",", ":"))


class Unpackable(ValueError):
    """It is no MessagePack, or holds what cannot be a document's value."""


def unpack(payload: bytes) -> Any:
    """Return the value of a MessagePack text in what JSON has.

    Raises
    ------
    Unpackable
        It is broken, nested too deep, or holds what is never read.
    """
    try:
        return _plain(msgspec.msgpack.decode(payload, ext_hook=_extension))
    except RecursionError:
        raise Unpackable("nested too deep") from None
    except Unpackable:
        raise
    except (ValueError, TypeError, KeyError, OverflowError, MemoryError) as error:
        raise Unpackable(f"not MessagePack: {error}") from error


def as_json(value: Any) -> bytes:
    """Return a plain value as one line of JSON; NaN and infinities stand bare.

    Raises
    ------
    Unpackable
        It is nested too deep.
    """
    try:
        return _ENCODER.encode(value).encode()
    except RecursionError:
        raise Unpackable("nested too deep") from None


def _extension(code: int, data: memoryview) -> Any:
    if code != BIG_INTEGER:
        raise Unpackable(f"extension type {code} is not read")
    return read_extension(code, data)


def _plain(value: Any) -> Any:
    match value:
        case None | bool() | int() | float() | str():
            return value
        case dict():
            return _of_map(value)
        case list() | tuple():
            return [_plain(item) for item in value]
    return _nearest(value)


def _nearest(value: Any) -> Any:
    import numpy as np

    match value:
        case bytes():
            return _text(value)
        case complex() | np.complexfloating():
            return [float(value.real), float(value.imag)]
        case dt.datetime() | dt.date() | dt.time():
            return value.isoformat()
        case dt.timedelta():
            return value.total_seconds()
        case np.ndarray():  # a field of a structured one
            return _plain(value.tolist())
        case np.floating():  # a long double, which has no Python type
            return float(value)
    raise Unpackable(f"a value of type {type(value).__name__} is not read")


def _of_map(value: dict[Any, Any]) -> Any:
    # Maps with text as keys are documents' own, whatever the text says.
    if b"nd" in value:
        return _of_numpy(value)
    if b"complex" in value:
        return _plain(complex(_word(value[b"data"])))
    plain = {_key(key): _plain(item) for key, item in value.items()}
    if len(plain) != len(value):
        raise Unpackable("two keys of a map are the same text")
    return plain


def _key(key: Any) -> str:
    match key:
        case str():
            return key
        case bytes():
            return _text(key)
        case bool() | int() | float() | None:
            return _ENCODER.encode(key)
    raise Unpackable(f"a key of type {type(key).__name__} is not read")


def _text(value: bytes) -> str:
    try:
        return value.decode()
    except UnicodeDecodeError:
        return base64.b64encode(value).decode()


def _word(value: Any) -> str:
    return value.decode() if isinstance(value, bytes) else str(value)


def _of_numpy(packed: dict[Any, Any]) -> Any:
    import numpy as np

    if _word(packed.get(b"kind", b"")) == "O":
        raise Unpackable("an array of Python objects is a pickle, which is never read")
    kind = np.dtype(_descriptor(packed[b"type"]))
    _check_kind(kind)
    data = packed[b"data"]
    if not isinstance(data, bytes):
        raise Unpackable("an array's data are no bytes")
    if packed[b"nd"] is not True:
        return _plain(np.frombuffer(data, kind, 1)[0].tolist())
    shape = tuple(packed[b"shape"])
    _check_shape(shape, len(data))
    array: NDArray[Any] = np.ndarray(shape, kind, data)
    if kind.kind in "biuf" and kind.itemsize <= _DOUBLE:
        return array.tolist()
    return _plain(array.tolist())


def _descriptor(packed: Any) -> "DTypeLike":
    """Return what numpy makes a dtype of; structured ones are lists of fields."""
    if isinstance(packed, list):
        return [_field(each) for each in packed]
    return _word(packed)


def _field(packed: Any) -> Any:
    name, kind, *shape = packed
    return (_word(name), _descriptor(kind), *map(tuple, shape))


def _check_kind(kind: "np.dtype[Any]") -> None:
    if kind.hasobject:
        raise Unpackable("an array of Python objects is a pickle, which is never read")
    if kind.itemsize == 0:
        raise Unpackable("an array whose elements have no size is not read")
    if kind.subdtype is not None:
        _check_kind(kind.subdtype[0])
    for name in kind.names or ():
        _check_kind(kind[name])


def _check_shape(shape: tuple[Any, ...], size: int) -> None:
    elements = 1
    for length in shape:
        elements *= max(length, 1)
    if elements > max(size, _MOST_EMPTY):
        raise Unpackable(f"an array of shape {shape} has but {size} bytes")
