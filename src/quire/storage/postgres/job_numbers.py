"""The numbers of jobs in PostgreSQL."""

from collections.abc import Sequence
from itertools import product
from typing import Any

from quire.jobs.job import Job
from quire.jobs.phases import Phase
from quire.ports.job_numbers import Numbered, NumberQuery
from quire.storage.codec import Codec
from quire.storage.postgres import job_number_sql as sql
from quire.storage.postgres.keys import to_key
from quire.storage.postgres.session import Row, Session
from quire.storage.postgres.uids import to_column, to_text

_CODEC = Codec(Job)
_LARGEST = 2**63 - 1
_MOST_BRANCHES = 400

_Condition = tuple[str, tuple[Any, ...]]


class PostgresJobNumbers:
    """`quire.ports.job_numbers.JobNumbers` in one session."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def allocate(self, job: str) -> int:
        """Give a number to a job that was put in this transaction."""
        self._session.lock("number", "job")
        row = self._session.row(sql.ALLOCATE, [to_column(job)])
        if row is None:
            raise KeyError(job)
        return int(row[0])

    def find(self, number: int) -> Numbered | None:
        """Return the job of a number, whatever integer is asked for."""
        if not 0 < number <= _LARGEST:
            return None
        row = self._session.row(sql.FIND, [number])
        if row is not None and self._session.deciding:
            # Another server may have changed it until the lock was there.
            self._session.lock("job", to_text(row[2]))
            row = self._session.row(sql.FIND, [number])
        return None if row is None else _numbered(row)

    def page(self, query: NumberQuery) -> tuple[Numbered, ...]:
        """Return matching jobs in the order asked for."""
        branches = self._branches(query)
        if not branches:
            return ()
        further = _conditions(query)
        every = [[*branch, *further] for branch in branches]
        text = sql.page(
            [[condition for condition, _ in branch] for branch in every],
            oldest_first=query.oldest_first,
        )
        most = max(query.limit, 0)
        values: list[Any] = []
        for branch in every:
            values += [one for _, bound in branch for one in bound]
            values.append(most + query.skip)
        rows = self._session.rows(text, [*values, most, query.skip])
        return tuple(map(_numbered, rows))

    def services(self) -> tuple[str, ...]:
        """Return the kinds of the jobs that have numbers, sorted."""
        return tuple(sorted(map(self._session.text, self._services())))

    def owners(self, service: str | None = None) -> tuple[str, ...]:
        """Return the owners of the jobs that have numbers, sorted."""
        services = self._services() if service is None else [to_key(service)]
        found = {owner for one in services for owner in self._owners(one)}
        return tuple(sorted(map(self._session.text, found)))

    def _services(self) -> list[bytes]:
        kinds = [row[0] for row in self._session.rows(sql.SERVICES)]
        return [kind for kind in kinds if self._owners(kind)]

    def _owners(self, service: bytes) -> list[bytes]:
        rows = self._session.rows(sql.OWNERS, [service, service])
        return [name for (name,) in rows if self._lives(service, name)]

    def _lives(self, service: bytes, owner: bytes) -> bool:
        return self._session.row(sql.LIVES, [service, owner]) is not None

    def _branches(self, query: NumberQuery) -> Sequence[Sequence[_Condition]]:
        """Return the parts that are each in order already.

        An owner's jobs lie in one order for each service, and again for each phase.
        """
        kinds: Sequence[bytes | None]
        kinds = [None if query.service is None else to_key(query.service)]
        if query.service is None and query.owner is not None:
            kinds = self._services()
        owner = None if query.owner is None else to_key(query.owner)
        phases: Sequence[Phase | None] = sorted(query.phases) or [None]
        branches: list[list[_Condition]] = []
        for kind, phase in list(product(kinds, phases))[:_MOST_BRANCHES]:
            values = (
                (sql.KIND, kind),
                (sql.OWNER, owner),
                (sql.PHASE, phase.value if phase else None),
            )
            asked = [(text, (one,)) for text, one in values if one is not None]
            branches.append(asked)
        return branches


def _numbered(row: Row) -> Numbered:
    return Numbered(number=row[0], job=_CODEC.decode(row[1]))


def _conditions(query: NumberQuery) -> list[_Condition]:
    asked: list[_Condition] = []
    if query.since is not None:
        asked.append((sql.SINCE, (query.since,)))
    if query.begin is not None:
        asked.append((sql.BEGIN, query.begin))
    if query.newer_than is not None:
        asked.append((sql.NEWER, query.newer_than))
    return asked
