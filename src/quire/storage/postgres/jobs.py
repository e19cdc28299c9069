"""The jobs in PostgreSQL."""

from collections.abc import Callable
from hashlib import sha256
from typing import Any

from quire.jobs.job import Job
from quire.jobs.phases import Phase
from quire.ports.job_records import JobQuery, job_topic, search_terms
from quire.storage.codec import Codec
from quire.storage.postgres import job_sql
from quire.storage.postgres.changes import JOBS
from quire.storage.postgres.keys import to_key
from quire.storage.postgres.session import Row, Session
from quire.storage.postgres.uids import to_column, to_text

_CODEC = Codec(Job)


class PostgresJobs:
    """`quire.ports.job_records.JobRecords` in one session.

    Parameters
    ----------
    follow
        Told of each job that is put or removed: the former one, and the new one.
    """

    def __init__(
        self, session: Session, follow: Callable[[Job | None, Job | None], None]
    ) -> None:
        self._session = session
        self._follow = follow

    def get(self, job: str) -> Job | None:
        """Return a job by its id."""
        self._session.lock("job", job)
        row = self._session.row(job_sql.GET, [to_column(job)])
        return None if row is None else _CODEC.decode(row[0])

    def put(self, job: Job) -> None:
        """Store a job in place of what was there under its id."""
        former = self.get(job.id)
        self._follow(former, job)
        keep_texts(self._session, job)
        self._link(job.id, former, job)
        self._session.run(job_sql.PUT, columns_of(job))
        self._touch(job.id)

    def remove(self, job: str) -> None:
        """Forget a job; nothing happens if there is none."""
        former = self.get(job)
        if former is not None:
            self._follow(former, None)
            self._link(job, former, None)
            self._session.run(job_sql.REMOVE, [to_column(job)])
            self._touch(job)

    def page(self, query: JobQuery) -> tuple[Job, ...]:
        """Return matching jobs in the order asked for.

        Who decides by them gets them locked, and nobody else decides meanwhile by the
        jobs of that owner, or by what is next in the queue.
        """
        conditions, values = _conditions(query)
        where = f"WHERE {' AND '.join(conditions)}" if conditions else ""
        text = " ".join([job_sql.PAGE, where, _order(query)])
        values.append(max(query.limit, 0))
        self._lock_question(query)
        rows = self._session.rows(text, values)
        while self._session.deciding:
            before = self._session.wanted.copy()
            self._session.lock("job", *(to_text(row[0]) for row in rows))
            if self._session.wanted == before:
                break
            # Another server may have changed them until the locks were there.
            rows = self._session.rows(text, values)
        return tuple(map(_job, rows))

    def reserve(self, space: str, name: str, job: str) -> str:
        """Take a name for a job alone; return the id of the job that has it."""
        place = (to_column(space), to_column(name))
        self._session.lock("name", f"{space}\0{name}")
        self._session.run(job_sql.RESERVE, (*place, to_column(job)))
        row = self._session.row(job_sql.RESERVED, place)
        return job if row is None else to_text(row[0])

    def _lock_question(self, query: JobQuery) -> None:
        if query.owner is not None:
            self._session.lock("owner", query.owner)
        if query.kind:
            self._session.lock("kind", query.kind)
        if query.ready_at is not None:
            self._session.lock("queue", "")

    def _touch(self, job: str) -> None:
        self._session.changes.touch(JOBS)
        self._session.changes.touch(job_topic(job))

    def _link(self, uid: str, former: Job | None, job: Job | None) -> None:
        key = to_column(uid)
        old, new = _runs(former), _runs(job)
        if old - new:
            self._session.run(job_sql.RUNS_REMOVE, (key, list(old - new)))
        if new - old:
            self._session.run(job_sql.RUNS_PUT, (key, list(new - old)))
        if former is None or job is None or former.parameters != job.parameters:
            self._link_terms(key, former, job)

    def _link_terms(self, key: bytes, former: Job | None, job: Job | None) -> None:
        if former is not None:
            self._session.run(job_sql.TERMS_REMOVE, [key])
        if job is not None and (terms := search_terms(job)):
            columns = [term(*one) for one in terms]
            self._session.run(job_sql.TERMS_PUT, (key, columns))


def keep_texts(session: Session, job: Job) -> None:
    """Keep what the keys of a job stand for, of those that are shown or moved."""
    for one in (job.kind, job.owner, *job.runs):
        session.key(one)


def columns_of(job: Job) -> tuple[Any, ...]:
    """Return a job's columns in the order in which it is put."""
    return (
        to_column(job.id),
        job.phase.value,
        to_key(job.kind),
        to_key(job.owner),
        job.created,
        job.not_before,
        to_key(job.run_id),
        to_key(job.error.code if job.error else ""),
        job.destruction,
        _CODEC.encode(job),
    )


def term(name: str, value: str) -> bytes:
    """Return what stands for a parameter and one of its values."""
    return sha256(
        f"{len(name)} {name}{value}".encode("utf-8", "surrogatepass")
    ).digest()


def _job(row: Row) -> Job:
    return _CODEC.decode(row[1])


def _runs(job: Job | None) -> frozenset[bytes]:
    return frozenset() if job is None else frozenset(map(to_key, job.runs))


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


def _conditions(query: JobQuery) -> tuple[list[str], list[Any]]:
    """Return the conditions that are asked for, and what is bound in them, in order."""
    simple: tuple[tuple[str, tuple[Any, ...], bool], ...] = (
        (job_sql.OWNER, (to_key(query.owner or ""),), query.owner is not None),
        (job_sql.KIND, (to_key(query.kind),), bool(query.kind)),
        (job_sql.OF_RUN, (to_key(query.run),), bool(query.run)),
        (job_sql.READY, (query.ready_at,), query.ready_at is not None),
        (job_sql.AFTER, (query.after,), query.after is not None),
        (_due(query), (query.due_at,), query.due_at is not None),
        (job_sql.RUN_ID, (to_key(query.run_id),), bool(query.run_id)),
        (job_sql.ERROR, (to_key(query.error),), bool(query.error)),
        (job_sql.WITHOUT, (query.without,), query.without is not None),
        *((job_sql.WITH_PARAMETER, (term(*one),), True) for one in query.parameters),
        _in_phases(query),
        _from_place(query),
    )
    asked = [one for one in simple if one[2]]
    values = [value for _, several, _ in asked for value in several]
    return [condition for condition, _, _ in asked], values


def _in_phases(query: JobQuery) -> tuple[str, tuple[Any, ...], bool]:
    phases = sorted(phase.value for phase in query.phases)
    if len(phases) == 1:  # then the index has them in order
        return job_sql.PHASE, (phases[0],), True
    return job_sql.PHASES, (phases,), bool(phases)


def _from_place(query: JobQuery) -> tuple[str, tuple[Any, ...], bool]:
    if query.before is None:
        return "", (), False
    created, job = query.before
    condition = job_sql.BEHIND if query.oldest_first else job_sql.BEFORE
    return condition, (created, to_column(job)), True
