"""Results on stdout: tables for people, JSON for programs."""

import re
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def put(text: str) -> None:
    """Write a line of the result."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def put_json(value: Any) -> None:
    """Write the result as one line of JSON: UTF-8, whatever the terminal has."""
    put_raw(msgspec.json.encode(value) + b"\n")


def put_raw(content: bytes) -> None:
    """Write bytes of the result."""
    sys.stdout.buffer.write(content)
    sys.stdout.buffer.flush()


def put_table(headings: Sequence[str], rows: Iterable[Sequence[Any]]) -> None:
    """Write a table; without a terminal nothing is cut."""
    from rich.box import SIMPLE
    from rich.console import Console
    from rich.table import Table

    table = Table(box=SIMPLE, pad_edge=False)
    for heading in headings:
        table.add_column(heading, overflow="fold")
    for row in rows:
        table.add_row(*("" if cell is None else _harmless(str(cell)) for cell in row))
    Console(width=None if sys.stdout.isatty() else 200, markup=False).print(table)


def put_fields(fields: Iterable[tuple[str, Any]]) -> None:
    """Write names and values, a line each; what is empty is left out."""
    shown = [(name, value) for name, value in fields if value not in (None, "", [], {})]
    width = max((len(name) for name, _ in shown), default=0)
    for name, value in shown:
        put(f"{name:{width}}  {_harmless(str(value))}")


def put_notes(notes: Iterable[tuple[str, str]]) -> None:
    """Write what is to be said of names, a line each; what is empty is left out."""
    for name, words in notes:
        if words:
            put(_harmless(f"{name}: {words}"))


def _harmless(text: str) -> str:
    """Return text without what would steer the terminal that it is shown on."""
    return _CONTROLS.sub(lambda found: f"\\x{ord(found[0]):02x}", text)


def moment(seconds: float | None) -> str:
    """Return a Unix time as queries have it; empty for None, the number if it is none."""
    if seconds is None:
        return ""
    try:
        return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
    except (OverflowError, ValueError, OSError):
        return f"{seconds:g} s"
