"""Brings a database to the schema that this version knows, beside servers at work.

Every connection that writes holds a lock that tells of which schema its server is
(`admit`). A step that older servers could not bear is put off while there are any.
"""

import time
from collections.abc import Callable, Sequence

from psycopg import Connection, errors

from quire.errors import StoreUnavailable
from quire.storage.postgres.schema_steps import Step, Way, newest, steps
from quire.storage.postgres.session import Row, number_of

# One server migrates, however many start at once. Who waits asks again and again: a
# statement that waits would hold up an index that is built concurrently.
_LOCK = "SELECT pg_try_advisory_lock(%s)"
_UNLOCK = "SELECT pg_advisory_unlock(%s)"
_AT_WORK = "SELECT pg_advisory_lock_shared(%s)"
_OTHERS_AT_WORK = (
    "SELECT count(*) FROM unnest(%s::bigint[]) AS number"
    " WHERE NOT pg_try_advisory_xact_lock(number)"
)
_MADE = "SELECT to_regclass('quire_schema')::text"
_OTHERS = (
    "SELECT count(*) FROM pg_class WHERE relkind IN ('r', 'p')"
    " AND relnamespace = current_schema()::regnamespace"
)
_MAKE = "CREATE TABLE IF NOT EXISTS quire_schema (version integer NOT NULL)"
_TELL_OLDEST = (
    "ALTER TABLE quire_schema ADD COLUMN IF NOT EXISTS oldest integer NOT NULL"
    " DEFAULT 0"
)
_VERSION = "SELECT max(version) FROM quire_schema"
_OLDEST = "SELECT max(oldest) FROM quire_schema"
_NOTE = "INSERT INTO quire_schema (version, oldest) VALUES (%s, %s)"
# A change that waits for a table makes all others wait that come after it: it gives
# way soon, and tries again.
_GIVE_WAY = "SET LOCAL lock_timeout = '200ms'"
_IN_THE_WAY = (
    "SELECT pid, application_name, round(extract(epoch FROM now() - xact_start))"
    " FROM pg_stat_activity WHERE datname = current_database()"
    " AND pid <> pg_backend_pid() AND xact_start IS NOT NULL"
    " ORDER BY xact_start LIMIT 1"
)
_CONTENDED = (
    errors.LockNotAvailable,
    errors.DeadlockDetected,
    errors.SerializationFailure,
)
_PAUSE = 0.1  # seconds
_PATIENCE = 60.0  # seconds


def admit(connection: Connection[Row]) -> None:
    """Make known that a server of this version's schema writes, until it disconnects.

    Raises
    ------
    StoreUnavailable
        A newer Quire has taken away what this one needs.
    """
    known = newest()
    connection.execute(_AT_WORK, [_at_work(known)])
    version = schema(connection) or 0
    if version <= known:
        return
    row = connection.execute(_OLDEST).fetchone()
    if row is not None and row[0] > known:
        raise StoreUnavailable(
            f"the database was brought to schema {version} by a newer Quire: it serves"
            f" schema {row[0]} or newer, this one knows {known}; use the newer one"
        )


def migrate(
    connection: Connection[Row],
    known: Sequence[Step] = (),
    *,
    patience: float = _PATIENCE,
) -> None:
    """Make the steps that the database has not seen.

    Parameters
    ----------
    known
        The steps, in order; by default those of this version.
    patience
        Seconds for which a step asks for its locks.

    Raises
    ------
    StoreUnavailable
        The database is not Quire's, a step does not get its locks, or servers are at
        work that it does not allow.
    """
    every = known or steps()
    if (schema(connection) or 0) >= every[-1].number:
        return
    turn = number_of("migration", None)
    while connection.execute(_LOCK, [turn]).fetchone() != (True,):
        time.sleep(_PAUSE)
    version = schema(connection)
    if version is None:
        _refuse_foreign(connection)
    connection.execute(_MAKE)
    connection.execute(_TELL_OLDEST)
    due = [step for step in every if step.number > (version or 0)]
    for place, step in enumerate(due):
        made = _patiently(connection, step, patience)
        if not made:
            _refuse_beyond(due[place:])
            break
    connection.execute(_UNLOCK, [turn])


def schema(connection: Connection[Row]) -> int | None:
    """Return the schema of the database's store, None if it holds none."""
    if connection.execute(_MADE).fetchone() == (None,):
        return None
    row = connection.execute(_VERSION).fetchone()
    return 0 if row is None or row[0] is None else int(row[0])


def _patiently(connection: Connection[Row], step: Step, patience: float) -> bool:
    """Make a step; return False if older servers keep it from being made."""
    give_up = time.monotonic() + patience
    while True:
        try:
            return _MAKING[step.way](connection, step)
        except _CONTENDED:
            if time.monotonic() > give_up:
                raise StoreUnavailable(
                    f"schema step {step.number} did not get its locks for"
                    f" {patience:.0f} s{_in_the_way(connection)}"
                ) from None
            time.sleep(_PAUSE)


def _expand(connection: Connection[Row], step: Step) -> bool:
    with connection.transaction():
        connection.execute(_GIVE_WAY)
        connection.execute(step.text.encode())
        _note(connection, step)
    return True


def _concurrently(connection: Connection[Row], step: Step) -> bool:
    for statement in step.text.split(";\n"):
        connection.execute(statement.encode(), prepare=False)
    _note(connection, step)
    return True


def _fill(connection: Connection[Row], step: Step) -> bool:
    while connection.execute(step.text.encode()).rowcount:
        pass
    _note(connection, step)
    return True


def _contract(connection: Connection[Row], step: Step) -> bool:
    with connection.transaction():
        older = [_at_work(number) for number in range(step.oldest)]
        if connection.execute(_OTHERS_AT_WORK, [older]).fetchone() != (0,):
            return False
        return _expand(connection, step)


_MAKING: dict[Way, Callable[[Connection[Row], Step], bool]] = {
    Way.EXPAND: _expand,
    Way.CONCURRENTLY: _concurrently,
    Way.FILL: _fill,
    Way.CONTRACT: _contract,
}


def _note(connection: Connection[Row], step: Step) -> None:
    connection.execute(_NOTE, [step.number, step.oldest])


def _refuse_beyond(waiting: Sequence[Step]) -> None:
    """Refuse to go on where what waits is needed; to take away can wait."""
    if any(step.way is not Way.CONTRACT for step in waiting):
        raise StoreUnavailable(
            f"servers below schema {waiting[0].oldest} are at work: stop them first,"
            " or go by way of the release between"
        )


def _in_the_way(connection: Connection[Row]) -> str:
    row = connection.execute(_IN_THE_WAY).fetchone()
    if row is None:
        return ""
    return (
        f"; the oldest transaction is that of {row[1] or 'a client'}, for {row[2]} s:"
        f" SELECT pg_terminate_backend({row[0]}) ends it"
    )


def _refuse_foreign(connection: Connection[Row]) -> None:
    if connection.execute(_OTHERS).fetchone() != (0,):
        raise StoreUnavailable(
            "the database holds tables, but no store of Quire's; give it a database"
            " of its own"
        )


def _at_work(number: int) -> int:
    return number_of("schema", str(number))
