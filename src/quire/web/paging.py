"""Cursors: opaque, and garbled ones refused."""

import base64
import binascii
from typing import TypeVar

import msgspec

from quire.errors import InputError

T = TypeVar("T")


def to_cursor(key: object) -> str:
    """Return a key as text for an address."""
    return base64.urlsafe_b64encode(msgspec.json.encode(key)).decode().rstrip("=")


def from_cursor(text: str | None, model: type[T]) -> T | None:
    """Return the key that a cursor stands for, None without one.

    Raises
    ------
    InputError
        It is no cursor of ours.
    """
    if text is None:
        return None
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), b"-_", validate=True)
        return msgspec.json.decode(raw, type=model)
    except (binascii.Error, ValueError, msgspec.MsgspecError):
        raise InputError("cursor", "is garbled", "take it from 'next'") from None
