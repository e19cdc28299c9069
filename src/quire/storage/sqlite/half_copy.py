"""The note in a folder of what `quire migrate` copies to it."""

import json
import os
from pathlib import Path
from typing import Any

from quire.errors import StoreUnavailable

_NAME = "moving.json"


def read_note(folder: Path) -> tuple[str, bool] | None:
    """Return what a folder is a copy of, and whether it is a whole one; None for none.

    Raises
    ------
    StoreUnavailable
        The note is there, but cannot be understood.
    """
    note = folder / _NAME
    try:
        found: Any = json.loads(note.read_bytes())
        return str(found["source"]), found["done"] is True
    except FileNotFoundError:
        return None
    except (ValueError, TypeError, KeyError):
        raise StoreUnavailable(
            f"{note} says nothing: begin the move again in an empty folder"
        ) from None


def write_note(folder: Path, source: str, *, done: bool) -> None:
    """Note what a folder is a copy of; durable when it returns."""
    part = folder / f"{_NAME}.part"
    with part.open("w", encoding="utf-8") as file:
        json.dump({"source": source, "done": done}, file)
        file.flush()
        os.fsync(file.fileno())
    part.replace(folder / _NAME)
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def refuse_half(folder: Path) -> None:
    """Refuse a folder to which a move was begun and not ended.

    Raises
    ------
    StoreUnavailable
        It is such a folder.
    """
    noted = read_note(folder)
    if noted is not None and not noted[1]:
        raise StoreUnavailable(
            f"{folder} is half a copy of {noted[0]}: end the move first"
        )
