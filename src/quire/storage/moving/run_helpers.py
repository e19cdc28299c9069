"""Processes that copy runs: to describe a run takes longer than to store it."""

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from quire.access.visibility import audience
from quire.runs.run import Run
from quire.runs.searchable import Describe
from quire.storage.codec import Codec
from quire.storage.moving.kinds import Row
from quire.storage.postgres import connection as connections
from quire.storage.postgres.access_lists import AccessLists
from quire.storage.postgres.changes import Changes
from quire.storage.postgres.keys import to_key
from quire.storage.postgres.run_copying import copy_runs
from quire.storage.postgres.session import Session
from quire.storage.postgres.target import Target

# Each is locked, and the table of PostgreSQL's locks is of a fixed size.
_AT_A_TIME = 500
_MOST = 4

_CODEC = Codec(Run)
# The same record may be written in several ways: what is moved stays as it is.
_RECORD = "UPDATE run SET record = %s WHERE uid = %s"


class RunHelpers:
    """Copies new runs, few by itself and many in several processes."""

    def __init__(self, target: Target, describe: Describe) -> None:
        self._target = target
        self._describe = describe
        self._pool: ProcessPoolExecutor | None = None

    def copy(self, rows: Sequence[Row]) -> None:
        """Store runs of which none is there yet; durable when it returns."""
        parts = list(_split(rows))
        if len(parts) < 2:  # noqa: PLR2004  # nothing to share
            for part in parts:
                copy_part(self._target, self._describe, part)
            return
        if self._pool is None:
            count = min(_MOST, os.cpu_count() or 1)
            self._pool = ProcessPoolExecutor(count, get_context("spawn"))
        begun = [
            self._pool.submit(copy_part, self._target, self._describe, part)
            for part in parts
        ]
        for one in begun:
            one.result()

    def close(self) -> None:
        """End the processes."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)


def copy_part(target: Target, describe: Describe, rows: Sequence[Row]) -> None:
    """Store some runs in a transaction of their own."""
    runs = [_CODEC.decode(record) for _, record in rows]
    with connections.open_writer(target) as connection:
        connection.execute("SET application_name = 'quire moving'")
        connection.execute("SET lock_timeout = 0")
        session = Session(connection, Changes(), deciding=True)
        _make_lists(session, runs)
        session = Session(connection, Changes(), deciding=True)
        with connection.transaction():
            copy_runs(session, describe, runs)
            keep_records(session, runs, rows)


def _make_lists(session: Session, runs: Iterable[Run]) -> None:
    """Make the access lists, each by itself: others need the same in other orders."""
    lists = AccessLists(session)
    for one in {audience(run.owner, run.start_document()) for run in runs}:
        lists.number(one)


def keep_records(session: Session, runs: Sequence[Run], rows: Sequence[Row]) -> None:
    """Have the records of runs as they were, byte by byte."""
    for run, (_, record) in zip(runs, rows, strict=True):
        if _CODEC.encode(run) != record:
            session.run(_RECORD, (record, to_key(run.uid)))


def _split(rows: Sequence[Row]) -> Iterator[Sequence[Row]]:
    for begun in range(0, len(rows), _AT_A_TIME):
        yield rows[begun : begun + _AT_A_TIME]
