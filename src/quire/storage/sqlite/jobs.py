"""The jobs in SQLite."""

from collections.abc import Callable
from itertools import chain
from typing import Any

import apsw

from quire.jobs.job import Job
from quire.jobs.phases import Phase
from quire.ports.job_records import JobQuery, job_topic, search_terms
from quire.storage.codec import Codec
from quire.storage.sqlite import job_sql, sql
from quire.storage.sqlite.changes import JOBS, Changes
from quire.storage.sqlite.uids import Uid, to_column

_CODEC = Codec(Job)
# Rows that are put by one statement.
_AT_ONCE = 50
_Rows = frozenset[tuple[Uid, ...]]


class SqliteJobs:
    """`quire.ports.job_records.JobRecords` on one connection."""

    def __init__(
        self,
        connection: apsw.Connection,
        changes: Changes,
        follow: Callable[[Job | None, Job | None], None],
    ) -> None:
        self._connection = connection
        self._changes = changes
        self._follow = follow

    def get(self, job: str) -> Job | None:
        """Return a job by its id."""
        known = self._changes.jobs.job(job)
        if known is not None:
            return known
        row = self._connection.execute(job_sql.GET, (to_column(job),)).fetchone()
        if row is None:
            return None
        found = _CODEC.decode(row[0])
        self._changes.jobs.put(found, len(row[0]))
        return found

    def put(self, job: Job) -> None:
        """Store a job in place of what was there under its id."""
        former = self.get(job.id)
        self._follow(former, job)
        self._link(former, job)
        record = _CODEC.encode(job)
        bindings = (
            to_column(job.id),
            job.phase.value,
            job.kind,
            job.owner,
            job.created,
            job.not_before,
            job.run_id,
            job.error.code if job.error else "",
            job.destruction,
            record,
        )
        self._connection.execute(job_sql.PUT, bindings)
        self._changes.jobs.put(job, len(record))
        self._touch(job.id)

    def remove(self, job: str) -> None:
        """Forget a job; nothing happens if there is none."""
        former = self.get(job)
        if former is not None:
            self._follow(former, None)
            self._link(former, None)
            self._connection.execute(job_sql.REMOVE, (to_column(job),))
            self._changes.jobs.remove(job)
            self._touch(job)

    def page(self, query: JobQuery) -> tuple[Job, ...]:
        """Return matching jobs in the order asked for."""
        conditions, bindings = _conditions(query)
        bindings["limit"] = max(query.limit, 0)
        text = sql.page(job_sql.PAGE, conditions, _order(query))
        rows = self._connection.execute(text, bindings)
        return tuple(_CODEC.decode(row[0]) for row in rows)

    def reserve(self, space: str, name: str, job: str) -> str:
        """Take a name for a job alone; return the id of the job that has it."""
        self._connection.execute(job_sql.RESERVE, (space, name, job))
        row = next(self._connection.execute(job_sql.RESERVED, (space, name)))
        return str(row[0])

    def _touch(self, job: str) -> None:
        self._changes.touch(JOBS)
        self._changes.touch(job_topic(job))

    def _link(self, former: Job | None, job: Job | None) -> None:
        if former is None or job is None or former.runs != job.runs:
            self._exchange(
                _runs(former), _runs(job), job_sql.RUN_REMOVE, job_sql.runs_put
            )
        if former is None or job is None or former.parameters != job.parameters:
            self._exchange(
                _terms(former), _terms(job), job_sql.TERM_REMOVE, job_sql.terms_put
            )

    def _exchange(
        self, old: _Rows, new: _Rows, remove: str, put: Callable[[int], str]
    ) -> None:
        for row in old - new:
            self._connection.execute(remove, row)
        # Together: to run a statement takes longer than to put a row.
        added = list(new - old)
        for begin in range(0, len(added), _AT_ONCE):
            rows = added[begin : begin + _AT_ONCE]
            self._connection.execute(put(len(rows)), tuple(chain(*rows)))


def _runs(job: Job | None) -> _Rows:
    if job is None:
        return frozenset()
    return frozenset((to_column(run), to_column(job.id)) for run in job.runs)


def _terms(job: Job | None) -> _Rows:
    if job is None:
        return frozenset()
    return frozenset((*term, to_column(job.id)) for term in search_terms(job))


def _order(query: JobQuery) -> str:
    if query.due_at is not None:
        return job_sql.DUE_FIRST
    return job_sql.OLDEST if query.oldest_first else job_sql.NEWEST


def _due(query: JobQuery) -> str:
    if query.without is Phase.ARCHIVED:
        return job_sql.DUE_TO_ARCHIVE
    if query.phases == frozenset({Phase.ARCHIVED}):
        return job_sql.DUE_TO_PURGE
    return job_sql.DUE


def _conditions(query: JobQuery) -> tuple[list[str], dict[str, Any]]:
    """Return the conditions that are asked for, and what is bound in them."""
    bindings: dict[str, Any] = {}
    conditions: list[str] = []
    simple: tuple[tuple[str, str, Any, bool], ...] = (
        (job_sql.OWNER, "owner", query.owner, query.owner is not None),
        (job_sql.KIND, "kind", query.kind, bool(query.kind)),
        (job_sql.OF_RUN, "run", to_column(query.run), bool(query.run)),
        (job_sql.READY, "ready_at", query.ready_at, query.ready_at is not None),
        (job_sql.AFTER, "after", query.after, query.after is not None),
        (_due(query), "due_at", query.due_at, query.due_at is not None),
        (job_sql.RUN_ID, "run_id", query.run_id, bool(query.run_id)),
        (job_sql.ERROR, "error", query.error, bool(query.error)),
        (job_sql.WITHOUT, "without", query.without, query.without is not None),
    )
    for condition, name, value, asked in simple:
        if asked:
            conditions.append(condition)
            bindings[name] = value
    if query.phases and _due(query) != job_sql.DUE_TO_PURGE:
        phases = sorted(phase.value for phase in query.phases)
        conditions.append(job_sql.phases(len(phases)))
        bindings |= {f"phase{place}": phase for place, phase in enumerate(phases)}
    for place, (name, value) in enumerate(query.parameters):
        conditions.append(job_sql.with_parameter(place))
        bindings |= {f"name{place}": name, f"value{place}": value}
    if query.before is not None:
        conditions.append(job_sql.BEHIND if query.oldest_first else job_sql.BEFORE)
        bindings |= {"created": query.before[0], "id": query.before[1]}
    return conditions, bindings
