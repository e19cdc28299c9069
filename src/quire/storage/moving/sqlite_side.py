"""A SQLite folder that a store is moved from or to."""

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

from quire.errors import InputError, StoreUnavailable
from quire.jobs.job import Job
from quire.runs.run import Run
from quire.runs.searchable import Describe
from quire.storage.codec import Codec
from quire.storage.moving.kinds import KINDS, LAST, Column, Kind, Row
from quire.storage.moving.notes import refuse_other
from quire.storage.postgres.keys import to_key
from quire.storage.sqlite import sql
from quire.storage.sqlite.changes import Changes
from quire.storage.sqlite.connection import (
    STORE_ERRORS,
    meaning,
    open_reader,
    open_writer,
)
from quire.storage.sqlite.folder import prepare
from quire.storage.sqlite.half_copy import read_note, refuse_half, write_note
from quire.storage.sqlite.jobs import SqliteJobs
from quire.storage.sqlite.known_keys import KnownKeys
from quire.storage.sqlite.recent_runs import RecentRuns
from quire.storage.sqlite.runs import SqliteRuns
from quire.storage.sqlite.store import FILE_NAME
from quire.storage.sqlite.uids import to_column, to_text

_RUN, _JOB = Codec(Run), Codec(Job)
_COUNTERS = (
    "SELECT name, last FROM ("
    " SELECT 'acquisition_change' AS name,"
    "  coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'acquisition_change'), 0)"
    "  AS last"
    " UNION ALL SELECT 'job_number', last FROM job_number_counter WHERE id = 1)"
)
# An outlet is never farther than there are late documents.
_OUTLETS = (
    "SELECT name, number,"
    " min(late, (SELECT coalesce(max(id), 0) FROM outbox_late)) AS late FROM outlet"
)
_TABLES = {"counter": _COUNTERS, "outlet": _OUTLETS}
_COUNTER_PUT = {
    "job_number": ("UPDATE job_number_counter SET last = ? WHERE id = 1",),
    "acquisition_change": (
        "DELETE FROM sqlite_sequence WHERE name = 'acquisition_change'",
        "INSERT INTO sqlite_sequence (name, seq) VALUES ('acquisition_change', ?)",
    ),
}
_FIELD_PUT = (
    "INSERT INTO field_index (path, below) VALUES (?, 9223372036854775807)"
    " ON CONFLICT (path) DO NOTHING"
)
_NUMBER = "UPDATE job SET number = ? WHERE id = ?"
# The same record may be written in several ways: what is moved stays as it is.
_RECORD = "UPDATE {table} SET record = ? WHERE {key} = ?"
_JOB_RECORD = _RECORD.format(table="job", key="id")
_RUN_RECORD = _RECORD.format(table="run", key="uid")
# It would take what is adopted for late a second time: its places are moved, too.
_TRIGGER = "SELECT sql FROM sqlite_master WHERE name = 'adopted_goes_out'"
_DROP_TRIGGER = "DROP TRIGGER adopted_goes_out"


