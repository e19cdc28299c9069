"""One connection in one transaction, as the records use it."""

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, LiteralString

import psycopg

from quire.storage.postgres import sql
from quire.storage.postgres.changes import Changes
from quire.storage.postgres.keys import LONGEST, to_key
from quire.storage.postgres.uids import to_column, to_text

Row = tuple[Any, ...]
_Connection = psycopg.Connection[Row]
Lock = tuple[int, bool]
"""Number of an advisory lock, and whether it is shared."""
Mark = tuple[frozenset[Lock], dict[str, Callable[[], None]], dict[str, int]]
"""What a session knew at a savepoint."""


# Of 6,400 that a server has by its defaults, for all connections together.
_MOST_OF_A_KIND = 1500
_LONG_PUT = (
    "INSERT INTO long_key (key, text) VALUES (%s, %s) ON CONFLICT (key) DO NOTHING"
)
_LONG_GET = "SELECT text FROM long_key WHERE key = %s"
_LOCK = (
    "SELECT CASE WHEN shared THEN pg_advisory_xact_lock_shared(number)"
    " ELSE pg_advisory_xact_lock(number) END"
    " FROM unnest(%s::bigint[], %s::boolean[]) AS wanted (number, shared)"
)

_CALLS = {
    True: "pg_advisory_xact_lock_shared(%d)",
    False: "pg_advisory_xact_lock(%d)",
}
# A text is planned each time, so a long one is not worth a round trip.
_FEW = 16


