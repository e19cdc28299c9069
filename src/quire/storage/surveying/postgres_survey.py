"""A PostgreSQL database looked at beneath its ports."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import msgspec
import psycopg

from quire.errors import InputError, StoreUnavailable
from quire.ports.store import Decision
from quire.runs.searchable import Describe
from quire.storage.codec import Codec
from quire.storage.postgres import connection as connections
from quire.storage.postgres import sql
from quire.storage.postgres.changes import Changes
from quire.storage.postgres.failures import meaning
from quire.storage.postgres.migrate import schema
from quire.storage.postgres.schema_steps import newest
from quire.storage.postgres.session import Session
from quire.storage.postgres.target import Target
from quire.storage.postgres.transaction import PostgresTransaction
from quire.storage.surveying.survey import Block, Waiting

T = TypeVar("T")

_LONGEST_KEY = 500  # bytes; what is longer stands there as a hash
_AT_A_TIME = 200
_RUN_KEYS = "SELECT uid, CASE WHEN length(uid) > 500 THEN record END FROM run"
_RUNS_OF_DOCUMENTS = (
    "SELECT run FROM block WHERE run IS NOT NULL UNION SELECT run FROM adopted"
)
_BLOCKS = "SELECT id, run, directory, body FROM block ORDER BY id"
_WAITING = "SELECT waits_for, number FROM waiting ORDER BY number, waits_for"
_RECORDS = {
    "job": "SELECT id, record FROM job ORDER BY created, id",
    "product": "SELECT id, record FROM product ORDER BY made, id",
}
_SERVERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name LIKE 'quire %' AND application_name <> 'quire survey'"
)
_FORGET = (
    "DELETE FROM facet",
    "DELETE FROM facet_change",
    "DELETE FROM run_view WHERE run NOT IN (SELECT id FROM run)",
    "DELETE FROM run_lease WHERE run NOT IN (SELECT id FROM run)",
    "UPDATE run_view SET facets = '\\x90'",
    "DELETE FROM field_value",
    "UPDATE field_index SET below = 9223372036854775807",
    (
        "INSERT INTO run_described (id, version, below)"
        " VALUES (1, 'to be made anew', 9223372036854775807)"
        " ON CONFLICT (id) DO UPDATE SET version = excluded.version,"
        " below = excluded.below"
    ),
)
_CHECKSUMS = (
    "SELECT checksum_failures FROM pg_stat_database"
    " WHERE datname = current_database() AND checksum_failures > 0"
)
_AMCHECK = (
    "SELECT n.nspname FROM pg_extension AS e JOIN pg_namespace AS n"
    " ON n.oid = e.extnamespace WHERE e.extname = 'amcheck'"
)
_TREES = (
    "SELECT c.oid, c.relname FROM pg_class AS c JOIN pg_am AS a ON a.oid = c.relam"
    " JOIN pg_index AS i ON i.indexrelid = c.oid"
    " WHERE a.amname = 'btree' AND i.indisready AND i.indisvalid"
    " AND c.relnamespace = current_schema()::regnamespace ORDER BY c.relname"
)
_TABLES = (
    "SELECT c.oid, c.relname FROM pg_class AS c WHERE c.relkind = 'r'"
    " AND c.relnamespace = current_schema()::regnamespace ORDER BY c.relname"
)


_OTHER_SCHEMA = (psycopg.errors.UndefinedTable, psycopg.errors.UndefinedColumn)
_HEAPS_SINCE = 14_00_00


class _Named(msgspec.Struct):
    uid: str


_NAMED = Codec(_Named)


class PostgresSurvey:
    """`quire.storage.surveying.survey.Survey` of a database."""

    def __init__(self, target: Target, describe: Describe) -> None:
        self._target = target
        self._describe = describe

    def runs(self) -> list[str]:
        """Return the uids of all runs that a record or a document tells of."""
        found = {
            _text(key) if record is None else _NAMED.decode(record).uid
            for key, record in self._rows(_RUN_KEYS)
        }
        found |= {_text(row[0]) for row in self._rows(_RUNS_OF_DOCUMENTS)}
        return sorted(found)

    def blocks(self) -> Iterator[Block]:
        """Return all blocks of documents by their numbers."""
        for number, run, directory, body in self._rows(_BLOCKS):
            named = None if run is None else _text(run)
            yield Block(number, named, directory, body)

    def waiting(self) -> Iterator[Waiting]:
        """Return what waits, by number."""
        for awaited, number in self._rows(_WAITING):
            yield Waiting(_text(awaited), number)

    def records(self, table: str) -> Iterator[tuple[str, bytes]]:
        """Return ids and encoded records of ``job`` or ``product``."""
        for name, record in self._rows(_RECORDS[table]):
            yield _text(name), record

    def faults(self) -> tuple[list[str], str]:
        """Return what checksums and, where it is installed, amcheck say."""
        with self._open() as reader:
            found = [
                f"{row[0]} pages did not have their checksum"
                for row in reader.execute(_CHECKSUMS).fetchall()
            ]
            schema = reader.execute(_AMCHECK).fetchone()
            if schema is None:
                looked = "checksums alone; CREATE EXTENSION amcheck checks the indexes"
                return found, looked
            try:
                found += _amcheck(reader, schema[0])
            except psycopg.errors.InsufficientPrivilege as problem:
                return found, f"checksums alone; amcheck: {problem}"
        return found, "checksums and amcheck"

    def ask(self, question: Decision[T]) -> T:
        """Answer a question on one consistent state."""
        with self._open() as reader:
            reader.execute(sql.BEGIN_READ)
            session = Session(reader, Changes(), deciding=False)
            return question(PostgresTransaction(session, self._describe))

    def forget_views(self) -> None:
        """Clear all that searches use, in one transaction."""
        self.refuse_servers()
        try:
            with connections.open_writer(self._target) as writer:
                writer.execute("SET application_name = 'quire survey'")
                with writer.transaction():
                    for statement in _FORGET:
                        writer.execute(statement.encode())
        except _OTHER_SCHEMA as problem:
            raise StoreUnavailable(self._other_schema(problem)) from problem
        except psycopg.Error as problem:
            raise meaning(problem) from problem

    def refuse_servers(self) -> None:
        """Do nothing if no server is connected."""
        with self._open() as reader:
            row = reader.execute(_SERVERS).fetchone()
        if row and row[0]:
            raise StoreUnavailable(
                f"another server uses {self._target} ({row[0]} connections); stop it"
            )

    def refuse_absent(self) -> None:
        """Do nothing if the database holds a store of this version.

        Raises
        ------
        InputError
            It holds none.
        StoreUnavailable
            It cannot be reached, or its schema is an older one.
        """
        with self._open() as reader:
            found = schema(reader)
        if found is None:
            raise InputError(
                "database", f"{self._target} holds no store", "mend the name in the URL"
            )
        if found < newest():
            raise StoreUnavailable(
                f"{self._target} has schema {found} and not {newest()}; serve it once"
            )

    def close(self) -> None:
        """Let go of nothing: each question has a connection of its own."""

    @contextmanager
    def _open(self) -> Iterator[psycopg.Connection[Any]]:
        try:
            with connections.open_reader(self._target) as reader:
                reader.execute("SET application_name = 'quire survey'")
                yield reader
                if not reader.closed:
                    reader.rollback()
        except _OTHER_SCHEMA as problem:
            raise StoreUnavailable(self._other_schema(problem)) from problem
        except psycopg.Error as problem:
            raise meaning(problem) from problem

    def _other_schema(self, problem: Exception) -> str:
        said = str(problem).splitlines()[0]
        return f"{self._target} holds no store of this version ({said}); serve it once"

    def _rows(self, query: str) -> Iterator[Any]:
        with (
            self._open() as reader,
            reader.transaction(),
            reader.cursor(name="survey", binary=True) as cursor,
        ):
            cursor.itersize = _AT_A_TIME
            yield from cursor.execute(query.encode())


def _amcheck(reader: psycopg.Connection[Any], schema: str) -> Iterator[str]:
    quoted = '"' + schema.replace('"', '""') + '"'
    trees = f"SELECT {quoted}.bt_index_check(%s, true)"
    for oid, name in reader.execute(_TREES).fetchall():
        yield from _checked(reader, trees, oid, name)
    if reader.info.server_version >= _HEAPS_SINCE:
        heaps = f"SELECT msg FROM {quoted}.verify_heapam(%s)"  # noqa: S608
        for oid, name in reader.execute(_TABLES).fetchall():
            yield from _checked(reader, heaps, oid, name)


def _checked(
    reader: psycopg.Connection[Any], query: str, oid: int, name: str
) -> list[str]:
    try:
        rows = reader.execute(query.encode(), [oid]).fetchall()
    except (psycopg.errors.InsufficientPrivilege, psycopg.OperationalError):
        raise
    except psycopg.Error as problem:
        return [f"{name}: {str(problem).splitlines()[0]}"]
    return [f"{name}: {row[0]}" for row in rows if row[0]]


def _text(key: bytes) -> str:
    return key.decode(
        "utf-8", "replace" if len(key) > _LONGEST_KEY else "surrogatepass"
    )
