"""Which columns of PostgreSQL hold keys in place of texts, and what these stand for."""

from collections.abc import Callable, Sequence
from typing import Any

import psycopg

from quire.storage.moving.kinds import Column, Kind
from quire.storage.postgres.keys import LONGEST
from quire.storage.postgres.session import Session
from quire.storage.postgres.uids import to_column, to_text

_KEYED = frozenset(
    {
        ("waiting", "waits_for"),
        ("anchor", "uid"),
        ("outlet", "name"),
        ("outlet_run", "outlet"),
        ("outlet_run", "run"),
        ("run", "uid"),
        ("run_change", "run"),
        ("run_change", "batch"),
        ("run_list", "name"),
        ("saved_query", "name"),
        ("saved_query", "owner"),
        ("acquisition", "id"),
        ("acquisition", "job"),
        ("acquisition_change", "acquisition"),
        ("product", "owner"),
        ("product_run", "run"),
        ("progress_head", "operation"),
        ("progress_entry", "operation"),
        ("inlet_position", "inlet"),
        ("inlet_aside", "inlet"),
        ("lab", "user"),
        ("lab", "operation"),
    }
)
# Of any length, and yet whole: their indexes are of hashes.
_WHOLE = frozenset(
    {
        ("adopted", "run"),
        ("reservation", "space"),
        ("reservation", "name"),
        ("inlet_position", "key"),
    }
)


def place(kind: Kind, column: str) -> str:
    """Return by what rows of a kind sort as keys do, as SQL."""
    if (kind.name, column) not in _WHOLE:
        return f'"{column}"'
    return (
        f'CASE WHEN octet_length("{column}") > {LONGEST} THEN'
        f' substring("{column}" FROM 1 FOR {LONGEST}) || sha256("{column}")'
        f' ELSE "{column}" END'
    )


def readers(
    connection: psycopg.Connection[Any], kind: Kind
) -> list[Callable[[Any], Any]]:
    """Return, for each column of a kind, what makes a value of what it holds."""
    known = dict(connection.execute("SELECT key, text FROM long_key").fetchall())

    def text(value: bytes | None) -> str | None:
        return None if value is None else to_text(known.get(value, value))

    return [text if column in _TEXTS else _same for _, column in kind.columns]


def writers(
    session: Session, kind: Kind, columns: Sequence[tuple[str, Column]]
) -> list[Callable[[Any], Any]]:
    """Return, for each column, what makes of a value what the column holds."""

    def made(name: str, column: Column) -> Callable[[Any], Any]:
        if (kind.name, name) in _KEYED:
            return session.key
        return _column if column in _TEXTS else _same

    return [made(*one) for one in columns]


_TEXTS = frozenset({Column.UID, Column.TEXT})


def _column(value: str | None) -> bytes | None:
    return None if value is None else to_column(value)


def _same(value: Any) -> Any:
    return value
