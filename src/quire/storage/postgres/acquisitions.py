"""The acquisitions in PostgreSQL."""

from typing import Any

from quire.clock import Clock, SystemClock
from quire.jobs.job import Job
from quire.ports.acquisition_records import (
    ACQUISITIONS,
    AcquisitionChange,
    AcquisitionQuery,
)
from quire.products.acquisition import Acquisition
from quire.storage.acquisition_following import follow
from quire.storage.codec import Codec
from quire.storage.postgres.keys import to_key
from quire.storage.postgres.session import Session
from quire.storage.postgres.uids import to_column

_CODEC = Codec(Acquisition)
_GET = "SELECT record FROM acquisition WHERE id = %s"
_OF_JOB = "SELECT record FROM acquisition WHERE job = %s"
_PUT = (
    "INSERT INTO acquisition"
    " (id, job, file_id, owner, substate, created, changed, record)"
    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s) ON CONFLICT (id) DO UPDATE SET"
    " job = excluded.job, file_id = excluded.file_id, owner = excluded.owner,"
    " substate = excluded.substate, created = excluded.created,"
    " changed = excluded.changed, record = excluded.record"
)
_REMOVE = "DELETE FROM acquisition WHERE id = %s"
_REMOVE_CHANGES = "DELETE FROM acquisition_change WHERE acquisition = %s"
_NOTE = "INSERT INTO acquisition_change (acquisition, record) VALUES (%s, %s)"
# Whoever changes the counter holds its row until the commit.
_NUMBER = (
    "WITH fresh AS ("
    " SELECT id, row_number() OVER (ORDER BY id) AS place"
    " FROM acquisition_change WHERE number IS NULL"
    "), given AS ("
    " UPDATE acquisition_change_counter"
    " SET last = last + (SELECT count(*) FROM fresh) WHERE id = 1"
    " RETURNING last - (SELECT count(*) FROM fresh) AS first"
    ") UPDATE acquisition_change SET number = given.first + fresh.place"
    " FROM fresh, given WHERE acquisition_change.id = fresh.id"
)
_CHANGES = (
    "SELECT number, record FROM acquisition_change WHERE number > %s"
    " ORDER BY number LIMIT %s"
)
_NEWEST = "SELECT last FROM acquisition_change_counter WHERE id = 1"
_PAGE = "SELECT record FROM acquisition"
# Of an id that is long only the beginning stands there.
_SAYS = (
    "(position(%s IN id) > 0 OR position(%s IN file_id) > 0"
    " OR id IN (SELECT key FROM long_key WHERE position(%s IN text) > 0))"
)
_ORDER = "ORDER BY created DESC, id DESC LIMIT %s"


class PostgresAcquisitions:
    """`quire.ports.acquisition_records.AcquisitionRecords` in one session."""

    def __init__(self, session: Session, clock: Clock | None = None) -> None:
        self._session = session
        self._clock = clock or SystemClock()

    def get(self, acquisition: str) -> Acquisition | None:
        """Return an acquisition by its id."""
        self._session.lock("acquisition", acquisition)
        return self._one(_GET, acquisition)

    def page(self, query: AcquisitionQuery) -> tuple[Acquisition, ...]:
        """Return matching acquisitions, newest first."""
        conditions, values = _conditions(query)
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        text = f"{_PAGE} {where} {_ORDER}"
        rows = self._session.rows(text, [*values, max(query.limit, 0)])
        return tuple(_CODEC.decode(row[0]) for row in rows)

    def changes(self, after: int, limit: int) -> tuple[AcquisitionChange, ...]:
        """Return the changes with numbers above `after`, in order."""
        rows = self._session.rows(_CHANGES, (after, max(limit, 0)))
        return tuple(
            AcquisitionChange(number=number, acquisition=_CODEC.decode(record))
            for number, record in rows
        )

    def newest_change(self) -> int:
        """Return the number of the newest change, 0 before the first."""
        row = self._session.row(_NEWEST)
        return 0 if row is None else int(row[0])

    def remove(self, acquisition: str) -> None:
        """Forget an acquisition and its changes; its id stays taken."""
        self._session.run(_REMOVE, [to_key(acquisition)])
        self._session.run(_REMOVE_CHANGES, [to_key(acquisition)])

    def follow(self, former: Job | None, job: Job | None) -> None:
        """Change the acquisition of a job that is being put, or removed (None)."""
        follow(self, former, job, now=self._clock.now())

    def of_job(self, job: str) -> Acquisition | None:
        """Return the acquisition of a job; whoever asks has locked the job."""
        return self._one(_OF_JOB, job)

    def change(self, found: Acquisition) -> None:
        """Store an acquisition, and that it has changed."""
        self._session.lock("acquisition", found.id)
        record, key = _CODEC.encode(found), self._session.key(found.id)
        row = (
            key,
            self._session.key(found.job),
            to_column(found.file_id),
            to_column(found.owner),
            found.substate.value,
            found.created,
            found.changed,
            record,
        )
        self._session.run(_PUT, row)
        self._session.run(_NOTE, (key, record))
        # So late, for numbers are to grow in the order of the commits.
        self._session.at_end("numbers of acquisition changes", self._number)
        self._session.changes.touch(ACQUISITIONS)

    def _number(self) -> None:
        self._session.lock("number", "acquisition change")
        self._session.run(_NUMBER)

    def _one(self, query: str, key: str) -> Acquisition | None:
        row = self._session.row(query, [to_key(key)])
        return None if row is None else _CODEC.decode(row[0])


def _conditions(query: AcquisitionQuery) -> tuple[list[str], list[Any]]:
    """Return the conditions that are asked for, and what is bound in them, in order."""
    text = to_column(query.text)
    owner = None if query.owner is None else to_column(query.owner)
    before = query.before and (query.before[0], to_key(query.before[1]))
    substates = sorted(one.value for one in query.substates)
    simple: tuple[tuple[str, tuple[Any, ...], bool], ...] = (
        ("owner = %s", (owner,), owner is not None),
        ("created >= %s", (query.since,), query.since is not None),
        ("created < %s", (query.until,), query.until is not None),
        ("changed < %s", (query.changed_before,), query.changed_before is not None),
        (
            _SAYS,
            (text, text, text),
            bool(text),
        ),
        ("substate = ANY(%s)", (substates,), bool(substates)),
        ("(created, id) < (%s, %s)", before or (), before is not None),
    )
    asked = [one for one in simple if one[2]]
    values = [value for _, several, _ in asked for value in several]
    return [condition for condition, _, _ in asked], values
