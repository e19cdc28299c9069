"""The runs in SQLite."""

import hashlib
import math
import zlib
from operator import attrgetter
from typing import Any

import apsw
import msgspec

from quire.access.visibility import Audience, audience
from quire.errors import StoreFull
from quire.ports.run_records import RunQuery
from quire.runs.run import Run, Status
from quire.runs.searchable import Describe, Searchable
from quire.storage.codec import Codec
from quire.storage.number_ranges import ABSENT
from quire.storage.sqlite import run_sql as sql
from quire.storage.sqlite.access_lists import AccessLists
from quire.storage.sqlite.changes import RUNS, Changes
from quire.storage.sqlite.facets import Facets, packed
from quire.storage.sqlite.order_keys import span
from quire.storage.sqlite.recent_runs import Recent, RecentRuns
from quire.storage.sqlite.recent_views import RecentViews
from quire.storage.sqlite.run_pages import newest_first
from quire.storage.sqlite.uids import prefix_range, to_column
from quire.storage.sqlite.zones import Zones

CODEC = Codec(Run)
_OUTDATED = 2

_encode = msgspec.json.Encoder().encode
# What of a run its facts are made from, where equal values are alike.
_TOLD = attrgetter(
    *("owner", "start", "time", "scan_id", "stop_uid", "stop_time", "status"),
    *("findings", "devices", "products"),
)
_DATA_KEYS = attrgetter("data_keys")
_pack = msgspec.msgpack.Encoder(enc_hook=str).encode


class SqliteRuns:
    """`quire.ports.run_records.RunRecords` on one connection.

    Parameters
    ----------
    describe
        What a run is searched by.
    """

    def __init__(
        self,
        connection: apsw.Connection,
        changes: Changes,
        recent: RecentRuns,
        describe: Describe,
    ) -> None:
        self._connection = connection
        self._changes = changes
        self._recent = recent
        self._describe = describe
        self._access = AccessLists(connection)
        self._missing: str | None = None
        self._zones = Zones(connection, changes)
        # The last id that is taken, by the first that runs of its time may have.
        self._taken: dict[int, int] = changes.cache({})
        self.views = RecentViews()
        self.facets = Facets(connection)

    def get(self, uid: str) -> Run | None:
        """Return a run by its full uid."""
        recent = self._recent.get(uid)
        if recent is not None:
            return recent.run
        row = self._connection.execute(sql.GET, (to_column(uid),)).fetchone()
        if row is None:
            self._missing = uid
            return None
        return CODEC.decode(row[0])

    def put(self, run: Run) -> None:
        """Store a run in place of what was there under its uid."""
        record = CODEC.encode(run)
        recent = self._recent.get(run.uid)
        if recent is not None and _are_told_alike(recent.run, run):
            place = self._grow(run, recent, record)
        else:
            place = self._put_anew(run, _facts(run), record)
        self._recent.put(Recent(run, place))
        self._changes.touch(RUNS)

    def describe_anew(self, run: Run) -> None:
        """Have a stored run found by what describes it now."""
        row: Any = self._connection.execute(
            sql.STANDING, (to_column(run.uid),)
        ).fetchone()
        place = self._describe_anew(run, row, _facts(run), CODEC.encode(run))
        if self._recent.get(run.uid) is not None:
            self._recent.put(Recent(run, place))

    def _grow(self, run: Run, recent: Recent, record: bytes) -> int:
        events = _bounded(run.events)
        if run.lease_until == recent.run.lease_until:
            # An index whose columns are not named is not written to.
            self._connection.execute(sql.GROW, (events, record, recent.id))
        else:
            grown = (events, _lease(run), record, recent.id)
            self._connection.execute(sql.GROW_LEASED, grown)
        return recent.id

    def _put_anew(self, run: Run, facts: bytes, record: bytes) -> int:
        row: Any = None
        # It is there only once it was put: nobody else writes.
        if run.uid != self._missing:
            bindings = (to_column(run.uid),)
            row = self._connection.execute(sql.STANDING, bindings).fetchone()
        self._missing = None
        if row is not None and row[4] == facts and row[2] != _OUTDATED:
            grown = (_bounded(run.events), _lease(run), record, row[0])
            self._connection.execute(sql.GROW_LEASED, grown)
            return int(row[0])
        return self._describe_anew(run, row, facts, record)

    def page(self, query: RunQuery) -> tuple[Run, ...]:
        """Return matching runs, newest first."""
        conditions, bindings = _conditions(query)
        visible = self._access.admitting(query.visible)
        rows = newest_first(
            self._connection,
            [*conditions, *_seen(visible)],
            bindings,
            behind=query.before,
            limit=query.limit,
        )
        return tuple(CODEC.decode(row.record) for row in rows)

    def _describe_anew(self, run: Run, row: Any, facts: bytes, record: bytes) -> int:
        found = self._describe(run)
        access = self._access_number(audience(run.owner, run.start_document()))
        facets = packed(found.facets)
        bindings = {
            **_columns(run, found),
            "access": access,
            "facts": facts,
            "facets": facets,
            "record": record,
            "uid": to_column(run.uid),
            "newest": _newest(run.time),
        }
        was = None if row is None else (row[5], row[3])
        newest = bindings["newest"]
        if row is not None and row[1] == newest and row[2] != _OUTDATED:
            place = bindings["id"] = int(row[0])
            self._connection.execute(sql.UPDATE, bindings)
        else:
            if row is not None:
                self._taken.clear()  # the row may be the last of its time
                self._connection.execute(sql.REMOVE, (row[0],))
                self._connection.execute(sql.TERM_REMOVE, (row[0],))
                self._connection.execute(sql.FIELD_VALUES_REMOVE, (row[0],))
            place = bindings["id"] = self._place(run.time)
            self._connection.execute(sql.INSERT, bindings)
        self._zones.widen(bindings)
        self.views.put(place, record, found)
        self.facets.move(was, (facets, access))
        return place

    def _access_number(self, members: Audience) -> int:
        known = self._changes.access_lists
        if members not in known:
            known[members] = self._access.number(members)
        return known[members]

    def _place(self, time: float | None) -> int:
        first, last = span(time)
        taken = self._taken.get(first)
        if taken is None:
            row: Any = self._connection.execute(sql.LAST_OF, (first, last)).fetchone()
            taken = first - 1 if row[0] is None else row[0]
        if taken == last:
            raise StoreFull("too many runs start at the very same time")
        self._taken[first] = taken + 1
        return taken + 1


