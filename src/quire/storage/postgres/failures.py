"""What failures of the database mean, and how each is mended."""

import re
from typing import Any

import psycopg
from psycopg import errors

from quire.errors import InputError, StoreFull, StoreUnavailable

STORE_ERRORS = (psycopg.OperationalError, psycopg.InterfaceError, psycopg.InternalError)
"""What says something about the store, not about a decision."""

AGAIN = (
    errors.SerializationFailure,
    errors.DeadlockDetected,
    errors.LockNotAvailable,
)
"""What is mended by deciding again."""

GONE = ("08", "57P")  # connection exceptions; shutdown, crash, not accepting yet

# That it starts or stops (57P0x) is told as FATAL, too, and passes.
_REFUSED = re.compile(r"FATAL: (?!.*(the database system is|terminating connection))")
# As libpq and a server that speaks English say it; psycopg knows no code where
# connecting fails.
_MENDS = (
    (
        r'database ".*" does not exist',
        "mend the name in the URL, or createdb --owner ROLE --template template0 NAME",
    ),
    (r'role ".*" does not exist', "mend the user in the URL, or createuser ROLE"),
    (
        "password authentication failed|no password supplied",
        "it is read from PGPASSFILE, PGPASSWORD, or [database] in quire.toml",
    ),
    ("no pg_hba.conf entry", "let this host and role in by a line of pg_hba.conf"),
    (
        "permission denied|must be owner|no schema has been selected",
        "the database must be the role's own: ALTER DATABASE NAME OWNER TO ROLE",
    ),
    (
        "too many (clients|connections)|remaining connection slots",
        "raise max_connections: 10 for each server, and some",
    ),
    (
        "read-only transaction",
        "name the primary, or several hosts and ?target_session_attrs=read-write",
    ),
    ("Connection refused", "start it, or mend host and port in the URL"),
    ("resolve host|translate host", "mend the host in the URL"),
)


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
    state = getattr(problem, "sqlstate", None) or "08"
    refused = _REFUSED.search(said[0]) or not state.startswith(GONE)
    mend = next((mend for words, mend in _MENDS if re.search(words, said[0])), "")
    return StoreUnavailable(
        f"the database {'refuses' if refused else 'is away'}: {said[0]}"
        + (f" ({mend})" if mend else "")
    )


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
