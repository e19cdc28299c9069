"""The history of runs' quality and frozen lists in SQLite."""

from typing import Any

import apsw
from msgspec.structs import replace

from quire.runs.changes import Entry
from quire.runs.run_list import Member, RunList
from quire.storage.codec import Codec
from quire.storage.sqlite.uids import to_column

_ENTRY = Codec(Entry)
_HEAD = Codec(RunList)
_MEMBERS = Codec(tuple[Member, ...])

_APPEND = "INSERT INTO run_change (run, version, batch, entry) VALUES (?, ?, ?, ?)"
_OF_RUN = "SELECT entry FROM run_change WHERE run = ? ORDER BY version"
_OF_BATCH = (
    "SELECT entry FROM run_change WHERE batch = ? AND batch <> '' ORDER BY run, version"
)
_PUT = (
    "INSERT OR REPLACE INTO run_list (name, version, done, head, members)"
    " VALUES (?, ?, ?, ?, ?)"
)
_ADVANCE = "UPDATE run_list SET done = ?, head = ? WHERE name = ? AND version = ?"
_GET = "SELECT head, members FROM run_list WHERE name = ? AND version = ?"
_NEWEST = (
    "SELECT head, members FROM run_list WHERE name = ? ORDER BY version DESC LIMIT 1"
)
_ALL = "SELECT head FROM run_list ORDER BY name, version"
_OF_NAME = "SELECT head FROM run_list WHERE name = ? ORDER BY version"
_UNFINISHED = "SELECT head FROM run_list WHERE NOT done ORDER BY name, version"


class SqliteRunHistory:
    """`quire.ports.quality_records.RunHistory` on one connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def append(self, entry: Entry) -> None:
        """Keep an entry; its version is one more than the run's last."""
        row = (to_column(entry.run), entry.version, entry.batch, _ENTRY.encode(entry))
        self._connection.execute(_APPEND, row)

    def of_run(self, uid: str) -> tuple[Entry, ...]:
        """Return the entries of a run by version."""
        rows = self._connection.execute(_OF_RUN, (to_column(uid),))
        return tuple(_ENTRY.decode(row[0]) for row in rows)

    def of_batch(self, batch: str) -> tuple[Entry, ...]:
        """Return what was changed in one go, by run."""
        rows = self._connection.execute(_OF_BATCH, (batch,))
        return tuple(_ENTRY.decode(row[0]) for row in rows)


class SqliteRunLists:
    """`quire.ports.quality_records.RunLists` on one connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def put(self, frozen: RunList) -> None:
        """Keep a version of a list, in place of what was there as that version."""
        row = (
            frozen.name,
            frozen.version,
            *_progress(frozen),
            _MEMBERS.encode(frozen.members),
        )
        self._connection.execute(_PUT, row)

    def advance(self, frozen: RunList) -> None:
        """Keep how many members of a version are marked; all else is as it was put."""
        row = (*_progress(frozen), frozen.name, frozen.version)
        self._connection.execute(_ADVANCE, row)

    def get(self, name: str, version: int | None) -> RunList | None:
        """Return a version of a list, None for its newest."""
        if version is None:
            row = self._connection.execute(_NEWEST, (name,)).fetchone()
        else:
            row = self._connection.execute(_GET, (name, version)).fetchone()
        return None if row is None else _whole(row)

    def heads(self, name: str | None = None) -> tuple[RunList, ...]:
        """Return all versions without members, by name and version; None for all."""
        asked = (_ALL, ()) if name is None else (_OF_NAME, (name,))
        return tuple(_HEAD.decode(row[0]) for row in self._connection.execute(*asked))

    def unfinished(self) -> tuple[RunList, ...]:
        """Return, without members, the lists of which not all are marked yet."""
        rows = self._connection.execute(_UNFINISHED)
        return tuple(_HEAD.decode(row[0]) for row in rows)


def _progress(frozen: RunList) -> tuple[bool, bytes]:
    done = frozen.tagged >= len(frozen.members)
    return done, _HEAD.encode(replace(frozen, members=()))


def _whole(row: Any) -> RunList:
    return replace(_HEAD.decode(row[0]), members=_MEMBERS.decode(row[1]))