class SqliteSide:
    """`quire.storage.moving.sides.Destination` in a folder.

    Parameters
    ----------
    folder
        The data folder; made if it is to be written.
    describe
        What a run is searched by.
    """

    def __init__(self, folder: Path, describe: Describe, *, writing: bool) -> None:
        self.name = str(folder.absolute())
        self._folder = folder.absolute()
        self._file = self._folder / FILE_NAME
        self._describe = describe
        self._held: int | None = None
        if writing:
            self.lock()
            self._writer = open_writer(self._file)
            return
        if not self._file.exists():
            raise InputError("source", f"{folder} holds no store")
        refuse_half(self._folder)
        if self._free():  # else a server of this version has done so
            open_writer(self._file).close()

    def rows(self, kind: Kind, after: Row | None = None) -> Iterator[Row]:
        """Return the rows behind a key, all for None, in the order of their keys.

        Raises
        ------
        StoreUnavailable
            They cannot be read.
        """
        reader = open_reader(self._file)
        try:
            reader.create_scalar_function("place", _place, 1, deterministic=True)
            query, bindings = _select(kind, after)
            readers = [_READ[column] for _, column in kind.columns]
            for row in reader.execute(query, bindings):
                yield tuple([read(one) for read, one in zip(readers, row, strict=True)])
        except STORE_ERRORS as problem:
            raise meaning(problem, 0) from problem
        finally:
            reader.close()

    def lock(self) -> None:
        """Keep servers away until `close`."""
        if self._held is None:
            self._held = prepare(self._file)

    def close(self) -> None:
        """Let go of it."""
        if hasattr(self, "_writer"):
            self._writer.close()
        if self._held is not None:
            os.close(self._held)
            self._held = None

    def begin(self, source: str) -> None:
        """Note what it becomes a copy of."""
        noted = read_note(self._folder)
        if noted is not None:
            refuse_other(source, former=noted[0], done=noted[1])
        elif any(next(self.rows(kind), None) for kind in KINDS if kind.name in _HELD):
            raise InputError("destination", "holds a store", "choose an empty folder")
        write_note(self._folder, source, done=False)

    def change(self, kind: Kind, gone: Sequence[Row], rows: Sequence[Row]) -> None:
        """Remove the rows with these keys, then store rows; durable, whole or not.

        Raises
        ------
        StoreUnavailable
            They cannot be written.
        """
        # Not by `with`: SQLite itself takes back what found no room, and apsw cannot
        # do so once more.
        self._writer.execute(sql.BEGIN)
        try:
            self._remove(kind, gone)
            self._put(kind, rows)
            self._writer.execute(sql.COMMIT)
        except STORE_ERRORS as problem:
            raise meaning(problem, self._writer.system_errno) from problem
        finally:
            if self._writer.in_transaction:
                self._writer.execute(sql.ROLLBACK)

    def complete(self) -> None:
        """Make what is derived from the rows: nothing here."""

    def done(self) -> None:
        """Note that the copy is whole."""
        noted = read_note(self._folder)
        write_note(self._folder, noted[0] if noted else "", done=True)

    def _free(self) -> bool:
        try:
            os.close(prepare(self._file))
        except StoreUnavailable:
            return False
        return True

    def _remove(self, kind: Kind, gone: Sequence[Row]) -> None:
        if not gone or kind.name in ("run", "counter"):
            return  # what is put takes their place
        named = kind.columns[: kind.keys]
        where = " AND ".join(f"{name} = ?" for name, _ in named)
        if kind.name == "job":
            jobs = self._jobs()
            for (job,) in gone:
                jobs.remove(job)
            return
        writers = [_WRITE[column] for _, column in named]
        self._writer.executemany(
            f"DELETE FROM {kind.name} WHERE {where}",  # noqa: S608  # names of ours
            [
                tuple(w(one) for w, one in zip(writers, key, strict=True))
                for key in gone
            ],
        )

    def _put(self, kind: Kind, rows: Sequence[Row]) -> None:
        special: dict[str, Callable[[Sequence[Row]], None]] = {
            "run": self._put_runs,
            "job": self._put_jobs,
            "counter": self._put_counters,
            "field_index": self._put_fields,
        }
        if kind.name in special:
            special[kind.name](rows)
        elif kind.name == "adopted":
            ((trigger,),) = self._writer.execute(_TRIGGER)
            self._writer.execute(_DROP_TRIGGER)
            self._insert(kind, rows)
            self._writer.execute(trigger)
        else:
            self._insert(kind, rows)

    def _insert(self, kind: Kind, rows: Sequence[Row]) -> None:
        names = ", ".join(name for name, _ in kind.columns)
        places = ", ".join("?" for _ in kind.columns)
        writers = [_WRITE[column] for _, column in kind.columns]
        self._writer.executemany(
            f"INSERT INTO {kind.name} ({names}) VALUES ({places})",  # noqa: S608
            [
                tuple([write(one) for write, one in zip(writers, row, strict=True)])
                for row in rows
            ],
        )

    def _put_runs(self, rows: Sequence[Row]) -> None:
        recent = RecentRuns()
        changes = Changes(KnownKeys(), recent)
        runs = SqliteRuns(self._writer, changes, recent, self._describe)
        for uid, record in rows:
            run = _RUN.decode(record)
            runs.put(run)
            if _RUN.encode(run) != record:
                self._writer.execute(_RUN_RECORD, (record, to_column(uid)))

    def _put_jobs(self, rows: Sequence[Row]) -> None:
        jobs = self._jobs()
        for job, number, record in rows:
            jobs.put(_JOB.decode(record))
            self._writer.execute(_JOB_RECORD, (record, to_column(job)))
            if number is not None:
                self._writer.execute(_NUMBER, (number, to_column(job)))

    def _put_counters(self, rows: Sequence[Row]) -> None:
        for name, last in rows:
            *before, statement = _COUNTER_PUT[name]
            for one in before:
                self._writer.execute(one)
            self._writer.execute(statement, (last,))

    def _put_fields(self, rows: Sequence[Row]) -> None:
        self._writer.executemany(_FIELD_PUT, rows)

    def _jobs(self) -> SqliteJobs:
        changes = Changes(KnownKeys(), RecentRuns())
        return SqliteJobs(self._writer, changes, _follow_nothing)


def _place(*columns: Any) -> bytes | None:
    (column,) = columns
    return None if column is None else to_key(to_text(column))


def _follow_nothing(_: Job | None, __: Job | None) -> None:
    """Leave acquisitions alone: they are moved themselves."""


_HELD = frozenset({"block", "run", "job", "token"})
_READ: dict[Column, Callable[[Any], Any]] = {
    Column.UID: lambda value: None if value is None else to_text(value),
    Column.TEXT: str,
    Column.NAME: str,
    Column.INTEGER: lambda value: value,
    Column.NUMBER: float,
    Column.FLAG: bool,
    Column.BYTES: bytes,
}
_WRITE: dict[Column, Callable[[Any], Any]] = {
    **dict.fromkeys(Column, lambda value: value),
    Column.UID: lambda value: None if value is None else to_column(value),
}


def _select(kind: Kind, after: Row | None) -> tuple[str, Row]:
    columns = ", ".join(name for name, _ in kind.columns)
    keys = [
        f"place({name})" if column in (Column.UID, Column.TEXT) else name
        for name, column in kind.columns[: kind.keys]
    ]
    table = f"({_TABLES[kind.name]})" if kind.name in _TABLES else kind.name
    if after == LAST:
        order = ", ".join(f"{key} DESC" for key in keys)
        return f"SELECT {columns} FROM {table} ORDER BY {order} LIMIT 1", ()  # noqa: S608
    order = ", ".join(keys)
    if after is None:
        return f"SELECT {columns} FROM {table} ORDER BY {order}", ()  # noqa: S608
    places = ", ".join("?" for _ in keys)
    where = f"({order}) > ({places})"
    behind = tuple([to_key(one) if isinstance(one, str) else one for one in after])
    return f"SELECT {columns} FROM {table} WHERE {where} ORDER BY {order}", behind  # noqa: S608
