"""A PostgreSQL database that a store is moved from or to."""

from collections.abc import Callable, Iterator, Sequence
from itertools import groupby
from time import monotonic, sleep
from typing import Any

import psycopg

from quire.errors import InputError, StoreUnavailable
from quire.jobs.job import Job
from quire.ports.switch_records import Switch
from quire.runs.run import Run
from quire.runs.searchable import Describe
from quire.storage import blocks
from quire.storage.codec import Codec
from quire.storage.moving import postgres_keys as keys
from quire.storage.moving.kinds import KINDS, LAST, Column, Kind, Row
from quire.storage.moving.notes import refuse_other
from quire.storage.moving.run_helpers import RunHelpers, keep_records
from quire.storage.postgres import connection as connections
from quire.storage.postgres.changes import Changes
from quire.storage.postgres.job_copying import copy_jobs
from quire.storage.postgres.keys import to_key
from quire.storage.postgres.runs import PostgresRuns
from quire.storage.postgres.session import Session
from quire.storage.postgres.switches import key_of
from quire.storage.postgres.target import Target
from quire.storage.postgres.uids import to_column

_RUN, _JOB, _SWITCH = Codec(Run), Codec(Job), Codec(Switch)
_AT_A_TIME = 2000
_ENDING = 1.0  # seconds
_TABLES = {
    # Late documents count from 1 elsewhere; here their ids tell where they stand.
    "outbox_late": (
        "SELECT row_number() OVER (ORDER BY id) AS id, run, number, id >> 20 AS behind"
        " FROM outbox_late"
    ),
    "outlet": (
        "SELECT name, number,"
        " (SELECT count(*) FROM outbox_late WHERE outbox_late.id <= outlet.late) AS late"
        " FROM outlet"
    ),
    "lab": 'SELECT name AS "user", operation, record FROM lab',
    "switch": "SELECT key AS space, key AS name, record FROM switch",
    "counter": (
        "SELECT 'acquisition_change' COLLATE \"C\" AS name, last"
        " FROM acquisition_change_counter"
        " UNION ALL SELECT 'job_number', last FROM job_number_counter"
    ),
}
_MOVING = "SELECT set_config('quire.moving', 'yes', false)"
_SNAPSHOT = "SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY"
_SERVERS = (
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
    " AND application_name LIKE 'quire %' AND application_name <> 'quire moving'"
)
_NOTED = "SELECT source, done FROM moving WHERE id = 1"
_NOTE = (
    "INSERT INTO moving (id, source, done) VALUES (1, %s, false)"
    " ON CONFLICT (id) DO NOTHING"
)
_DONE = "UPDATE moving SET done = true WHERE id = 1"
_KNOWN_RUNS = "SELECT uid FROM run WHERE uid = ANY(%s::bytea[])"
_JOB_GONE = (
    "DELETE FROM job WHERE id = ANY(%s::bytea[])",
    "DELETE FROM job_run WHERE job = ANY(%s::bytea[])",
    "DELETE FROM job_parameter WHERE job = ANY(%s::bytea[])",
)
_FIELD_PUT = (
    "INSERT INTO field_index (path, below) VALUES (%s, 9223372036854775807)"
    " ON CONFLICT (path) DO NOTHING"
)
_COUNTER_PUT = {
    "acquisition_change": "UPDATE acquisition_change_counter SET last = %s",
    "job_number": "UPDATE job_number_counter SET last = %s",
}
_LAST_LATE = "SELECT coalesce(max(id), 0) FROM outbox_late"
_LATE_AT = "SELECT id FROM outbox_late ORDER BY id OFFSET %s LIMIT 1"
_WAITING = "SELECT DISTINCT number FROM waiting ORDER BY number"
_DIRECTORY = "SELECT directory FROM block WHERE id = %s"
_SEQUENCES = (
    (
        "SELECT setval('block_id_seq', greatest(1, (SELECT max(id) FROM block),"
        " (SELECT max(id) >> 20 FROM outbox_late)))"
    ),
    (
        "SELECT setval(pg_get_serial_sequence('inlet_aside', 'id'),"
        " greatest(1, (SELECT max(id) FROM inlet_aside)))"
    ),
    "SELECT outbox_mark()",
)


