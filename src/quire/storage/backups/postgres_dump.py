"""A copy of the PostgreSQL database, by PostgreSQL's own programs."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any, LiteralString

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from quire.errors import InputError, StoreUnavailable
from quire.products.product import Product
from quire.storage.codec import Codec
from quire.storage.postgres.failures import meaning
from quire.storage.postgres.target import Target

NAME = "quire.pgdump"
_PRODUCT = Codec(Product)
_PLACES = ("usr/lib/postgresql/*/bin", "usr/pgsql-*/bin", "usr/local/pgsql/bin")
_WORDS = 2000
_SERVICE = "quire"


def copy_database(target: Target, destination: Path) -> None:
    """Dump the database as it is now into a new file, durably.

    Raises
    ------
    InputError
        It holds no store.
    StoreUnavailable
        ``pg_dump`` is missing or failed, with what it said; or it is half a copy.
    """
    ((made,),) = _asked(target, "SELECT to_regclass('quire_schema')::text")
    if made is None:
        raise InputError("database", f"{target} holds no store", "mend its name")
    for (source,) in _asked(target, "SELECT source FROM moving WHERE NOT done"):
        raise StoreUnavailable(
            f"{target} is half a copy of {source}: end the move first"
        )
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
    ((count,),) = _asked(
        target,
        "SELECT count(*) FROM pg_tables"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')",
    )
    if count:
        raise InputError(
            "database", f"{target} holds {count} tables", "restore into an empty one"
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
    """Return the products of a database.

    Raises
    ------
    StoreUnavailable
        It cannot be read.
    """
    rows = _asked(target, "SELECT record FROM product")
    return [_PRODUCT.decode(bytes(record)) for (record,) in rows]


def _asked(target: Target, query: LiteralString) -> list[tuple[Any, ...]]:
    try:
        with psycopg.connect(target.conninfo()) as connection:
            return connection.execute(query).fetchall()
    except psycopg.Error as problem:
        raise meaning(problem) from None


def _run(target: Target, program: str, *arguments: str) -> None:
    with tempfile.TemporaryDirectory(prefix="quire-") as folder:
        conninfo, secrets = _apart(target, Path(folder))
        done = subprocess.run(  # noqa: S603  # a program of PostgreSQL's
            [_program(program), f"--dbname={conninfo}", *arguments],
            check=False,
            capture_output=True,
            text=True,
            stdin=subprocess.DEVNULL,
            env={**os.environ, **secrets},
        )
    if done.returncode:
        raise StoreUnavailable(f"{program} failed: {done.stderr[-_WORDS:].strip()}")


def _apart(target: Target, folder: Path) -> tuple[str, dict[str, str]]:
    """Return how to connect without any secret, and the environment that holds them.

    Arguments of a process can be read by every user of the machine. For the password of
    a key libpq knows no variable (34.15), so it goes into a service file.
    """
    parts = conninfo_to_dict(target.conninfo())
    secrets: dict[str, str] = {}
    if password := parts.pop("password", None):
        secrets["PGPASSWORD"] = str(password)
    if key := parts.pop("sslpassword", None):
        if "service" in parts:
            raise InputError(
                "database", "names a service and a sslpassword", "write it there, too"
            )
        file = folder / "service"
        file.touch(mode=0o600)
        file.write_text(f"[{_SERVICE}]\nsslpassword={key}\n")
        parts["service"] = _SERVICE
        secrets["PGSERVICEFILE"] = str(file)
    return make_conninfo("", **parts), secrets


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
