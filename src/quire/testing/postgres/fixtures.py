"""Fixtures of a real PostgreSQL: one server a session, a fresh database a test.

Import them into a ``conftest.py``. Where no PostgreSQL is installed the tests that need
it fail, and say what to install.
"""

import itertools
import os
import tempfile
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from quire.storage.postgres.connection import prepare
from quire.storage.postgres.target import Target
from quire.testing.not_proved import not_proved
from quire.testing.postgres.choosing import (
    SERVER,
    TEMPLATE,
    copy_empty,
    drop_databases_below,
    on_postgres,
)
from quire.testing.postgres.server import PostgresServer

_numbers = itertools.count(1)


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Return a running server, for all tests of this process."""
    # Not below pytest's own folders: the user postgres could not reach it there.
    folder = Path(tempfile.mkdtemp(prefix="quire-postgres-"))
    with PostgresServer(folder) as server:
        yield server


@pytest.fixture(scope="session")
def postgres_template(postgres_server: PostgresServer) -> Iterator[PostgresServer]:
    """Return the server once it has a database with the store's tables, to be copied."""
    with postgres_server.database(TEMPLATE) as url:
        prepare(Target(url))
        yield postgres_server


@pytest.fixture
def postgres_url(postgres_template: PostgresServer) -> Iterator[str]:
    """Return the URL of a database with an empty store."""
    with copied(postgres_template) as url:
        yield url


@pytest.fixture(scope="session", autouse=True)
def servers_on_postgres(request: pytest.FixtureRequest) -> Iterator[None]:
    """Have the servers that tests start use PostgreSQL, where that is asked for."""
    if on_postgres():
        server: PostgresServer = request.getfixturevalue("postgres_template")
        os.environ[SERVER] = server.url()
    yield
    os.environ.pop(SERVER, None)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, Any, Any]:
    """Drop the databases of the servers that a test has started: each has megabytes."""
    done = yield
    folder = getattr(item, "funcargs", {}).get("tmp_path")
    if folder is not None and SERVER in os.environ:
        drop_databases_below(folder)
    return done


@pytest.fixture
def records_in_the_folder() -> None:
    """Skip a test of the disk that SQLite's file is on, where servers have no such."""
    if on_postgres():
        why = "PostgreSQL's records are not on the disk that fails"
        mend = "run it without QUIRE_TEST_STORES=postgres"
        pytest.skip(not_proved("faults of SQLite's disk", why=why, mend=mend))


class copied:  # noqa: N801  # a context, as a function is
    """A copy of the empty store, for as long as the context lasts."""

    def __init__(self, server: PostgresServer) -> None:
        self._server = server
        self._name = f"quire_{next(_numbers)}"

    def __enter__(self) -> str:
        with psycopg.connect(self._server.url(), autocommit=True) as connection:
            copy_empty(connection, self._name)
        return self._server.url(self._name)

    def __exit__(self, *_: object) -> None:
        with psycopg.connect(self._server.url(), autocommit=True) as connection:
            told = f'DROP DATABASE "{self._name}" WITH (FORCE)'
            connection.execute(told.encode())