class PostgresSide:
    """`quire.storage.moving.sides.Destination` in a database.

    Parameters
    ----------
    describe
        What a run is searched by.
    """

    def __init__(self, target: Target, describe: Describe, *, writing: bool) -> None:
        self.name = str(target)
        self._target = target
        self._describe = describe
        self._writing = writing
        if writing:
            connections.prepare(target)
            self._refuse_servers()
        else:
            connections.begin_moving(target)
        self._writer = self._open()
        self._session = Session(self._writer, Changes(), deciding=True)
        self._helpers = RunHelpers(target, describe)

    def rows(self, kind: Kind, after: Row | None = None) -> Iterator[Row]:
        """Return the rows behind a key, all for None, in the order of their keys."""
        query, values = _select(kind, after)
        if kind.name == "switch":
            yield from self._switches()
            return
        with self._open() as reader, reader.transaction():
            reader.execute(_SNAPSHOT)
            readers = keys.readers(reader, kind)
            with reader.cursor(name="moving", binary=True) as cursor:
                cursor.itersize = _AT_A_TIME
                for row in cursor.execute(query.encode(), values):
                    yield tuple(
                        [read(one) for read, one in zip(readers, row, strict=True)]
                    )

    def lock(self) -> None:
        """See that no server is there."""
        self._refuse_servers()

    def close(self) -> None:
        """Let go of it."""
        self._helpers.close()
        self._writer.close()

    def begin(self, source: str) -> None:
        """Note what it becomes a copy of."""
        row = self._session.row(_NOTED)
        if row is not None:
            refuse_other(source, former=row[0], done=row[1])
        elif self._holds_something():
            raise InputError("destination", "holds a store", "choose an empty database")
        self._session.run(_NOTE, [source])

    def change(self, kind: Kind, gone: Sequence[Row], rows: Sequence[Row]) -> None:
        """Remove the rows with these keys, then store rows; durable, whole or not."""
        with self._writer.transaction():
            self._remove(kind, gone)
            if rows:
                self._put(kind, rows)
        self._session.ended()

    def complete(self) -> None:
        """Make what is derived from the rows."""
        with self._writer.transaction():
            self._session.run("DELETE FROM waiting_key")
            self._session.copy("waiting_key (key, number)", list(self._waiting_keys()))
            for statement in _SEQUENCES:
                self._session.rows(statement)
        self._session.run("ANALYZE")

    def done(self) -> None:
        """Note that the copy is whole."""
        self._session.run(_DONE)

    def _open(self) -> psycopg.Connection[Any]:
        connection = connections.open_writer(self._target)
        connection.execute("SET application_name = 'quire moving'")
        connection.execute("SET lock_timeout = 0")
        connection.execute(_MOVING.encode())
        return connection

    def _refuse_servers(self) -> None:
        with connections.open_reader(self._target) as connection:
            connection.execute("SET application_name = 'quire moving'")
            # The database lists a closed connection until its process has ended.
            until = monotonic() + _ENDING
            while (count := _servers(connection)) and monotonic() < until:
                sleep(0.02)
        if count:
            raise StoreUnavailable(f"servers use {self.name}; stop them first")

    def _holds_something(self) -> bool:
        return any(next(self.rows(one), None) for one in KINDS if one.name in _HELD)

    def _switches(self) -> Iterator[Row]:
        found = [
            record for (record,) in self._session.rows("SELECT record FROM switch")
        ]
        named = [(_SWITCH.decode(record), record) for record in found]
        rows = [(one.space, one.name, record) for one, record in named]
        yield from sorted(rows, key=lambda row: tuple(map(to_key, row[:2])))

    def _remove(self, kind: Kind, gone: Sequence[Row]) -> None:
        if not gone or kind.name in ("run", "counter"):
            return  # what is put takes their place
        if kind.name == "job":
            wanted = [to_column(job) for (job,) in gone]
            for statement in _JOB_GONE:
                self._session.run(statement, [wanted])
            return
        named = kind.columns[: kind.keys]
        names = ["name" if kind.name == "lab" else name for name, _ in named]
        where = " AND ".join(f"{name} = %s" for name in names)
        if kind.name == "switch":
            where, gone = "key = %s", [(key_of(*key),) for key in gone]
            named = (("key", Column.BYTES),)
        writers = keys.writers(self._session, kind, named)
        for key in gone:
            values = [write(one) for write, one in zip(writers, key, strict=True)]
            self._session.run(f"DELETE FROM {kind.name} WHERE {where}", values)  # noqa: S608

    def _put(self, kind: Kind, rows: Sequence[Row]) -> None:
        special: dict[str, Callable[[Sequence[Row]], None]] = {
            "run": self._put_runs,
            "job": self._put_jobs,
            "counter": self._put_counters,
            "field_index": self._put_fields,
            "outbox_late": self._put_late,
            "outlet": self._put_outlets,
            "lab": self._put_labs,
            "switch": self._put_switches,
        }
        if kind.name in special:
            special[kind.name](rows)
            return
        names = ", ".join(name for name, _ in kind.columns)
        writers = keys.writers(self._session, kind, kind.columns)
        # Before it is copied: what is long is kept beside.
        made = [
            [write(one) for write, one in zip(writers, row, strict=True)]
            for row in rows
        ]
        self._copy(f"{kind.name} ({names})", made)

    def _put_runs(self, rows: Sequence[Row]) -> None:
        wanted = [to_key(uid) for uid, _ in rows]
        known = {row[0] for row in self._session.rows(_KNOWN_RUNS, [wanted])}
        self._helpers.copy([row for row in rows if to_key(row[0]) not in known])
        grown = [row for row in rows if to_key(row[0]) in known]
        runs = [_RUN.decode(record) for _, record in grown]
        stored = PostgresRuns(self._session, self._describe)
        for run in runs:
            stored.put(run)
        keep_records(self._session, runs, grown)

    def _put_jobs(self, rows: Sequence[Row]) -> None:
        copy_jobs(
            self._session,
            [(_JOB.decode(record), number, record) for _, number, record in rows],
        )

    def _put_counters(self, rows: Sequence[Row]) -> None:
        for name, last in rows:
            self._session.run(_COUNTER_PUT[name], [last])

    def _put_fields(self, rows: Sequence[Row]) -> None:
        for row in rows:
            self._session.run(_FIELD_PUT, row)

    def _put_late(self, rows: Sequence[Row]) -> None:
        ((last,),) = self._session.rows(_LAST_LATE)
        placed = []
        for _, run, number, behind in rows:
            last = max(last + 1, blocks.number_of(behind, 0))
            placed.append((last, to_column(run), number))
        self._copy("outbox_late (id, run, number)", placed)

    def _put_outlets(self, rows: Sequence[Row]) -> None:
        placed = []
        for name, number, late in rows:
            row = self._session.row(_LATE_AT, [late - 1]) if late else None
            placed.append((self._session.key(name), number, row[0] if row else 0))
        self._copy("outlet (name, number, late)", placed)

    def _put_labs(self, rows: Sequence[Row]) -> None:
        self._copy(
            "lab (name, operation, record)",
            [
                (self._session.key(user), self._session.key(one), record)
                for user, one, record in rows
            ],
        )

    def _put_switches(self, rows: Sequence[Row]) -> None:
        self._copy(
            "switch (key, record)",
            [(key_of(space, name), record) for space, name, record in rows],
        )

    def _copy(self, into: Any, rows: Any) -> None:
        self._session.copy(into, rows)

    def _waiting_keys(self) -> Iterator[tuple[int, int]]:
        numbers = [row[0] for row in self._session.rows(_WAITING)]
        for block, members in groupby(numbers, key=lambda one: blocks.place_of(one)[0]):
            ((encoded,),) = self._session.rows(_DIRECTORY, [block])
            slots = blocks.directory(encoded)
            for number in members:
                for key in set(slots[blocks.place_of(number)[1]].keys):
                    yield key, number


_HELD = frozenset({"block", "run", "job", "token"})


def _select(kind: Kind, after: Row | None) -> tuple[str, list[Any]]:
    columns = ", ".join(f'"{name}"' for name, _ in kind.columns)
    order = [keys.place(kind, name) for name, _ in kind.columns[: kind.keys]]
    table = f"({_TABLES[kind.name]}) AS every" if kind.name in _TABLES else kind.name
    if after == LAST:
        last = ", ".join(f"{key} DESC" for key in order)
        return f"SELECT {columns} FROM {table} ORDER BY {last} LIMIT 1", []  # noqa: S608
    ordered = ", ".join(order)
    if after is None:
        return f"SELECT {columns} FROM {table} ORDER BY {ordered}", []  # noqa: S608
    places = ", ".join("%s" for _ in order)
    where = f"({ordered}) > ({places})"
    text = f"SELECT {columns} FROM {table} WHERE {where} ORDER BY {ordered}"  # noqa: S608
    return text, list(kind.place(after))


def _servers(connection: psycopg.Connection[Any]) -> int:
    ((count,),) = connection.execute(_SERVERS.encode()).fetchall()
    return int(count)
