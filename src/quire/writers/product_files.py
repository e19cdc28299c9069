"""Finished files of a product: durable, hashed, and JSON beside them."""

import contextlib
import hashlib
import json
import math
import os
from pathlib import Path
from typing import Any

import msgspec

from quire.products.manifest import PIECE, list_hash


class Hashed(msgspec.Struct, frozen=True, kw_only=True):
    """What a finished file comes to.

    Attributes
    ----------
    sha256
        Of its bytes, hexadecimal.
    part
        As the manifest has it of a part without a header (`quire.products.manifest`).
    """

    size: int
    sha256: str
    part: str


def hashed(path: Path) -> Hashed:
    """Return what a file comes to, and make it durable."""
    whole, size, pieces = hashlib.sha256(), 0, []
    with path.open("rb") as file:
        while piece := file.read(PIECE):
            whole.update(piece)
            pieces.append(hashlib.sha256(piece).digest())
            size += len(piece)
        os.fsync(file.fileno())
    return Hashed(size=size, sha256=whole.hexdigest(), part=list_hash(pieces))


def write_json(path: Path, value: Any) -> tuple[int, str]:
    """Write a value, durably; return size and hash."""
    whole = _text(_finite(value)) + b"\n"
    with path.open("wb") as file:
        file.write(whole)
        file.flush()
        os.fsync(file.fileno())
    return len(whole), hashlib.sha256(whole).hexdigest()


def link_json(path: Path, other: Path) -> None:
    """Have a file that `write_json` wrote stand under another name, too."""
    with contextlib.suppress(FileNotFoundError):
        other.unlink()
    try:
        os.link(path, other)
    except OSError:  # a file system without links
        with other.open("wb") as file:
            file.write(path.read_bytes())
            file.flush()
            os.fsync(file.fileno())


def _text(value: Any) -> bytes:
    try:
        return msgspec.json.format(msgspec.json.encode(value), indent=2)
    except (OverflowError, UnicodeEncodeError, msgspec.MsgspecError):
        # An integer beyond 64 bits, or half a character.
        text = json.dumps(value, indent=2, ensure_ascii=False)
        return text.encode(errors="backslashreplace")


def _finite(value: Any) -> Any:
    """Return a value as JSON has it: what is no finite number as text."""
    match value:
        case float() if not math.isfinite(value):
            return str(value)
        case dict():
            return {name: _finite(one) for name, one in value.items()}
        case list() | tuple():
            return [_finite(one) for one in value]
    return value
