"""Runs as rows of chosen fields, for files that other programs read."""

import csv
import io
import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from quire.runs.leaves import Scalar

FIELDS = (
    "uid",
    "scan_id",
    "experiment",
    "run",
    "plan_name",
    "time",
    "stop_time",
    "duration",
    "status",
    "events",
    "owner",
    "run_type",
    "sign_off",
)
"""What is exported where nobody chose."""

Leaves = Mapping[str, tuple[Scalar, ...]]

# A spreadsheet takes a cell that begins so for a formula (OWASP, CSV Injection).
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")


def row(leaves: Leaves, paths: Sequence[str]) -> list[Any]:
    """Return the values at paths: one alone, several in a list, None without any."""
    found = (leaves.get(path, ()) for path in paths)
    return [
        None if not values else values[0] if len(values) == 1 else list(values)
        for values in found
    ]


def csv_lines(rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as CSV (RFC 4180), with no cell that a spreadsheet would run."""
    text = io.StringIO()
    writer = csv.writer(text)
    for each in rows:
        writer.writerow([_cell(value) for value in each])
    return text.getvalue()


def json_lines(names: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as JSON objects, one a line."""
    return "".join(
        json.dumps(dict(zip(names, each, strict=True)), ensure_ascii=False) + "\n"
        for each in rows
    )


def plain_text(text: str) -> str:
    """Return a text as a cell that no spreadsheet takes for a formula."""
    return f"'{text}" if text.startswith(_FORMULA) else text


def _cell(value: Any) -> Any:
    match value:
        case None:
            return ""
        case bool():
            return "true" if value else "false"
        case list():
            return json.dumps(value, ensure_ascii=False)
        case str():
            return plain_text(value)
        case _:
            return value