class Session:
    """What every class of records in PostgreSQL stands on.

    Two decisions that could disagree must not run side by side. What a decision
    looks up by key it therefore locks first, there or not (`lock`): nobody else
    decides on that key until the commit, and what is read afterwards is what the
    last who had it committed (READ COMMITTED). In a view no lock is taken.

    A page that is read in order to change what it shows is read again once the keys
    of what it shows are locked: another server may have changed it meanwhile.

    Parameters
    ----------
    deciding
        Whether it may write; False in a view.

    Attributes
    ----------
    wanted
        The locks that were asked for since the transaction began.
    epoch
        Changes whenever locks are gone: what was read before may be out of date.
    """

    def __init__(
        self, connection: _Connection, changes: Changes, *, deciding: bool
    ) -> None:
        self.changes = changes
        self.deciding = deciding
        self.wanted: set[Lock] = set()
        self.epoch = 0
        self._connection = connection
        self._to_begin = False
        self._locked: set[Lock] = set()
        self._counted: dict[str, int] = {}
        self._at_end: dict[str, Callable[[], None]] = {}

    @property
    def connection(self) -> _Connection:
        """The connection, in the transaction that was asked for."""
        if self._to_begin:
            self._to_begin = False
            self._connection.execute(sql.BEGIN, prepare=False)
        return self._connection

    @property
    def begun(self) -> bool:
        """Whether a transaction that was asked for has had a statement."""
        return not self._to_begin

    def begin(self) -> None:
        """Have a transaction begin right before its first statement.

        That is a lock, nearly always: both go in one round trip.
        """
        self._to_begin = True

    def rows(
        self, text: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
    ) -> list[Row]:
        """Return all rows of a query."""
        return self.connection.execute(text.encode(), parameters).fetchall()

    def row(
        self, text: str, parameters: Sequence[Any] | Mapping[str, Any] = ()
    ) -> Row | None:
        """Return the first row of a query, None if it has none."""
        return self.connection.execute(text.encode(), parameters).fetchone()

    def run(self, text: str, parameters: Sequence[Any] = ()) -> int:
        """Run a statement; return how many rows it touched."""
        return self.connection.execute(text.encode(), parameters).rowcount

    def copy(self, into: LiteralString, rows: Iterable[Sequence[Any]]) -> None:
        """Write many rows at once.

        Parameters
        ----------
        into
            The table with its columns, such as ``"progress (operation, number)"``.
        """
        with (
            self.connection.cursor() as cursor,
            cursor.copy(f"COPY {into} FROM STDIN".encode()) as target,
        ):
            for row in rows:
                target.write_row(row)

    def key(self, text: str) -> bytes:
        """Return what stands for a text in a row to be written, for `text` to know."""
        key = to_key(text)
        if len(key) > LONGEST:
            self.run(_LONG_PUT, (key, to_column(text)))
        return key

    def text(self, key: bytes) -> str:
        """Return the text that a key stands for."""
        row = self.row(_LONG_GET, [key]) if len(key) > LONGEST else None
        return to_text(key if row is None else row[0])

    def lock(self, kind: str, *keys: str) -> None:
        """Let nobody else decide on these keys until the commit.

        Who locks very many keys of a kind locks all of it: the table of PostgreSQL's
        locks is of a fixed size.

        Parameters
        ----------
        kind
            What the keys name, such as ``"run"``: equal keys of two kinds differ.
        """
        self.lock_all({kind: keys})

    def lock_all(self, keys: Mapping[str, Iterable[str]]) -> None:
        """Do what `lock` does for keys of several kinds, in one round trip."""
        if not self.deciding:
            return
        wanted: set[Lock] = set()
        for kind, of_kind in keys.items():
            wanted |= self._needed(kind, of_kind)
        self.take(wanted)

    def _needed(self, kind: str, keys: Iterable[str]) -> set[Lock]:
        whole, counted = number_of(kind, None), self._counted.get(kind, 0)
        if (whole, False) in self._locked:
            return set()
        wanted = {(number_of(kind, key), False) for key in keys} - self._locked
        if counted + len(wanted) > _MOST_OF_A_KIND:
            return {(whole, False)}
        self._counted[kind] = counted + len(wanted)
        return {(whole, True)} | wanted if wanted else wanted

    def take(self, locks: Iterable[Lock]) -> None:
        """Take locks that `lock` or an earlier transaction has found to be needed."""
        wanted = set(locks) - self._locked
        if not wanted:
            return
        # Before: a lock that is waited for in vain is one that is needed.
        self.wanted |= wanted
        # In one order, so that fewer decisions meet head on.
        ordered = sorted(wanted)
        if self._to_begin and len(ordered) <= _FEW:
            self._to_begin = False
            self._connection.execute(_begin_and_lock(ordered), prepare=False)
        else:
            numbers, shared = zip(*ordered, strict=True)
            self.run(_LOCK, [list(numbers), list(shared)])
        self._locked |= wanted

    def at_end(self, name: str, work: Callable[[], None]) -> None:
        """Have work done right before the commit, once for each name.

        For locks that all writers share: they are held for the commit alone.
        """
        self._at_end[name] = work

    def finish(self) -> None:
        """Do the work that was put off until the commit; the writer calls it."""
        work, self._at_end = self._at_end, {}
        for one in work.values():
            one()

    def mark(self) -> Mark:
        """Return what a savepoint is to come back to."""
        return frozenset(self._locked), dict(self._at_end), dict(self._counted)

    def back_to(self, mark: Mark) -> None:
        """Take note that locks taken since a savepoint are gone with it."""
        locked, at_end, counted = mark
        self._locked, self._at_end = set(locked), dict(at_end)
        self._counted = dict(counted)
        self.epoch += 1

    def ended(self) -> None:
        """Take note that the transaction is over, and its locks with it."""
        self._locked.clear()
        self._counted.clear()
        self._at_end.clear()
        self.wanted = set()
        self.epoch += 1
        self._to_begin = False


def _begin_and_lock(locks: Sequence[Lock]) -> bytes:
    """Return both as one text of statements, which can have no parameters."""
    calls = (_CALLS[shared] % number for number, shared in locks)
    return f"{sql.BEGIN}; SELECT {', '.join(calls)}".encode()


def number_of(kind: str, key: str | None) -> int:
    """Return the number of the lock on a key, or on a kind where the key is None."""
    told = kind if key is None else f"{kind}\0{key}"
    digest = hashlib.blake2b(told.encode("utf-8", "surrogatepass"), digest_size=8)
    return int.from_bytes(digest.digest(), "big", signed=True)
