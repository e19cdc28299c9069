"""A table as CSV that no spreadsheet takes for a formula."""

import csv
import io
import json
from typing import Any

from quire.runs.table import Table

_RISKY = ("=", "+", "-", "@", "\t", "\r")


def to_csv(table: Table) -> str:
    """Return CSV (RFC 4180) with a header: seq_num, time, then the data keys.

    Text that a spreadsheet would run is led by an apostrophe; arrays are JSON.
    """
    out = io.StringIO()
    # The writer quotes a cell for the characters of its own line end only.
    write = csv.writer(out, lineterminator="\r\n").writerow
    write(["seq_num", "time", *map(_cell, table.data)])
    for number, time, *values in zip(
        table.seq_num, table.time, *table.data.values(), strict=True
    ):
        write([number, time, *map(_cell, values)])
    return out.getvalue()


def _cell(value: Any) -> Any:
    match value:
        case None:
            return ""
        case str():
            return f"'{value}" if value.startswith(_RISKY) else value
        case list() | dict():
            return json.dumps(value)
        case _:
            return value
