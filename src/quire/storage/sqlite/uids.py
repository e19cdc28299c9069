"""How a uid lies in a column: 16 bytes for a UUID's usual text, else the text."""

import re
from functools import lru_cache

Uid = bytes | str
"""A uid as a column holds it."""

_DASHED = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_DASHES = (8, 13, 18, 23)
_LENGTH = 36
_LAST_CHARACTER = "\U0010ffff"


@lru_cache(maxsize=4096)
def to_column(uid: str) -> Uid:
    """Return what the column holds."""
    if len(uid) == _LENGTH and _DASHED.fullmatch(uid):
        return _packed(uid)
    return uid


def to_text(column: Uid) -> str:
    """Return the uid that the column stands for."""
    if isinstance(column, str):
        return column
    digits = column.hex()
    parts = (digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:])
    return "-".join(parts)


def text_range(prefix: str) -> tuple[Uid, Uid]:
    """Return between what TEXT uids of this prefix lie, the end not included."""
    stem = prefix.rstrip(_LAST_CHARACTER)
    if not stem:
        return prefix, b""  # SQLite sorts any text before any blob
    following = ord(stem[-1]) + 1
    if following == ord("\ud800"):  # surrogates stand for no character
        following = 0xE000
    return prefix, stem[:-1] + chr(following)


def blob_range(prefix: str) -> tuple[bytes, bytes] | None:
    """Return the first and last UUID of this prefix, None if no UUID has it."""
    fill = "".join("-" if place in _DASHES else "0" for place in range(_LENGTH))
    first = prefix + fill[len(prefix) :]
    last = prefix + fill[len(prefix) :].replace("0", "f")
    if len(first) != _LENGTH or not _DASHED.fullmatch(first):
        return None
    return _packed(first), _packed(last)


def _packed(uid: str) -> bytes:
    return bytes.fromhex(uid.replace("-", ""))


def prefix_range(prefix: str) -> dict[str, str | bytes | None]:
    """Return what bounds the columns of uids that begin so, as statements bind it."""
    text_low, text_high = text_range(prefix)
    blob_low, blob_high = blob_range(prefix) or (None, None)
    return {
        "text_low": text_low,
        "text_high": text_high,
        "blob_low": blob_low,
        "blob_high": blob_high,
    }
