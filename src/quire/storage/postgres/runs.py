"""The runs in PostgreSQL.

The record of a run changes with nearly every document, what it is searched by hardly
ever: they lie in two tables, and the second is written only when a hash of what it is
made from has changed.
"""

from collections.abc import Sequence
from typing import Any

from quire.access.visibility import audience
from quire.ports.run_finder import RunOrder, RunPlace
from quire.ports.run_records import RunQuery
from quire.runs.run import Run
from quire.runs.searchable import Describe
from quire.storage.postgres import run_sql as sql
from quire.storage.postgres.access_lists import AccessLists
from quire.storage.postgres.bindings import Bindings
from quire.storage.postgres.changes import RUNS
from quire.storage.postgres.column_bounds import by_prefix
from quire.storage.postgres.facets import changes
from quire.storage.postgres.field_values import FieldValues
from quire.storage.postgres.keys import to_key
from quire.storage.postgres.run_columns import (
    bounded,
    facts,
    lease,
    run_columns,
    scan_number,
)
from quire.storage.postgres.run_looks import CODEC, Looks, Standing
from quire.storage.postgres.run_pages import page
from quire.storage.postgres.run_ranges import LONGEST_PREFIX
from quire.storage.postgres.search_plans import Plan
from quire.storage.postgres.session import Row, Session


class PostgresRuns:
    """`quire.ports.run_records.RunRecords` in one session.

    Parameters
    ----------
    describe
        What a run is searched by.
    looks
        Those of the other records of the session.
    """

    def __init__(
        self, session: Session, describe: Describe, looks: Looks | None = None
    ) -> None:
        self._session = session
        self._describe = describe
        self._looks = looks or Looks(session)
        self._access = AccessLists(session)
        self._fields = FieldValues(session)

    def get(self, uid: str) -> Run | None:
        """Return a run by its full uid."""
        if not self._session.deciding:
            row = self._session.row(sql.GET, (to_key(uid),))
            return None if row is None else CODEC.decode(row[0])
        standing = self._looks.standing(uid)
        return None if standing is None else standing.run

    def put(self, run: Run) -> None:
        """Store a run in place of what was there under its uid."""
        self._put(run, anew=False)

    def describe_anew(self, uids: Sequence[str]) -> None:
        """Write anew what runs are searched by, even if they have not changed."""
        self._session.lock("run", *uids)
        for uid in uids:
            run = self.get(uid)
            if run is not None:
                self._put(run, anew=True)

    def page(self, query: RunQuery) -> tuple[Run, ...]:
        """Return matching runs, newest first."""
        lists = self._access.admitting(query.visible)
        if lists == ():
            return ()
        place = None
        if query.before is not None:
            time, uid = query.before
            place = RunPlace(time=time, uid=uid)
        found = self._page(query, lists, place)
        if not self._session.deciding:
            return found
        # Another server may have changed them until the locks were there.
        uids = {run.uid for run in found}
        self._session.lock("run", *uids)
        again = self._page(query, lists, place)
        return tuple(run for run in again if run.uid in uids)

    def _page(
        self, query: RunQuery, lists: tuple[int, ...] | None, place: RunPlace | None
    ) -> tuple[Run, ...]:
        chosen = _plan(query, lists)
        records = page(self._session, chosen, RunOrder.NEWEST, place, query.limit)
        found = map(CODEC.decode, records)
        if len(query.prefix) > LONGEST_PREFIX:
            return tuple(run for run in found if run.uid.startswith(query.prefix))
        return tuple(found)

    def _put(self, run: Run, *, anew: bool) -> None:
        was, told = self._looks.standing(run.uid), facts(run)
        if was is None or was.facts != told or anew:
            now = self._put_anew(run, was, told)
        else:
            grown = (bounded(run.events), CODEC.encode(run), was.number)
            self._session.run(sql.GROW, grown)
            now = was._replace(run=run, until=lease(run))
        if was is not None and now.until != was.until:
            self._lease(now)
        self._looks.put(now)
        self._session.changes.touch(RUNS)

    def _put_anew(self, run: Run, was: "Standing | None", told: bytes) -> "Standing":
        found = self._describe(run)
        self._session.key(run.uid)
        columns = run_columns(run, found)
        access = self._access.number(audience(run.owner, run.start_document()))
        counted = None if was is None else (was.facets, was.access)
        changed = changes(counted, (columns["facets"], access))
        names = ("fields", "values", "lists", "changes")
        columns |= dict(zip(names, _transposed(changed), strict=True))
        columns |= {"access": access, "facts": told, "record": CODEC.encode(run)}
        columns |= {"until": lease(run), "id": None if was is None else was.number}
        text = sql.INSERT if was is None else sql.UPDATE
        made = self._session.connection.execute(text.encode(), columns)
        number = was.number if was is not None else _number(made.fetchone())
        if fields := self._fields.wanted():
            self._fields.put(fields, {number: found})
        return Standing(number, told, lease(run), columns["facets"], access, run)

    def _lease(self, now: "Standing") -> None:
        if now.until is None:
            self._session.run(sql.LEASE_REMOVE, (now.number,))
        else:
            self._session.run(sql.LEASE_PUT, (now.number, now.until))


def _number(row: Row | None) -> int:
    return 0 if row is None else int(row[0])


def _transposed(rows: Sequence[tuple[Any, ...]]) -> list[list[Any]]:
    return [list(column) for column in zip(*rows, strict=True)] or [[], [], [], []]


def _plan(query: RunQuery, lists: tuple[int, ...] | None) -> Plan:
    bindings = Bindings()
    narrow = []
    if query.scan_id is not None:
        scan_id = scan_number(query.scan_id)
        narrow.append(f"v.scan_id = {bindings.add(scan_id, 'numeric')}")
    if query.prefix:
        narrow.append(by_prefix(query.prefix, bindings))
    if query.lapsed_at is not None:
        at = bindings.add(query.lapsed_at, "double precision")
        narrow.append(sql.LAPSED.format(at=at))
    if lists is not None:
        narrow.append(f"v.access = ANY({bindings.add(list(lists), 'integer[]')})")
    return Plan(tuple(narrow), (), (), (), bindings, "as records")
