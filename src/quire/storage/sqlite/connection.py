"""Connections to the database, and what their failures mean."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import apsw

from quire.errors import StoreFull, StoreUnavailable
from quire.storage.sqlite import sql
from quire.storage.sqlite.migrate import migrate
from quire.storage.sqlite.uids import to_text

# What is not in it is mostly in the system's own cache, a microsecond away.
_CACHE_KIBIBYTES = 16 * 1024
_OLDEST = 3_051_003  # before it, WAL resets can corrupt (sqlite.org/wal.html)
_FULL = frozenset({errno.EFBIG, errno.EDQUOT, errno.ENOSPC})
# A failed fsync is never mere lack of space: what it lost is unknown.
_SYNCS = frozenset({apsw.SQLITE_IOERR_FSYNC, apsw.SQLITE_IOERR_DIR_FSYNC})

STORE_ERRORS = (
    apsw.FullError,
    apsw.IOError,
    apsw.CorruptError,
    apsw.NotADBError,
    apsw.CantOpenError,
    apsw.BusyError,
    apsw.LockedError,
    apsw.ProtocolError,
    apsw.NoMemError,
)
"""What says something about the store, not about a decision."""


def open_writer(file: Path, vfs: str | None = None) -> apsw.Connection:
    """Return the one connection that writes and checkpoints.

    Raises
    ------
    StoreUnavailable
        The SQLite library is too old, the disk is full, or the database is damaged or
        not ours to write.
    """
    if apsw.SQLITE_VERSION_NUMBER < _OLDEST:
        raise StoreUnavailable(f"SQLite {apsw.sqlite_lib_version()} is below 3.51.3")
    flags = apsw.SQLITE_OPEN_READWRITE | apsw.SQLITE_OPEN_CREATE
    with _opened(file, flags, vfs) as connection:
        if connection.pragma("journal_mode", "wal") != "wal":
            raise StoreUnavailable(f"{file} cannot be kept in WAL mode here")
        connection.pragma("synchronous", 2)
        connection.pragma("journal_size_limit", 64 * 2**20)
        migrate(connection)
        return connection


def open_reader(file: Path, vfs: str | None = None) -> apsw.Connection:
    """Return a connection that only reads.

    Raises
    ------
    StoreUnavailable
        It cannot be opened, or is damaged.
    """
    with _opened(file, apsw.SQLITE_OPEN_READONLY, vfs) as connection:
        connection.pragma("query_only", value=True)
        return connection


def prove(connection: apsw.Connection) -> None:
    """Check the database and write to it durably; raise if either fails."""
    found = connection.pragma("quick_check")
    if found != "ok":
        raise StoreUnavailable(f"the database is damaged: {found}")
    # Frames whose fsync failed are still in the log: TRUNCATE writes all of it anew
    # into the database and syncs that.
    connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_TRUNCATE)
    connection.execute(sql.BEGIN)
    connection.execute(sql.PROVE)
    connection.execute(sql.COMMIT)


def meaning(problem: BaseException, system_error: int) -> StoreUnavailable:
    """Return what a failure of the store means to those who wait.

    Parameters
    ----------
    system_error
        The connection's `system_errno`: under a file size limit or a quota SQLite
        itself says only that a write failed.
    """
    if isinstance(problem, StoreUnavailable):
        return problem
    if isinstance(problem, apsw.FullError):
        return StoreFull("the disk is full")
    extended = getattr(problem, "extendedresult", 0)
    write_failed = isinstance(problem, apsw.IOError) and extended not in _SYNCS
    if write_failed and system_error in _FULL:
        return StoreFull(f"no more can be written ({errno.errorcode[system_error]})")
    return StoreUnavailable(f"{type(problem).__name__} {extended}: {problem}")


@contextmanager
def _opened(file: Path, flags: int, vfs: str | None) -> Iterator[apsw.Connection]:
    """Lend a new connection, which is closed only if it cannot be made ready."""
    connection = None
    try:
        connection = apsw.Connection(
            str(file), flags=flags, vfs=vfs, statementcachesize=256
        )
        connection.set_busy_timeout(5_000)
        _configure(connection)
        yield connection
    except BaseException as problem:
        if connection is None:
            system_error = 0
        else:
            system_error = connection.system_errno
            connection.close(force=True)
        if not isinstance(problem, STORE_ERRORS):
            raise
        found = meaning(problem, system_error)
        raise type(found)(f"{file}: {found.reason}") from problem


def _configure(connection: apsw.Connection) -> None:
    connection.pragma("foreign_keys", value=False)
    connection.pragma("trusted_schema", value=False)
    connection.pragma("cache_size", -_CACHE_KIBIBYTES)
    connection.create_scalar_function("uid_text", _uid_text, 1, deterministic=True)


def _uid_text(*columns: object) -> str | None:
    (column,) = columns
    return to_text(column) if isinstance(column, (bytes, str)) else None
