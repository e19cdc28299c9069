"""The indexes of runs in PostgreSQL.

The inverted index and the columns are written with each change. What is left to be
done behind the commits: merging what the inverted index has put off, folding the
counters, filling in indexes that were added, and describing all runs anew.
"""

from typing import Any

from quire.ports.run_index import FieldIndex
from quire.runs.searchable import Describe
from quire.storage.postgres import run_sql as sql
from quire.storage.postgres.changes import RUNS
from quire.storage.postgres.facets import Facets
from quire.storage.postgres.field_values import FieldValues
from quire.storage.postgres.run_looks import CODEC
from quire.storage.postgres.runs import PostgresRuns
from quire.storage.postgres.session import Session

_CHANGES = 10
"""Changes of counters that take as long as one run."""
_MOST_DESCRIBED = 200
_ALL = 2**63 - 1


class PostgresRunIndex:
    """`quire.ports.run_index.RunIndex` in one session."""

    def __init__(
        self, session: Session, runs: PostgresRuns, describe: Describe
    ) -> None:
        self._session = session
        self._runs = runs
        self._describe = describe
        self._facets = Facets(session)
        self._fields = FieldValues(session)

    def feed(self, limit: int) -> int:
        """Index at most so many runs that have changed; return how many."""
        self._session.lock("run_index", "feed")
        described = self._describe_outdated(min(limit, _MOST_DESCRIBED))
        if described:
            return described
        folded = self._facets.fold(limit * _CHANGES)
        if 0 < folded < limit * _CHANGES:
            self._session.run(sql.MERGE_TERMS)
        return -(-folded // _CHANGES) or self._fill(limit)

    def described_as(self, version: str) -> bool:
        """Have all runs described anew if what they are described by has changed."""
        row = self._session.row(sql.DESCRIBED)
        if row is not None and row[0] == version:
            return row[1] is not None
        self._session.lock("run_index", "feed")
        any_run = self._session.row(sql.ANY_RUN) is not None
        below = _ALL if row is not None and any_run else None
        self._session.run(sql.DESCRIBE_AS, (version, below))
        return below is not None

    def listed(self) -> tuple[FieldIndex, ...]:
        """Return the indexes that were added."""
        rows = self._session.rows(sql.FIELD_LISTED)
        return tuple(FieldIndex(path=path, ready=bool(ready)) for path, ready in rows)

    def add(self, path: str) -> None:
        """Index a field for ranges and patterns; fed from the next `feed` on."""
        self._fields.hold()
        self._session.run(sql.FIELD_ADD, (path,))
        self._session.changes.touch(RUNS)  # wakes who feeds

    def remove(self, path: str) -> None:
        """Drop the index of a field."""
        self._fields.hold()
        for row in self._session.rows(sql.FIELD_REMOVE, (path,)):
            self._session.run(sql.FIELD_VALUES_DROP, row)

    def _describe_outdated(self, limit: int) -> int:
        row = self._session.row(sql.DESCRIBED)
        if row is None or row[1] is None:
            return 0
        found = self._session.rows(sql.BELOW, (row[1], limit))
        self._runs.describe_anew([CODEC.decode(one).uid for _, one in found])
        self._session.run(sql.DESCRIBED_DOWN_TO, (_last(found, limit),))
        return len(found)

    def _fill(self, limit: int) -> int:
        """Give runs of old to an index that was added, newest first."""
        for field, path, below in self._session.rows(sql.FIELD_UNFILLED):
            found = self._session.rows(sql.BELOW, (below, min(limit, _MOST_DESCRIBED)))
            uids = [CODEC.decode(one).uid for _, one in found]
            self._session.lock("run", *uids)
            numbers = [number for number, _ in found]
            runs = self._session.rows(sql.BY_IDS, (numbers,))
            self._fields.put(
                ((field, path),),
                {number: self._describe(CODEC.decode(one)) for number, one in runs},
            )
            last = _last(found, min(limit, _MOST_DESCRIBED))
            self._session.run(sql.FIELD_FILLED, (last, field))
            return max(len(found), 1)
        return 0


def _last(found: list[Any], limit: int) -> int | None:
    """Return below which there may be more, None if there is no more."""
    return found[-1][0] if len(found) == limit else None
