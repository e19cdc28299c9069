"""What opens the database is seen by nobody: not in logs, errors or `ps`."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

import psycopg
import pytest

from quire.testing.campaigns.server import ServerProcess
from quire.testing.postgres.server import PostgresServer

RIGHT, WRONG = "right-not-to-be-seen", "wrong-not-to-be-seen"
SPY = """#!/bin/sh
printf '%s\\n' "$@" >> {noted}
exec {program} "$@"
"""


@pytest.fixture(scope="module")
def locked() -> Iterator[PostgresServer]:
    """A server that asks its user `locked` for a password."""
    with PostgresServer(Path(tempfile.mkdtemp(prefix="quire-postgres-"))) as server:
        with psycopg.connect(server.url(), autocommit=True) as connection:
            made = f"CREATE ROLE locked LOGIN SUPERUSER PASSWORD '{RIGHT}'"
            connection.execute(made.encode())
            ((file,),) = connection.execute("SHOW hba_file").fetchall()
            Path(file).write_text(
                "host all locked 127.0.0.1/32 scram-sha-256\n"
                "host all all 127.0.0.1/32 trust\n"
            )
            connection.execute("SELECT pg_reload_conf()")
        yield server


@pytest.fixture
def url(locked: PostgresServer) -> Iterator[str]:
    with locked.database("secret") as open_to_all:
        yield open_to_all.replace("quire@", "locked@")


def configured(folder: Path, url: str, password: str) -> Path:
    folder.mkdir(exist_ok=True)
    written = f'[database]\nurl = "{url}"\npassword = "{password}"\n'
    (folder / "quire.toml").write_text(written)
    return folder


def said(*words: str | Path, environment: Mapping[str, str] | None = None) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "quire", *map(str, words)],
        check=False,
        capture_output=True,
        text=True,
        env={**os.environ, "QUIRE_DATABASE": "", **(environment or {})},
        timeout=60,
    )
    assert "Traceback" not in done.stderr, done.stderr
    told = done.stdout + done.stderr
    assert RIGHT not in told
    assert WRONG not in told
    return told


def test_a_wrong_password_is_told_and_not_shown(url: str, tmp_path: Path) -> None:
    folder = configured(tmp_path / "data", url, WRONG)
    by_environment = {"PGPASSWORD": WRONG}
    (tmp_path / "saved").mkdir()
    for told in (
        said("serve", folder, "--port", "0"),
        said("backup", tmp_path / "backup", folder),
        said("audit", folder),
        said("rebuild", folder),
        said("migrate", url, tmp_path / "moved", environment=by_environment),
    ):
        assert "password authentication failed" in told
    for file in tmp_path.rglob("*"):
        if file.is_file() and file.name != "quire.toml":
            assert WRONG.encode() not in file.read_bytes(), file


@pytest.mark.parametrize(
    "written",
    [
        '[database]\nurl = "{url}?passwd={secret}"\n',
        '[database]\nurl = "postgresql://locked:{secret}@[::1/q"\n',
        '[database]\nurl = "{url}"\npassword = "{secret}\n',
        '[database]\nurl = "{url}"\npassword = ["{secret}"]\n',
        '[database]\nurl = "{url}"\npasswort = "{secret}"\n',
        'database = "{url}?password={secret}"\n',
    ],
)
def test_settings_that_are_wrong_are_told_without_the_password(
    url: str, tmp_path: Path, written: str
) -> None:
    text = written.format(url=url, secret=WRONG)
    (tmp_path / "quire.toml").write_text(text)
    assert said("serve", tmp_path, "--port", "0")


def test_programs_get_no_secret_as_an_argument(url: str, tmp_path: Path) -> None:
    """Backups are made and brought back by PostgreSQL's own programs."""
    spies, noted = tmp_path / "spies", tmp_path / "arguments"
    spies.mkdir()
    for name in ("pg_dump", "pg_restore"):
        program = shutil.which(name)
        spy = spies / name
        spy.write_text(SPY.format(noted=noted, program=program))
        spy.chmod(0o755)
    watched = {"PATH": f"{spies}:{os.environ['PATH']}"}
    folder = configured(tmp_path / "data", f"{url}?sslpassword={WRONG}", RIGHT)
    server = ServerProcess(folder, environment={"QUIRE_DATABASE": ""})
    server.start()
    server.stop()
    said("backup", tmp_path / "backup", folder, environment=watched)
    restoring = ("restore", tmp_path / "backup", tmp_path / "again", "--database")
    wrong = {**watched, "PGPASSWORD": WRONG}
    told = said(*restoring, url, environment=wrong)
    assert "password authentication failed" in told
    again = url.replace("/secret", "/again")
    with psycopg.connect(url, password=RIGHT, autocommit=True) as connection:
        connection.execute("CREATE DATABASE again")
    right = {**watched, "PGPASSWORD": RIGHT}
    assert "is as it was" in said(*restoring, again, environment=right)
    arguments = noted.read_text()
    assert "--format=custom" in arguments
    assert "--single-transaction" in arguments
    assert RIGHT not in arguments
    assert WRONG not in arguments
