"""On which stores a run of the tests is."""

import contextlib
import hashlib
import os
from pathlib import Path

import psycopg
from psycopg import errors

STORES = "QUIRE_TEST_STORES"
"""Environment variable: names, separated by spaces, such as ``postgres``."""

SERVER = "QUIRE_TEST_POSTGRES"
"""Environment variable: URL of the PostgreSQL in which test servers keep records."""


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
    name = "folder_" + hashlib.sha256(bytes(folder.absolute())).hexdigest()[:16]
    with (
        psycopg.connect(server, autocommit=True) as connection,
        contextlib.suppress(errors.DuplicateDatabase),
    ):
        connection.execute(f'CREATE DATABASE "{name}"'.encode())
    return f"{server.rpartition('/')[0]}/{name}"
