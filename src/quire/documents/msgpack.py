"""Documents as MessagePack, with nothing lost.

MessagePack ends at 64 bits; an integer beyond them is extension type 1 holding its
decimal digits in ASCII. NaN and infinities are 64-bit floats, as the format has them.
"""

import struct
from collections.abc import Mapping
from typing import Any

import msgspec

from quire.documents.document import Document

BIG_INTEGER = 1
"""The extension type of integers beyond 64 bits."""

_MIN, _MAX = -(2**63), 2**64
_ENCODER = msgspec.msgpack.Encoder()


def encode_pair(document: Document) -> bytes:
    """Return ``[name, body]``."""
    return encode([document.name.value, document.body])


def encode(value: Any) -> bytes:
    """Return a JSON value as MessagePack."""
    try:
        return _ENCODER.encode(value)
    except OverflowError:
        return _ENCODER.encode(_with_extensions(value))


def array_header(length: int) -> bytes:
    """Return what stands before the elements of an array.

    Source: MessagePack specification, array format family.
    """
    if length < 16:  # noqa: PLR2004
        return bytes([0x90 | length])
    if length < 2**16:
        return struct.pack(">BH", 0xDC, length)
    return struct.pack(">BI", 0xDD, length)


def read_extension(code: int, data: memoryview) -> Any:
    """Return an integer beyond 64 bits; other extensions stay as they are.

    Raises
    ------
    ValueError
        It holds no decimal digits, or more than 4,300, where Python and JSON's parser
        end.
    """
    raw = bytes(data)
    if code != BIG_INTEGER:
        return msgspec.msgpack.Ext(code, raw)
    if not raw.removeprefix(b"-").isdigit():
        raise ValueError(f"extension {code} is to hold decimal digits")
    return int(raw)


def value_end(buffer: bytes | bytearray, at: int) -> int:
    """Return where the value that begins at `at` ends; -1 if it is not all there.

    Raises
    ------
    ValueError
        No value begins like this.
    """
    waiting = 1
    while waiting:
        if at >= len(buffer):
            return -1
        at, values = _step(buffer, at)
        if at < 0:
            return -1
        waiting += values - 1
    return at if at <= len(buffer) else -1


def _with_extensions(value: Any) -> Any:
    match value:
        case dict():
            return {key: _with_extensions(item) for key, item in value.items()}
        case list() | tuple():
            return [_with_extensions(item) for item in value]
        case int() if not _MIN <= value < _MAX:
            return msgspec.msgpack.Ext(BIG_INTEGER, str(value).encode())
    return value


# By the first byte, as the specification's table of formats has them.
_FIXED: Mapping[int, int] = {  # bytes in all
    **dict.fromkeys(range(0x80), 1),
    **{0xA0 + length: 1 + length for length in range(32)},
    **dict.fromkeys((0xC0, 0xC2, 0xC3), 1),
    **dict(zip(range(0xCA, 0xD4), (5, 9, 2, 3, 5, 9, 2, 3, 5, 9), strict=True)),
    **dict(zip(range(0xD4, 0xD9), (3, 4, 6, 10, 18), strict=True)),
    **dict.fromkeys(range(0xE0, 0x100), 1),
}
_SIZED: Mapping[int, tuple[int, int]] = {  # width of the length, bytes beside it
    **dict(zip((0xC4, 0xC5, 0xC6), ((1, 0), (2, 0), (4, 0)), strict=True)),
    **dict(zip((0xC7, 0xC8, 0xC9), ((1, 1), (2, 1), (4, 1)), strict=True)),
    **dict(zip((0xD9, 0xDA, 0xDB), ((1, 0), (2, 0), (4, 0)), strict=True)),
}
_FEW: Mapping[int, int] = {  # values inside
    **{0x80 + pairs: 2 * pairs for pairs in range(16)},
    **{0x90 + count: count for count in range(16)},
}
_MANY: Mapping[int, tuple[int, int]] = {  # width of the count, values for each
    0xDC: (2, 1),
    0xDD: (4, 1),
    0xDE: (2, 2),
    0xDF: (4, 2),
}


def _step(buffer: bytes | bytearray, at: int) -> tuple[int, int]:
    """Return where what begins here ends, and how many values belong behind it."""
    code = buffer[at]
    if code in _FIXED:
        return at + _FIXED[code], 0
    if code in _FEW:
        return at + 1, _FEW[code]
    if code not in _SIZED and code not in _MANY:
        raise ValueError(f"no MessagePack value begins with {code:#x}")
    width, factor = _SIZED.get(code) or _MANY[code]
    number = int.from_bytes(buffer[at + 1 : at + 1 + width], "big")
    if at + 1 + width > len(buffer):
        return -1, 0
    if code in _SIZED:
        return at + 1 + width + factor + number, 0
    return at + 1 + width, factor * number