def fresh_row(run: Run, found: Searchable) -> dict[str, Any]:
    """Return all that a new run's row is made of, but its id and its access list."""
    return {
        **_columns(run, found),
        "uid": to_column(run.uid),
        "newest": _newest(run.time),
        "facts": _facts(run),
        "facets": packed(found.facets),
        "record": CODEC.encode(run),
    }


def _are_told_alike(one: Run, other: Run) -> bool:
    """Return whether two states of a run surely have the same `_facts`."""
    streams, others = one.streams.values(), other.streams.values()
    return (
        _TOLD(one) == _TOLD(other)
        and one.annotations is other.annotations  # in them 1, 1.0 and True are equal
        and one.streams.keys() == other.streams.keys()
        and list(map(_DATA_KEYS, streams)) == list(map(_DATA_KEYS, others))
    )


def _facts(run: Run) -> bytes:
    """Return a hash of all that a run's columns, view and terms are made from."""
    told = (
        run.owner,
        None if run.start is None else zlib.crc32(run.start),
        run.time,
        _integer(run.scan_id),
        run.stop_uid,
        run.stop_time,
        run.status,
        sorted(run.streams),
        [stream.data_keys for stream in run.streams.values()],
        sorted({finding.rule for finding in run.findings}),
        run.devices,
        run.products,
        run.annotations,
    )
    return hashlib.blake2b(_pack(told), digest_size=12).digest()


def _columns(run: Run, found: Searchable) -> dict[str, Any]:
    return {
        "scan_id": _integer(run.scan_id),
        "experiment": ABSENT if found.experiment is None else found.experiment,
        "run": ABSENT if found.run is None else found.run,
        "events": _bounded(run.events),
        "lease_until": _lease(run),
        "view": _encode(found.view()).decode(),
    }


def _bounded(count: int) -> int:
    return min(count, ABSENT)


def _lease(run: Run) -> float | None:
    return run.lease_until if run.status is Status.OPEN else None


def _seen(visible: tuple[int, ...] | None) -> list[str]:
    if visible is None:
        return []
    # Numbers of ours, not text of anybody's.
    return ["access IN (" + ", ".join(map(str, visible)) + ")"]


def _conditions(query: RunQuery) -> tuple[list[str], dict[str, Any]]:
    conditions: list[str] = []
    bindings: dict[str, Any] = {}
    if query.scan_id is not None:
        conditions.append(sql.SCAN_ID)
        bindings["scan_id"] = _integer(query.scan_id)
    if query.prefix:
        conditions.append(sql.PREFIX)
        bindings |= prefix_range(query.prefix)
    if query.lapsed_at is not None:
        conditions.append(sql.LAPSED)
        bindings["lapsed_at"] = query.lapsed_at
    return conditions, bindings


def _newest(time: float | None) -> float:
    return -math.inf if time is None or math.isnan(time) else float(time)


def _integer(value: int | None) -> int | str | None:
    if value is None or -(2**63) <= value < 2**63:
        return value
    return str(value)
