"""A stream as CSV that no spreadsheet takes for a formula."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from quire.runs.columns.plain import lists
from quire.runs.exporting import plain_text


def csv_stream(
    keys: Sequence[str],
    tables: Iterable[Any],
    *,
    fixed: Sequence[str] = ("seq_num", "time"),
) -> Iterator[bytes]:
    """Yield CSV (RFC 4180, UTF-8) with a header: what every row has, the data keys.

    Text that a spreadsheet would run is led by an apostrophe; arrays are JSON.

    Parameters
    ----------
    tables
        Arrow tables in the kept form, with these data keys.
    fixed
        Names of their columns that stand before the data keys.
    """
    yield _lines([[*fixed, *map(_cell, keys)]])
    for table in tables:
        rows = [table.column(name).to_pylist() for name in fixed]
        cells = [*rows, *lists(table).values()]
        yield _lines(zip(*(map(_cell, column) for column in cells), strict=True))


def _lines(rows: Iterable[Iterable[Any]]) -> bytes:
    out = io.StringIO()
    # The writer quotes a cell for the characters of its own line end only.
    csv.writer(out, lineterminator="\r\n").writerows(rows)
    return out.getvalue().encode("utf-8", "backslashreplace")


def _cell(value: Any) -> Any:
    match value:
        case None:
            return ""
        case str():
            return plain_text(value)
        case list() | dict():
            return json.dumps(value)
        case _:
            return value
