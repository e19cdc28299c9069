"""On which stores a run of the tests is."""

import contextlib
import hashlib
import os
from pathlib import Path
from typing import Any

import psycopg
from psycopg import errors, sql

from quire.testing.waiting import until

STORES = "QUIRE_TEST_STORES"
"""Environment variable: names, separated by spaces, such as ``postgres``."""

TEMPLATE = "quire_template"
"""The database with the tables of an empty store, of which others are copies."""

SERVER = "QUIRE_TEST_POSTGRES"
"""Environment variable: URL of the PostgreSQL in which test servers keep records."""

_PREFIX = "folder_"
_PLACES = (
    "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database"
    " WHERE datname LIKE 'folder\\_%'"
)


def stores_under_test() -> list[str]:
    """Return the names of the stores for tests that run on each.

    Memory and SQLite, if the environment does not say otherwise: a fresh PostgreSQL
    database for each test costs half a second.
    """
    return os.environ.get(STORES, "memory sqlite").split()


def on_postgres() -> bool:
    """Return whether servers that tests start keep their records in PostgreSQL."""
    return stores_under_test() == ["postgres"]


def database_of(folder: Path) -> str:
    """Return the URL of the database for the server of a data folder, made if missing.

    Empty where servers are to keep their records in the folder itself.
    """
    server = os.environ.get(SERVER, "")
    if not server:
        return ""
    name = _PREFIX + hashlib.sha256(bytes(folder.absolute())).hexdigest()[:16]
    with (
        psycopg.connect(server, autocommit=True) as connection,
        contextlib.suppress(errors.DuplicateDatabase),
    ):
        copy_empty(connection, name)
        note = sql.SQL("COMMENT ON DATABASE {} IS {}")
        place = sql.Literal(str(folder.absolute()))
        connection.execute(note.format(sql.Identifier(name), place))
    return f"{server.rpartition('/')[0]}/{name}"


def copy_empty(connection: psycopg.Connection[Any], name: str) -> None:
    """Make a database with an empty store."""

    def made() -> bool:
        try:
            told = f'CREATE DATABASE "{name}" TEMPLATE "{TEMPLATE}"'
            connection.execute(told.encode())
        except errors.ObjectInUse:  # PostgreSQL itself is at work in the template
            return False
        return True

    until(made)


def drop_databases_below(folder: Path) -> None:
    """Drop the databases of all data folders in a folder: their servers are gone."""
    with psycopg.connect(os.environ[SERVER], autocommit=True) as connection:
        for name, place in connection.execute(_PLACES).fetchall():
            if place and Path(place).is_relative_to(folder):
                connection.execute(f'DROP DATABASE "{name}" WITH (FORCE)'.encode())
