"""What a runner and its calculating child say to each other.

A frame is four bytes of length, JSON, and then the bytes of the arrays that it tells
of. No pickle: whatever a function did to the child, the runner reads only numbers.
"""

import json
import socket
import struct
from collections.abc import Sequence
from typing import Any

_LENGTH = struct.Struct("!I")
_LONGEST = 1024 * 1024
_MOST_BYTES = 4 * 1024**3
_KINDS = "biuf"


class Broken(Exception):
    """The other end has gone, or says what is none of the protocol."""


def send(
    connection: socket.socket, told: dict[str, Any], arrays: Sequence[Any] = ()
) -> None:
    """Send a message with NumPy arrays of numbers or booleans."""
    import numpy as np

    whole = [np.ascontiguousarray(one) for one in arrays]
    about = [
        [one.dtype.str, list(np.shape(array))]
        for one, array in zip(whole, arrays, strict=True)
    ]
    text = json.dumps({**told, "arrays": about}).encode()
    connection.sendall(_LENGTH.pack(len(text)) + text)
    for one in whole:
        if one.size:
            connection.sendall(one.reshape(-1).view("u1").data)


def receive(connection: socket.socket) -> tuple[dict[str, Any], list[Any]]:
    """Return the next message and its arrays.

    Raises
    ------
    Broken
        The other end has gone, or says what is none of the protocol.
    """
    (length,) = _LENGTH.unpack(_exactly(connection, _LENGTH.size))
    if length > _LONGEST:
        raise Broken(f"a message of {length} bytes")
    try:
        told = json.loads(bytes(_exactly(connection, length)))
        about = [
            (str(dtype), [int(n) for n in shape]) for dtype, shape in told.pop("arrays")
        ]
    except (ValueError, TypeError, AttributeError, KeyError) as problem:
        raise Broken(f"no message: {problem}") from None
    return told, [_array(connection, dtype, shape) for dtype, shape in about]


def _array(connection: socket.socket, dtype: str, shape: list[int]) -> Any:
    import numpy as np

    try:
        kind = np.dtype(dtype)
        size = kind.itemsize
        for one in shape:
            size *= one
        if kind.kind not in _KINDS or size > _MOST_BYTES or min(shape, default=0) < 0:
            raise Broken(f"{dtype} of shape {shape}")
        return np.frombuffer(_exactly(connection, size), kind).reshape(shape)
    except (TypeError, ValueError) as problem:
        raise Broken(f"no array: {problem}") from None


def _exactly(connection: socket.socket, size: int) -> bytearray:
    found = bytearray(size)
    view, at = memoryview(found), 0
    while at < size:
        count = connection.recv_into(view[at:])
        if not count:
            raise Broken("the other end has gone")
        at += count
    return found
