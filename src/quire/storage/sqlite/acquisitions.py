"""The acquisitions in SQLite."""

from typing import Any

import apsw

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
from quire.storage.sqlite import sql
from quire.storage.sqlite.changes import Changes
from quire.storage.sqlite.uids import to_column

_CODEC = Codec(Acquisition)
_GET = "SELECT record FROM acquisition WHERE id = ?"
_OF_JOB = "SELECT record FROM acquisition WHERE job = ?"
_PUT = (
    "INSERT OR REPLACE INTO acquisition"
    " (id, job, file_id, owner, substate, created, changed, record)"
    " VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
)
_REMOVE = "DELETE FROM acquisition WHERE id = ?"
_REMOVE_CHANGES = "DELETE FROM acquisition_change WHERE acquisition = ?"
_NOTE = "INSERT INTO acquisition_change (acquisition, record) VALUES (?, ?)"
_CHANGES = (
    "SELECT number, record FROM acquisition_change WHERE number > ?"
    " ORDER BY number LIMIT ?"
)
_NEWEST = "SELECT seq FROM sqlite_sequence WHERE name = 'acquisition_change'"
_PAGE = "SELECT record FROM acquisition"
_ORDER = "ORDER BY created DESC, id DESC LIMIT :limit"
_BEFORE = "(created < :created OR (created = :created AND id < :id))"


class SqliteAcquisitions:
    """`quire.ports.acquisition_records.AcquisitionRecords` on one connection."""

    def __init__(
        self,
        connection: apsw.Connection,
        changes: Changes,
        clock: Clock | None = None,
    ) -> None:
        self._connection = connection
        self._changes = changes
        self._clock = clock or SystemClock()

    def get(self, acquisition: str) -> Acquisition | None:
        """Return an acquisition by its id."""
        return self._one(_GET, acquisition)

    def page(self, query: AcquisitionQuery) -> tuple[Acquisition, ...]:
        """Return matching acquisitions, newest first."""
        conditions, bindings = _conditions(query)
        text = sql.page(_PAGE, conditions, _ORDER)
        rows = self._connection.execute(text, bindings)
        return tuple(_CODEC.decode(row[0]) for row in rows)

    def changes(self, after: int, limit: int) -> tuple[AcquisitionChange, ...]:
        """Return the changes with numbers above `after`, in order."""
        rows = self._connection.execute(_CHANGES, (after, max(limit, 0)))
        return tuple(
            AcquisitionChange(number=number, acquisition=_CODEC.decode(record))
            for number, record in rows
        )

    def newest_change(self) -> int:
        """Return the number of the newest change, 0 before the first."""
        row = self._connection.execute(_NEWEST).fetchone()
        return 0 if row is None else int(row[0])

    def remove(self, acquisition: str) -> None:
        """Forget an acquisition and its changes; its id stays taken."""
        self._connection.execute(_REMOVE, (acquisition,))
        self._connection.execute(_REMOVE_CHANGES, (acquisition,))

    def follow(self, former: Job | None, job: Job | None) -> None:
        """Change the acquisition of a job that is being put, or removed (None)."""
        follow(self, former, job, now=self._clock.now())

    def of_job(self, job: str) -> Acquisition | None:
        """Return the acquisition of a job."""
        return self._one(_OF_JOB, to_column(job))

    def change(self, found: Acquisition) -> None:
        """Store an acquisition, and that it has changed."""
        record = _CODEC.encode(found)
        row = (
            found.id,
            to_column(found.job),
            found.file_id,
            found.owner,
            found.substate.value,
            found.created,
            found.changed,
            record,
        )
        self._connection.execute(_PUT, row)
        self._connection.execute(_NOTE, (found.id, record))
        self._changes.touch(ACQUISITIONS)

    def _one(self, query: str, key: str | bytes) -> Acquisition | None:
        row = self._connection.execute(query, (key,)).fetchone()
        return None if row is None else _CODEC.decode(row[0])


def _conditions(query: AcquisitionQuery) -> tuple[list[str], dict[str, Any]]:
    """Return the conditions that are asked for, and what is bound in them."""
    bindings: dict[str, Any] = {"limit": max(query.limit, 0)}
    conditions: list[str] = []
    simple: tuple[tuple[str, str, Any], ...] = (
        ("owner = :owner", "owner", query.owner),
        ("created >= :since", "since", query.since),
        ("created < :until", "until", query.until),
        ("changed < :changed_before", "changed_before", query.changed_before),
        (
            "(instr(id, :text) > 0 OR instr(file_id, :text) > 0)",
            "text",
            query.text or None,
        ),
    )
    for condition, name, value in simple:
        if value is not None:
            conditions.append(condition)
            bindings[name] = value
    if query.substates:
        names = sorted(one.value for one in query.substates)
        places = ", ".join(f":substate{place}" for place in range(len(names)))
        conditions.append(f"substate IN ({places})")
        bindings |= {f"substate{place}": name for place, name in enumerate(names)}
    if query.before is not None:
        conditions.append(_BEFORE)
        bindings |= {"created": query.before[0], "id": query.before[1]}
    return conditions, bindings
