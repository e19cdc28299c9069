"""Connections to the database, and what their failures mean."""

from typing import Any

import psycopg
from psycopg import errors

from quire.errors import InputError, StoreFull, StoreUnavailable
from quire.storage.postgres.migrate import holds_store, migrate
from quire.storage.postgres.session import Row
from quire.storage.postgres.target import Target

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

STORE_ERRORS = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError)
"""What says something about the store, not about a decision."""

AGAIN = (
    errors.SerializationFailure,
    errors.DeadlockDetected,
    errors.LockNotAvailable,
)
"""What is mended by deciding again."""

GONE = ("08", "57P")  # connection exceptions; shutdown, crash, not accepting yet


def open_writer(target: Target) -> psycopg.Connection[Row]:
    """Return a connection whose commits are durable, on the schema of this version.

    Raises
    ------
    StoreUnavailable
        The server cannot be reached, or cannot promise durability.
    """
    try:
        connection = _connect(target, "quire writer")
    except psycopg.Error as problem:
        raise meaning(problem) from None
    try:
        commit = _refuse_careless(connection)
        if commit not in ("on", "remote_apply"):
            connection.execute(_DURABLE)
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
            if not holds_store(connection):
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


def is_lost(problem: BaseException, connection: psycopg.Connection[Any]) -> bool:
    """Return whether the connection is no more, or about to end."""
    state = getattr(problem, "sqlstate", None) or ""
    return connection.closed or connection.broken or state.startswith(GONE)


def meaning(problem: BaseException) -> StoreUnavailable:
    """Return what a failure of the store means to those who wait."""
    if isinstance(problem, StoreUnavailable):
        return problem
    if isinstance(problem, errors.DiskFull):
        return StoreFull("the disk of the database is full")
    if isinstance(problem, errors.OutOfMemory):
        return StoreUnavailable(
            "the database is out of memory or locks: raise max_locks_per_transaction"
        )
    # libpq tells of host, port, user and database, never of a password.
    said = str(problem).strip().splitlines() or [type(problem).__name__]
    return StoreUnavailable(f"the database is away: {said[0]}")


def concerns_store(problem: BaseException) -> bool:
    """Return whether a failure says something about the store, not a decision."""
    return isinstance(problem, (StoreUnavailable, *STORE_ERRORS)) and not isinstance(
        problem, errors.ProgramLimitExceeded
    )


def as_told(problem: BaseException) -> BaseException:
    """Return what the caller of a decision that raised this is told."""
    if isinstance(problem, errors.ProgramLimitExceeded):
        return InputError("uid", "longer than a key can be", "at most 2,000 bytes")
    return problem


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
        raise StoreUnavailable("the database's encoding is not UTF8")
    if found.get("transaction_read_only") == "on":
        raise StoreUnavailable("the database takes no writes (a standby?)")
    return found["synchronous_commit"]
