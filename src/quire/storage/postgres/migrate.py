"""Brings a database to the schema that this version knows."""

from importlib import resources

from psycopg import Connection

from quire.errors import StoreUnavailable
from quire.storage.postgres.session import Row, number_of

# One server migrates, however many start at once.
_LOCK = "SELECT pg_advisory_xact_lock(%s)"
_MADE = "SELECT to_regclass('quire_schema')::text"
_OTHERS = (
    "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p')"
    " AND relnamespace = current_schema()::regnamespace"
)
_MAKE = "CREATE TABLE quire_schema (version integer NOT NULL)"
_VERSION = "SELECT max(version) FROM quire_schema"
_NOTE = "INSERT INTO quire_schema (version) VALUES (%s)"


def migrate(connection: Connection[Row]) -> None:
    """Run the migrations that the database has not seen, in one transaction.

    Raises
    ------
    StoreUnavailable
        The database is not Quire's, or a newer Quire wrote it.
    """
    scripts = _scripts()
    if _version(connection) == max(scripts):
        return
    with connection.transaction():
        connection.execute(_LOCK, [number_of("migration", None)])
        version = _version(connection)
        if version is None:
            _refuse_foreign(connection)
            connection.execute(_MAKE)
        elif version > max(scripts):
            raise StoreUnavailable(
                f"the database was written by a newer Quire (schema {version},"
                f" this one knows {max(scripts)}); use that one"
            )
        for number in sorted(scripts):
            if number > (version or 0):
                # A script of ours, of many statements: without parameters they may be.
                connection.execute(scripts[number].encode())
                connection.execute(_NOTE, [number])


def holds_store(connection: Connection[Row]) -> bool:
    """Return whether the database holds a store, of whatever version."""
    return _version(connection) is not None


def _version(connection: Connection[Row]) -> int | None:
    if connection.execute(_MADE).fetchone() == (None,):
        return None
    row = connection.execute(_VERSION).fetchone()
    return 0 if row is None or row[0] is None else int(row[0])


def _refuse_foreign(connection: Connection[Row]) -> None:
    if connection.execute(_OTHERS).fetchone() != (0,):
        raise StoreUnavailable(
            "the database holds tables, but no store of Quire's; give it a database"
            " of its own"
        )


def _scripts() -> dict[int, str]:
    folder = resources.files("quire.storage.postgres") / "migrations"
    return {
        int(entry.name.partition("_")[0]): entry.read_text(encoding="utf-8")
        for entry in folder.iterdir()
        if entry.name.endswith(".sql")
    }
