"""A SQLite folder looked at beneath its ports."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import apsw

from quire.errors import InputError, StoreUnavailable
from quire.ports.store import Decision
from quire.runs.searchable import Describe
from quire.storage.sqlite import connection as connections
from quire.storage.sqlite import sql
from quire.storage.sqlite.folder import prepare
from quire.storage.sqlite.store import FILE_NAME
from quire.storage.sqlite.transaction import SqliteTransaction
from quire.storage.sqlite.uids import to_text
from quire.storage.surveying.survey import Block, Waiting

T = TypeVar("T")

_RUNS = (
    "SELECT uid FROM run UNION SELECT run FROM block WHERE run IS NOT NULL"
    " UNION SELECT run FROM adopted"
)
_BLOCKS = "SELECT id, run, directory, body FROM block ORDER BY id"
_WAITING = "SELECT waits_for, number FROM waiting ORDER BY number, waits_for"
_RECORDS = {
    "job": "SELECT id, record FROM job ORDER BY seq",
    "product": "SELECT id, record FROM product ORDER BY seq",
}
_FORGET = (
    "DELETE FROM facet",
    "UPDATE run SET stale = 2, facets = x'90'",
    "INSERT INTO run_term (run_term) VALUES ('delete-all')",
    "DELETE FROM field_value",
    "UPDATE field_index SET below = 9223372036854775807",
)
_MOST_FAULTS = 100


class SqliteSurvey:
    """`quire.storage.surveying.survey.Survey` of a folder."""

    def __init__(self, folder: Path, describe: Describe) -> None:
        self._file = folder / FILE_NAME
        self._describe = describe
        if not self._file.is_file():
            raise InputError("folder", f"{folder} holds no store")

    def runs(self) -> list[str]:
        """Return the uids of all runs that a record or a document tells of."""
        return sorted(to_text(row[0]) for row in self._rows(_RUNS))

    def blocks(self) -> Iterator[Block]:
        """Return all blocks of documents by their numbers."""
        for number, run, directory, body in self._rows(_BLOCKS):
            named = None if run is None else to_text(run)
            yield Block(number, named, directory, body)

    def waiting(self) -> Iterator[Waiting]:
        """Return what waits, by number."""
        for awaited, number in self._rows(_WAITING):
            yield Waiting(to_text(awaited), number)

    def records(self, table: str) -> Iterator[tuple[str, bytes]]:
        """Return ids and encoded records of ``job`` or ``product``."""
        for name, record in self._rows(_RECORDS[table]):
            yield to_text(name), record

    def faults(self) -> tuple[list[str], str]:
        """Return what ``PRAGMA integrity_check`` says."""
        looked = "PRAGMA integrity_check"
        try:
            rows = self._rows(f"PRAGMA integrity_check({_MOST_FAULTS})")
            found = [str(row[0]) for row in rows]
        except StoreUnavailable as problem:
            return [problem.reason], looked
        return [one for one in found if one != "ok"], looked

    def ask(self, question: Decision[T]) -> T:
        """Answer a question on one consistent state."""
        with self._reading() as reader:
            reader.execute(sql.BEGIN_READ)
            return question(SqliteTransaction(reader, self._describe))

    def forget_views(self) -> None:
        """Clear all that searches use, in one transaction."""
        lock = prepare(self._file)
        try:
            writer = connections.open_writer(self._file)
            try:
                with writer:
                    for statement in _FORGET:
                        writer.execute(statement)
            finally:
                writer.close()
        except connections.STORE_ERRORS as problem:
            raise connections.meaning(problem, 0) from problem
        finally:
            os.close(lock)

    def refuse_servers(self) -> None:
        """Do nothing if no server has locked the folder."""
        os.close(prepare(self._file))

    def close(self) -> None:
        """Let go of nothing: each question has a connection of its own."""

    def _rows(self, query: str) -> Iterator[Any]:
        with self._reading() as reader:
            yield from reader.execute(query)

    @contextmanager
    def _reading(self) -> Iterator[apsw.Connection]:
        reader = None
        try:
            reader = connections.open_reader(self._file)
            yield reader
        except connections.STORE_ERRORS as problem:
            raise connections.meaning(problem, 0) from problem
        except apsw.SQLError as problem:
            # Reading must not bring a store of old to this version's schema.
            raise StoreUnavailable(
                f"{self._file} is of another version ({problem}); serve it once"
            ) from problem
        finally:
            if reader is not None:
                reader.close()
