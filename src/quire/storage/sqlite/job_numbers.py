"""The numbers of jobs in SQLite."""

from collections.abc import Sequence
from itertools import product
from typing import Any

import apsw

from quire.jobs.job import Job
from quire.jobs.phases import Phase
from quire.ports.job_numbers import Numbered, NumberQuery
from quire.storage.codec import Codec
from quire.storage.sqlite import job_number_sql as sql
from quire.storage.sqlite.recent_jobs import RecentJobs
from quire.storage.sqlite.uids import to_column

_CODEC = Codec(Job)
_LARGEST = 2**63 - 1
# SQLite merges at most 500 branches in one statement.
_MOST_BRANCHES = 400


class SqliteJobNumbers:
    """`quire.ports.job_numbers.JobNumbers` on one connection."""

    def __init__(
        self, connection: apsw.Connection, recent: RecentJobs | None = None
    ) -> None:
        self._connection = connection
        self._recent = recent or RecentJobs()

    def allocate(self, job: str) -> int:
        """Give a number to a job that was put in this transaction."""
        row = next(self._connection.execute(sql.ALLOCATE, (to_column(job),)))
        number = int(row[0])
        self._recent.number(number, job)
        return number

    def find(self, number: int) -> Numbered | None:
        """Return the job of a number, whatever integer is asked for."""
        if not 0 < number <= _LARGEST:
            return None
        known = self._recent.numbered(number)
        if known is not None and known.phase is not Phase.ARCHIVED:
            return Numbered(number=number, job=known)
        row = self._connection.execute(sql.FIND, (number,)).fetchone()
        return None if row is None else _numbered(row)

    def page(self, query: NumberQuery) -> tuple[Numbered, ...]:
        """Return matching jobs in the order asked for."""
        branches, bindings = self._branches(query)
        if not branches:
            return ()
        conditions, more = _conditions(query)
        text = sql.page(branches, conditions, oldest_first=query.oldest_first)
        return tuple(map(_numbered, self._connection.execute(text, bindings | more)))

    def services(self) -> tuple[str, ...]:
        """Return the kinds of the jobs that have numbers, sorted."""
        kinds = [row[0] for row in self._connection.execute(sql.SERVICES)]
        return tuple(kind for kind in kinds if self._owners(kind))

    def owners(self, service: str | None = None) -> tuple[str, ...]:
        """Return the owners of the jobs that have numbers, sorted."""
        services = self.services() if service is None else (service,)
        return tuple(sorted({name for one in services for name in self._owners(one)}))

    def _owners(self, service: str) -> list[str]:
        rows = self._connection.execute(sql.OWNERS, {"service": service})
        return [name for (name,) in rows if self._lives(service, name)]

    def _lives(self, service: str, owner: str) -> bool:
        rows = self._connection.execute(sql.LIVES, (service, owner))
        return rows.fetchone() is not None

    def _branches(
        self, query: NumberQuery
    ) -> tuple[Sequence[Sequence[str]], dict[str, Any]]:
        """Return the parts that are each in order already, and what is bound in them.

        An owner's jobs lie in one order for each service, and again for each phase.
        """
        kinds: Sequence[str | None] = [query.service]
        if query.service is None and query.owner is not None:
            kinds = self.services()
        phases: Sequence[Phase | None] = sorted(query.phases) or [None]
        chosen = list(product(kinds, phases))[:_MOST_BRANCHES]
        branches: list[list[str]] = []
        bindings: dict[str, Any] = {}
        for place, (kind, phase) in enumerate(chosen):
            values = (
                (sql.kind, "kind", kind),
                (sql.owner, "owner", query.owner),
                (sql.phase, "phase", phase.value if phase else None),
            )
            asked = [one for one in values if one[2] is not None]
            branches.append([condition(place) for condition, _, _ in asked])
            bindings |= {f"{name}{place}": value for _, name, value in asked}
        return branches, bindings


def _numbered(row: Sequence[Any]) -> Numbered:
    return Numbered(number=row[0], job=_CODEC.decode(row[1]))


def _conditions(query: NumberQuery) -> tuple[list[str], dict[str, Any]]:
    conditions: list[str] = []
    bindings: dict[str, Any] = {"limit": max(query.limit, 0), "skip": query.skip}
    if query.since is not None:
        conditions.append(sql.SINCE)
        bindings["since"] = query.since
    if query.begin is not None:
        conditions.append(sql.BEGIN)
        bindings["begin_created"], bindings["begin_number"] = query.begin
    if query.newer_than is not None:
        conditions.append(sql.NEWER)
        bindings["newer_created"], bindings["newer_number"] = query.newer_than
    return conditions, bindings
