"""The indexes of runs in SQLite, fed behind the commits."""

from collections.abc import Iterable, Sequence
from typing import Any

import apsw

from quire.ports.run_index import FieldIndex
from quire.runs.searchable import Describe, Searchable
from quire.storage.sqlite import run_sql as sql
from quire.storage.sqlite.changes import RUNS, Changes
from quire.storage.sqlite.runs import CODEC, SqliteRuns
from quire.storage.sqlite.terms import terms
from quire.storage.tree_bounds import has_several_numbers

# Each is written anew, and a document that comes meanwhile waits for all of them.
_MOST_DESCRIBED = 25
_ALL = 2**63 - 1


class SqliteRunIndex:
    """`quire.ports.run_index.RunIndex` on one connection."""

    def __init__(
        self,
        connection: apsw.Connection,
        runs: SqliteRuns,
        changes: Changes,
        describe: Describe,
    ) -> None:
        self._connection = connection
        self._runs = runs
        self._changes = changes
        self._describe = describe

    def feed(self, limit: int) -> int:
        """Index at most so many runs that have changed; return how many."""
        changed = self._feed_changed(limit)
        # Beside them: on a busy server there always are some.
        described = self._describe_outdated(min(limit - changed, _MOST_DESCRIBED))
        return changed + described or self._fill(limit)

    def _feed_changed(self, limit: int) -> int:
        fields = {path: number for number, path in self._fields()}
        rows = self._rows(sql.STALE, (limit,))
        found = [
            (
                number,
                access,
                self._runs.views.take(number, record)
                or self._describe(CODEC.decode(record)),
            )
            for number, access, record in rows
        ]
        numbers = [(number,) for number, *_ in found]
        self._connection.executemany(sql.TERM_REMOVE, numbers)
        self._connection.executemany(
            sql.TERM_PUT,
            [(number, terms(each, access)) for number, access, each in found],
        )
        if fields:
            self._connection.executemany(sql.FIELD_VALUES_REMOVE, numbers)
            self._connection.executemany(
                sql.FIELD_VALUE_PUT,
                [
                    row
                    for number, _, each in found
                    for row in _values(each, number, fields.items())
                ],
            )
        self._connection.executemany(sql.FRESH, numbers)
        return len(found)

    def _describe_outdated(self, limit: int) -> int:
        """Describe some runs anew, newest first; return how many."""
        marked = self._rows(sql.OUTDATED, (limit,))
        for (record,) in marked:
            self._runs.put(CODEC.decode(record))
        if marked:
            return len(marked)
        ((_, below),) = self._rows(sql.DESCRIBED, ()) or [("", None)]
        if below is None or not limit:
            return 0
        rows = self._rows(sql.BELOW, (below, limit))
        for _, record in rows:
            self._runs.describe_anew(CODEC.decode(record))
        last = rows[-1][0] if len(rows) == limit else None
        self._connection.execute(sql.DESCRIBED_DOWN_TO, (last,))
        return len(rows)

    def described_as(self, version: str) -> bool:
        """Have all runs described anew if what they are described by has changed."""
        rows = self._rows(sql.DESCRIBED, ())
        if [known for known, _ in rows] == [version]:
            return rows[0][1] is not None
        below = _ALL if rows else None
        self._connection.execute(sql.FORGET_DESCRIBED)
        self._connection.execute(sql.DESCRIBE_AS, (version, below))
        return below is not None

    def listed(self) -> tuple[FieldIndex, ...]:
        """Return the indexes that were added."""
        rows = self._rows(sql.FIELD_LISTED, ())
        return tuple(FieldIndex(path=path, ready=bool(ready)) for path, ready in rows)

    def add(self, path: str) -> None:
        """Index a field for ranges and patterns; fed from the next `feed` on."""
        if all(path != known for _, known in self._fields()):
            self._connection.execute(sql.FIELD_ADD, (path,))
            self._changes.touch(RUNS)  # wakes who feeds

    def remove(self, path: str) -> None:
        """Drop the index of a field."""
        for number, known in self._fields():
            if known == path:
                self._connection.execute(sql.FIELD_REMOVE, (number,))
                self._connection.execute(sql.FIELD_VALUES_DROP, (number,))

    def _fill(self, limit: int) -> int:
        """Give runs of old to an index that was added, newest first."""
        for field, path, below in self._rows(sql.FIELD_UNFILLED, ()):
            rows = self._rows(sql.BELOW, (below, limit))
            found = (
                (number, self._describe(CODEC.decode(one))) for number, one in rows
            )
            self._connection.executemany(
                sql.FIELD_VALUE_PUT,
                [
                    row
                    for number, each in found
                    for row in _values(each, number, [(path, field)])
                ],
            )
            last = rows[-1][0] if len(rows) == limit else None
            self._connection.execute(sql.FIELD_FILLED, (last, field))
            return max(len(rows), 1)  # 0 would say that no other field is left
        return 0

    def _fields(self) -> Sequence[tuple[int, str]]:
        return self._rows(sql.FIELD_ALL, ())

    def _rows(self, text: str, bindings: tuple[Any, ...]) -> list[Any]:
        return self._connection.execute(text, bindings).fetchall()


def _values(
    found: Searchable, number: int, fields: Iterable[tuple[str, int]]
) -> Iterable[tuple[int, object, int]]:
    for path, field in fields:
        values = found.leaves.get(path, ())
        for value in values:
            if not isinstance(value, bool):
                yield field, value, number
        if has_several_numbers(values):
            yield field, b"", number
