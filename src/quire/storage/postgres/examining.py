"""What can be said of a database without a server: for `quire doctor`."""

import msgspec
import psycopg

from quire.storage.postgres import connection as connections
from quire.storage.postgres.clocks import skew
from quire.storage.postgres.failures import meaning
from quire.storage.postgres.migrate import schema
from quire.storage.postgres.schema_steps import newest
from quire.storage.postgres.session import Row
from quire.storage.postgres.target import Target

_FACTS = (
    "SELECT current_setting('server_version'),"
    " current_setting('max_connections')::integer,"
    " (SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'),"
    " current_setting('max_locks_per_transaction')::integer,"
    " has_schema_privilege(current_schema(), 'CREATE')"
)
_SERVERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name = 'quire doorbell'"
)


class Examined(msgspec.Struct, frozen=True, kw_only=True):
    """A database and its server.

    Attributes
    ----------
    schema, newest
        That of the store, None where there is none; and that which this version knows.
    servers
        Servers of Quire's that are at work on it.
    skew
        Seconds by which its clock is ahead of this machine's.
    """

    version: str
    may_create: bool
    connections: int
    most_connections: int
    locks: int
    schema: int | None
    newest: int
    servers: int
    skew: float


def examine(target: Target) -> Examined:
    """Look at a database; nothing is changed.

    Raises
    ------
    StoreUnavailable
        It cannot be reached, or cannot keep a store as it is set up; with the mend.
    """
    try:
        with connections.open_writer(target) as connection:
            return _examined(connection)
    except psycopg.Error as problem:
        raise meaning(problem) from problem


def _examined(connection: psycopg.Connection[Row]) -> Examined:
    ((version, most, used, locks, may_create),) = connection.execute(_FACTS).fetchall()
    ((servers,),) = connection.execute(_SERVERS).fetchall()
    return Examined(
        version=version,
        may_create=bool(may_create),
        connections=used,
        most_connections=most,
        locks=locks,
        schema=schema(connection),
        newest=newest(),
        servers=servers,
        skew=skew(connection),
    )
