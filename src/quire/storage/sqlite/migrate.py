"""Brings a database to the schema that this version knows."""

from importlib import resources

import apsw

from quire.errors import StoreUnavailable

_APPLICATION = 0x51554952  # "QUIR"


def migrate(connection: apsw.Connection) -> None:
    """Run the migrations that the database has not seen, each in a transaction.

    Raises
    ------
    StoreUnavailable
        The database is not Quire's, or a newer Quire wrote it.
    """
    scripts = _scripts()
    version = connection.pragma("user_version")
    application = connection.pragma("application_id")
    if application not in (0, _APPLICATION):
        raise StoreUnavailable(f"{connection.filename} is no store of Quire's")
    if version > max(scripts):
        raise StoreUnavailable(
            f"{connection.filename} was written by a newer Quire (schema {version},"
            f" this one knows {max(scripts)}); use that one"
        )
    for number in sorted(scripts):
        if number > version:
            _run(connection, number, scripts[number])


def _run(connection: apsw.Connection, number: int, script: str) -> None:
    with connection:
        for _ in connection.execute(script):
            pass
        connection.pragma("application_id", _APPLICATION)
        connection.pragma("user_version", number)


def _scripts() -> dict[int, str]:
    folder = resources.files("quire.storage.sqlite") / "migrations"
    return {
        int(entry.name.partition("_")[0]): entry.read_text(encoding="utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".sql")
    }
