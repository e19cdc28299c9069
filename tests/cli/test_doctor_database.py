"""`quire doctor` of a server that keeps its records in PostgreSQL."""

import json
from pathlib import Path
from typing import Any

import psycopg
import pytest
from typer.testing import CliRunner

from quire.cli.main import app
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.postgres.store import PostgresStore


def _checks(folder: Path, url: str) -> dict[str, dict[str, Any]]:
    words = ["doctor", str(folder), "--database", url, "--json"]
    told = json.loads(CliRunner().invoke(app, words).stdout)
    return {one["name"]: one for one in told["checks"]}


async def test_it_looks_at_the_database(postgres_url: str, tmp_path: Path) -> None:
    store = await PostgresStore.open(postgres_url, doorbell=LocalDoorbell())
    checks = _checks(tmp_path, postgres_url)
    await store.aclose()
    assert checks["database"]["found"].startswith("PostgreSQL ")
    for name in ("database", "schema", "connections", "locks", "database's clock"):
        assert checks[name]["good"], checks[name]
    # What only a store in the folder needs is not asked for.
    assert "SQLite" not in checks


@pytest.mark.parametrize(
    ("statement", "name", "said"),
    [
        (
            "DELETE FROM quire_schema WHERE version > 7",
            "schema",
            "makes the other steps",
        ),
        ("INSERT INTO quire_schema VALUES (98, 3)", "schema", "serve beside it"),
        ("INSERT INTO quire_schema VALUES (98, 98)", "database", "No server starts"),
        (
            "DROP TABLE quire_schema",
            "schema",
            "The first server makes the tables",
        ),
    ],
)
def test_it_tells_which_schema_there_is(
    postgres_url: str, tmp_path: Path, statement: str, name: str, said: str
) -> None:
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(statement.encode())
    assert said in _checks(tmp_path, postgres_url)[name]["promise"]


def test_what_keeps_servers_from_starting_is_told_with_its_mend(
    postgres_url: str, tmp_path: Path
) -> None:
    check = _checks(tmp_path, f"{postgres_url}_none")["database"]
    assert not check["good"]
    assert "mend the name in the URL" in check["found"]


AN_HOUR_AHEAD = """
CREATE FUNCTION clock_timestamp() RETURNS timestamptz LANGUAGE sql
    AS $$ SELECT pg_catalog.clock_timestamp() + interval '1 hour' $$
"""


async def test_clocks_that_are_apart_are_told(
    postgres_url: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """By the doctor, and by a server that starts."""
    name = postgres_url.rpartition("/")[2]
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute(AN_HOUR_AHEAD)
        path = f'ALTER DATABASE "{name}" SET search_path = public, pg_catalog'
        connection.execute(path.encode())
    check = _checks(tmp_path, postgres_url)["database's clock"]
    assert not check["good"]
    assert "by NTP" in check["promise"]
    store = await PostgresStore.open(postgres_url, doorbell=LocalDoorbell())
    await store.aclose()
    assert "clock is 3600" in caplog.text.replace("3599.", "3600.")
