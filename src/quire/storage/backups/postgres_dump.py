"""A copy of the PostgreSQL database, by PostgreSQL's own programs."""

import os
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from quire.errors import InputError, StoreUnavailable
from quire.products.product import Product
from quire.storage.codec import Codec
from quire.storage.postgres.target import Target

NAME = "quire.pgdump"
_PRODUCT = Codec(Product)
_PLACES = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "usr/local/pgsql/bin")
_WORDS = 2000


def copy_database(target: Target, destination: Path) -> None:
    """Dump the database as it is now into a new file, durably.

    Raises
    ------
    StoreUnavailable
        ``pg_dump`` is missing or failed; with what it said.
    """
    _run(target, "pg_dump", "--format=custom", "--no-owner", f"--file={destination}")
    with destination.open("rb") as file:
        os.fsync(file.fileno())


def restore_database(target: Target, dump: Path) -> None:
    """Fill an empty database with a dump, all of it or nothing.

    Raises
    ------
    InputError
        The database is not empty.
    StoreUnavailable
        ``pg_restore`` is missing or failed; with what it said.
    """
    with psycopg.connect(target.conninfo()) as connection:
        found = connection.execute(
            "SELECT count(*) FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchone()
    if found and found[0]:
        raise InputError(
            "database", f"{target} holds {found[0]} tables", "restore into an empty one"
        )
    options = ("--single-transaction", "--exit-on-error", "--no-owner")
    _run(target, "pg_restore", *options, str(dump))


def check(dump: Path) -> str:
    """Return what is wrong with a dump, empty if nothing is to be seen."""
    done = subprocess.run(  # noqa: S603  # a program of PostgreSQL's
        [_program("pg_restore"), "--list", dump],
        check=False,
        capture_output=True,
        text=True,
    )
    return "" if done.returncode == 0 else done.stderr[-_WORDS:]


def products(target: Target) -> list[Product]:
    """Return the products of a database."""
    with psycopg.connect(target.conninfo()) as connection:
        rows = connection.execute("SELECT record FROM product").fetchall()
    return [_PRODUCT.decode(bytes(record)) for (record,) in rows]


def _run(target: Target, program: str, *arguments: str) -> None:
    parts = conninfo_to_dict(target.conninfo())
    # Arguments of a process can be read by every user of the machine.
    password = str(parts.pop("password", "") or "")
    command: Sequence[str] = [
        _program(program),
        f"--dbname={make_conninfo('', **parts)}",
        *arguments,
    ]
    environment = {**os.environ, **({"PGPASSWORD": password} if password else {})}
    done = subprocess.run(  # noqa: S603  # a program of PostgreSQL's
        command,
        check=False,
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env=environment,
    )
    if done.returncode:
        raise StoreUnavailable(f"{program} failed: {done.stderr[-_WORDS:].strip()}")


def _program(name: str) -> str:
    found = sorted(
        str(place / name) for pattern in _PLACES for place in Path("/").glob(pattern)
    )
    program = shutil.which(name) or (found[-1] if found else "")
    if not program:
        raise StoreUnavailable(
            f"{name} is not installed (Debian: apt install postgresql-client)"
        )
    return program
