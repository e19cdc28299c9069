"""Counters of runs by field, value and access list, kept with each change."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import apsw
import msgspec

from quire.storage.sqlite import run_sql as sql

Pairs = tuple[tuple[str, str], ...]
"""Sorted pairs of a field and one of its values."""

Counted = tuple[bytes, int]
"""What `packed` made of a run's pairs, and the number of its access list."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Pairs).decode


class Facets:
    """The counters of one connection's database.

    What many decisions of one commit change of a counter may be gathered, to be written
    once: runs that come together are mostly counted alike. What is gathered is how many
    runs more, or fewer, there are of each kind, all of whose pairs are the same.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._gathers = False
        self._decided: Counter[Counted] = Counter()
        self._gathered: Counter[Counted] = Counter()

    def gather(self) -> None:
        """From now on wait for `write`."""
        self._gathers = True

    def move(self, was: Counted | None, now: Counted) -> None:
        """Count a run as it is now, no longer as it was."""
        self._decided[now] += 1
        if was is not None:
            self._decided[was] -= 1
        if not self._gathers:
            self.write()

    def keep(self) -> None:
        """Take it that the decision stays."""
        if self._decided:
            self._gathered.update(self._decided)
            self._decided.clear()

    def undo(self) -> None:
        """Drop what the decision changed."""
        self._decided.clear()

    def abandon(self) -> None:
        """Drop what all decisions of the commit changed."""
        self._decided.clear()
        self._gathered.clear()

    def write(self) -> None:
        """Write what was gathered, that of the decision under way included."""
        self.keep()
        if self._gathered:
            self._put(self._gathered)
            self._gathered.clear()

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Have what is gathered stand in the table, for as long as this lasts."""
        changes = Counter(self._gathered)
        changes.update(self._decided)
        if not changes:
            yield
            return
        # Undone again: what other decisions gathered must not go with this one's.
        self._connection.execute(sql.COUNTING)
        try:
            self._put(changes)
            yield
        finally:
            self._connection.execute(sql.NOT_COUNTED)
            self._connection.execute(sql.COUNTED)

    def _put(self, moved: Mapping[Counted, int]) -> None:
        changes = Counter[tuple[str, str, int]]()
        for (pairs, access), by in moved.items():
            for field, value in set(_decode(pairs)):
                changes[field, value, access] += by
        changed = [(*one, by) for one, by in changes.items() if by]
        fewer = [one for one, by in changes.items() if by < 0]
        self._connection.executemany(sql.FACET_ADD, changed)
        self._connection.executemany(sql.FACET_EMPTY, fewer)


def packed(pairs: Pairs) -> bytes:
    """Return pairs as a run's row keeps them."""
    return _encode(pairs)
