"""The history of runs' quality and frozen lists in PostgreSQL."""

from msgspec.structs import replace

from quire.runs.changes import Entry
from quire.runs.run_list import Member, RunList
from quire.storage.codec import Codec
from quire.storage.postgres.keys import to_key
from quire.storage.postgres.session import Row, Session

_ENTRY = Codec(Entry)
_HEAD = Codec(RunList)
_MEMBERS = Codec(tuple[Member, ...])

_APPEND = "INSERT INTO run_change (run, version, batch, entry) VALUES (%s, %s, %s, %s)"
_OF_RUN = "SELECT entry FROM run_change WHERE run = %s ORDER BY version"
_OF_BATCH = (
    "SELECT entry FROM run_change WHERE batch = %s AND batch <> ''"
    " ORDER BY run, version"
)
_PUT = (
    "INSERT INTO run_list (name, version, done, head, members)"
    " VALUES (%s, %s, %s, %s, %s) ON CONFLICT (name, version) DO UPDATE SET"
    " done = excluded.done, head = excluded.head, members = excluded.members"
)
_ADVANCE = "UPDATE run_list SET done = %s, head = %s WHERE name = %s AND version = %s"
_GET = "SELECT head, members FROM run_list WHERE name = %s AND version = %s"
_NEWEST = (
    "SELECT head, members FROM run_list WHERE name = %s ORDER BY version DESC LIMIT 1"
)
_ALL = "SELECT head FROM run_list ORDER BY name, version"
_OF_NAME = "SELECT head FROM run_list WHERE name = %s ORDER BY version"
_UNFINISHED = "SELECT head FROM run_list WHERE NOT done ORDER BY name, version"


class PostgresRunHistory:
    """`quire.ports.quality_records.RunHistory` in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def append(self, entry: Entry) -> None:
        """Keep an entry; its version is one more than the run's last."""
        batch = self._session.key(entry.batch)
        key = (self._session.key(entry.run), entry.version, batch)
        self._session.run(_APPEND, (*key, _ENTRY.encode(entry)))

    def of_run(self, uid: str) -> tuple[Entry, ...]:
        """Return the entries of a run by version."""
        self._session.lock("run", uid)
        return self._entries(_OF_RUN, uid)

    def of_batch(self, batch: str) -> tuple[Entry, ...]:
        """Return what was changed in one go, by run."""
        return self._entries(_OF_BATCH, batch)

    def _entries(self, query: str, key: str) -> tuple[Entry, ...]:
        rows = self._session.rows(query, [to_key(key)])
        return tuple(_ENTRY.decode(row[0]) for row in rows)


class PostgresRunLists:
    """`quire.ports.quality_records.RunLists` in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def put(self, frozen: RunList) -> None:
        """Keep a version of a list, in place of what was there as that version."""
        row = (
            self._session.key(frozen.name),
            frozen.version,
            *_progress(frozen),
            _MEMBERS.encode(frozen.members),
        )
        self._session.run(_PUT, row)

    def advance(self, frozen: RunList) -> None:
        """Keep how many members of a version are marked; all else is as it was put."""
        row = (*_progress(frozen), to_key(frozen.name), frozen.version)
        self._session.run(_ADVANCE, row)

    def get(self, name: str, version: int | None) -> RunList | None:
        """Return a version of a list, None for its newest."""
        self._session.lock("list", name)
        if version is None:
            row = self._session.row(_NEWEST, [to_key(name)])
        else:
            row = self._session.row(_GET, (to_key(name), version))
        return None if row is None else _whole(row)

    def heads(self, name: str | None = None) -> tuple[RunList, ...]:
        """Return all versions without members, by name and version; None for all."""
        if name is None:
            rows = self._session.rows(_ALL)
        else:
            self._session.lock("list", name)
            rows = self._session.rows(_OF_NAME, [to_key(name)])
        return tuple(_HEAD.decode(row[0]) for row in rows)

    def unfinished(self) -> tuple[RunList, ...]:
        """Return, without members, the lists of which not all are marked yet."""
        rows = self._session.rows(_UNFINISHED)
        return tuple(_HEAD.decode(row[0]) for row in rows)


def _progress(frozen: RunList) -> tuple[bool, bytes]:
    done = frozen.tagged >= len(frozen.members)
    return done, _HEAD.encode(replace(frozen, members=()))


def _whole(row: Row) -> RunList:
    return replace(_HEAD.decode(row[0]), members=_MEMBERS.decode(row[1]))
