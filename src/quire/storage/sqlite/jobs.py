"""The jobs in SQLite."""

from typing import Any

import apsw

from quire.jobs.job import Job
from quire.ports.job_records import JobQuery
from quire.storage.sqlite import sql
from quire.storage.sqlite.changes import JOBS, Changes
from quire.storage.sqlite.codec import Codec
from quire.storage.sqlite.uids import to_column

_CODEC = Codec(Job)


class SqliteJobs:
    """`quire.ports.job_records.JobRecords` on one connection."""

    def __init__(self, connection: apsw.Connection, changes: Changes) -> None:
        self._connection = connection
        self._changes = changes

    def get(self, job: str) -> Job | None:
        """Return a job by its id."""
        row = self._connection.execute(sql.JOB_GET, (to_column(job),)).fetchone()
        return None if row is None else _CODEC.decode(row[0])

    def put(self, job: Job) -> None:
        """Store a job in place of what was there under its id."""
        former = self.get(job.id)
        self._link(job, () if former is None else former.runs)
        bindings = (
            to_column(job.id),
            job.phase.value,
            job.kind,
            job.owner,
            job.created,
            job.not_before,
            _CODEC.encode(job),
        )
        self._connection.execute(sql.JOB_PUT, bindings)
        self._changes.touch(JOBS)

    def page(self, query: JobQuery) -> tuple[Job, ...]:
        """Return matching jobs in the order asked for."""
        conditions, bindings = _conditions(query)
        bindings["limit"] = max(query.limit, 0)
        order = sql.JOB_OLDEST if query.oldest_first else sql.JOB_NEWEST
        text = sql.page(sql.JOB_PAGE, conditions, order)
        rows = self._connection.execute(text, bindings)
        return tuple(_CODEC.decode(row[0]) for row in rows)

    def reserve(self, space: str, name: str, job: str) -> str:
        """Take a name for a job alone; return the id of the job that has it."""
        self._connection.execute(sql.RESERVE, (space, name, job))
        row = next(self._connection.execute(sql.RESERVED, (space, name)))
        return str(row[0])

    def _link(self, job: Job, former: tuple[str, ...]) -> None:
        for statement, runs in (
            (sql.JOB_RUN_REMOVE, set(former) - set(job.runs)),
            (sql.JOB_RUN_PUT, set(job.runs) - set(former)),
        ):
            for run in runs:
                self._connection.execute(statement, (to_column(run), to_column(job.id)))


def _conditions(query: JobQuery) -> tuple[list[str], dict[str, Any]]:
    conditions: list[str] = []
    bindings: dict[str, Any] = {}

    def require(condition: str, **values: Any) -> None:
        conditions.append(condition)
        bindings.update(values)

    if query.owner is not None:
        require(sql.JOB_OWNER, owner=query.owner)
    if query.phases:
        phases = sorted(phase.value for phase in query.phases)
        named = {f"phase{place}": phase for place, phase in enumerate(phases)}
        require(sql.job_phases(len(phases)), **named)
    if query.kind:
        require(sql.JOB_KIND, kind=query.kind)
    if query.run:
        require(sql.JOB_OF_RUN, run=to_column(query.run))
    if query.ready_at is not None:
        require(sql.JOB_READY, ready_at=query.ready_at)
    if query.before is not None:
        behind = sql.JOB_BEHIND if query.oldest_first else sql.JOB_BEFORE
        require(behind, created=query.before[0], id=query.before[1])
    return conditions, bindings
