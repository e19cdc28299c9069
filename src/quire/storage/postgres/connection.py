"""Connections to the database."""

import logging

import psycopg

from quire.errors import InputError, StoreUnavailable
from quire.storage.postgres.clocks import MOST_SKEW, skew
from quire.storage.postgres.failures import meaning
from quire.storage.postgres.migrate import admit, migrate, schema
from quire.storage.postgres.session import Row
from quire.storage.postgres.target import Target

_log = logging.getLogger(__name__)
_OLDEST = 13_00_00  # xid8, pg_current_xact_id and pg_xact_status
_STATEMENTS = 1000  # that are kept prepared
_SETTINGS = (
    "SELECT name, setting FROM pg_settings WHERE name IN"
    " ('fsync', 'full_page_writes', 'synchronous_commit', 'server_encoding',"
    " 'transaction_read_only')"
)
# Locks are waited for so long; then all that the transaction needs is locked in order.
_LOCK_TIMEOUT = "SET lock_timeout = '100ms'"
_DURABLE = "SET synchronous_commit = on"
_HALF_MOVED = "SELECT source FROM moving WHERE NOT done"
# In a dump restored elsewhere the marks tell of another cluster's transactions.
_MARK = "SELECT outbox_mark()"


def open_writer(target: Target) -> psycopg.Connection[Row]:
    """Return a connection whose commits are durable, on the schema of this version.

    Raises
    ------
    StoreUnavailable
        The server cannot be reached or cannot promise durability, or a newer Quire
        has taken away what this one needs.
    """
    try:
        connection = _connect(target, "quire writer")
    except psycopg.Error as problem:
        raise meaning(problem) from None
    try:
        commit = _refuse_careless(connection)
        if commit not in ("on", "remote_apply"):
            connection.execute(_DURABLE)
        admit(connection)
        connection.execute(_LOCK_TIMEOUT)
    except psycopg.Error as problem:
        connection.close()
        raise meaning(problem) from problem
    except BaseException:
        connection.close()
        raise
    return connection


def prepare(target: Target) -> None:
    """Bring the database to this version's schema.

    Raises
    ------
    StoreUnavailable
        It cannot be reached, cannot promise durability, or is not ours to write.
    """
    with open_writer(target) as connection:
        connection.execute("SET lock_timeout = 0")
        try:
            migrate(connection)
        except psycopg.Error as problem:
            raise meaning(problem) from problem


def begin_serving(target: Target) -> None:
    """See that the database holds a whole store, and that its outbox goes on.

    Raises
    ------
    StoreUnavailable
        It cannot be reached, or moving a store to it was not ended.
    """
    with open_writer(target) as connection:
        connection.execute("SET lock_timeout = 0")
        try:
            _refuse_half(connection)
            connection.execute(_MARK)
            _warn_of_skew(connection)
        except psycopg.Error as problem:
            raise meaning(problem) from problem


def begin_moving(target: Target) -> None:
    """See that the database holds a whole store of this version's schema.

    Raises
    ------
    InputError
        It holds no store.
    StoreUnavailable
        It cannot be reached, or moving a store to it was not ended.
    """
    with open_writer(target) as connection:
        try:
            if schema(connection) is None:
                raise InputError("source", f"{target} holds no store")
        except psycopg.Error as problem:
            raise meaning(problem) from problem
    prepare(target)
    with open_writer(target) as connection:
        try:
            _refuse_half(connection)
        except psycopg.Error as problem:
            raise meaning(problem) from problem


def open_reader(target: Target) -> psycopg.Connection[Row]:
    """Return a connection for views; errors are psycopg's."""
    return _connect(target, "quire reader")


def open_bell(target: Target, name: str) -> psycopg.Connection[Row]:
    """Return a connection for rings or leases, whose commits promise nothing."""
    connection = _connect(target, f"quire {name}")
    connection.execute("SET synchronous_commit = off")
    return connection


def _connect(target: Target, name: str) -> psycopg.Connection[Row]:
    conninfo = target.conninfo(application_name=name, client_encoding="UTF8")
    connection = psycopg.connect(conninfo, autocommit=True)
    connection.prepare_threshold = 2
    connection.prepared_max = _STATEMENTS
    return connection


def _refuse_half(connection: psycopg.Connection[Row]) -> None:
    row = connection.execute(_HALF_MOVED).fetchone()
    if row is not None:
        raise StoreUnavailable(
            f"the database is half a copy of {row[0]}: end the move first"
        )


def _warn_of_skew(connection: psycopg.Connection[Row]) -> None:
    ahead = skew(connection)
    if abs(ahead) > MOST_SKEW:
        _log.warning(
            "the database's clock is %.1f s ahead of this machine's: leases end too"
            " soon or too late; set both by NTP",
            ahead,
        )


def _refuse_careless(connection: psycopg.Connection[Row]) -> str:
    """Refuse a server that loses what it acknowledges; return how it commits."""
    version = connection.info.server_version
    if version < _OLDEST:
        raise StoreUnavailable(
            f"PostgreSQL {version // 10_000} is too old: 13 or newer"
        )
    found: dict[str, str] = dict(connection.execute(_SETTINGS).fetchall())
    for name in ("fsync", "full_page_writes"):
        if found.get(name) != "on":
            raise StoreUnavailable(
                f"the database server runs with {name} off: what it acknowledges may"
                " be lost when it crashes; set it on"
            )
    if found.get("synchronous_commit") == "off":
        raise StoreUnavailable(
            "synchronous_commit is off on the database server: what it acknowledges"
            " may be lost when it crashes; set it on"
        )
    if found.get("server_encoding") != "UTF8":
        raise StoreUnavailable(
            "the database's encoding is not UTF8; make one with createdb --encoding"
            " UTF8 --template template0"
        )
    if found.get("transaction_read_only") == "on":
        raise StoreUnavailable(
            "the database takes no writes: it is a standby, or"
            " default_transaction_read_only is on; name the primary, or several hosts"
            " and ?target_session_attrs=read-write"
        )
    return found["synchronous_commit"]
