"""How far a listener has come in each of many logs, as one short text.

It goes out as the id of an event, and comes back as ``Last-Event-ID``. An operation
stands in it under six characters made from its name, so that fifty fit in 400 bytes.
"""

import base64
import hashlib
import re
from collections.abc import Iterable, Mapping

_KEY_LENGTH = 6
_PART = re.compile(r"([A-Za-z0-9_-]{6})([0-9a-z]{1,12})", re.ASCII)
_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def to_text(places: Mapping[str, int]) -> str:
    """Return the number in each operation's log as text."""
    return ".".join(f"{_key(name)}{_base36(at)}" for name, at in places.items())


def from_text(text: str, operations: Iterable[str]) -> dict[str, int]:
    """Return the numbers that a text holds for these operations.

    What it holds of others is left out, and so is what is garbled: their listener is
    then told everything.
    """
    parts = filter(None, map(_PART.fullmatch, text.split(".")))
    numbers = {part[1]: int(part[2], 36) for part in parts}
    keys = ((name, _key(name)) for name in operations)
    return {name: numbers[key] for name, key in keys if key in numbers}


def _key(name: str) -> str:
    digest = hashlib.blake2s(name.encode(), digest_size=5).digest()
    return base64.urlsafe_b64encode(digest)[:_KEY_LENGTH].decode()


def _base36(number: int) -> str:
    text = ""
    while number >= len(_DIGITS):
        number, digit = divmod(number, len(_DIGITS))
        text = _DIGITS[digit] + text
    return _DIGITS[number] + text
