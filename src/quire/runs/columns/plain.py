"""Columns as Python lists, for the formats that are text."""

import json
from typing import Any

from quire.runs.columns.layout import DATA, TIMESTAMPS


def lists(table: Any, prefix: str = DATA) -> dict[str, list[Any]]:
    """Return a kept table's columns of values, or of timestamps, by data key.

    JSON text and digits are values again.
    """
    return {
        field.name.removeprefix(prefix): _values(column, field)
        for field, column in zip(table.schema, table.columns, strict=True)
        if field.name.startswith(prefix)
    }


def timestamps(table: Any) -> dict[str, list[Any]]:
    """Return the time of each single value, by data key."""
    return lists(table, TIMESTAMPS)


def _values(column: Any, field: Any) -> list[Any]:
    values: list[Any] = column.to_pylist()
    match (field.metadata or {}).get(b"encoding"):
        case b"json":
            return [None if value is None else json.loads(value) for value in values]
        case b"integer":
            return [_integers(value) for value in values]
    return values


def _integers(value: Any) -> Any:
    if isinstance(value, list):
        return [_integers(each) for each in value]
    return None if value is None else int(value)
