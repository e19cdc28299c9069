"""Counters of runs by field, value and access list, kept with each change."""

from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import apsw
import msgspec

from quire.storage.sqlite import run_sql as sql

Pairs = tuple[tuple[str, str], ...]
"""Sorted pairs of a field and one of its values."""

Counted = tuple[str, str, int]
"""A field, one of its values, and the number of an access list."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Pairs).decode


class Facets:
    """The counters of one connection's database.

    What many decisions of one commit change of a counter may be gathered, to be written
    once: runs that come together are mostly counted alike.
    """

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection
        self._gathers = False
        self._decided: Counter[Counted] = Counter()
        self._gathered: Counter[Counted] = Counter()

    def gather(self) -> None:
        """From now on wait for `write`."""
        self._gathers = True

    def move(self, was: tuple[bytes, int] | None, now: tuple[bytes, int]) -> None:
        """Count a run as it is now, no longer as it was.

        Parameters
        ----------
        was, now
            What `packed` made of its pairs, and the number of its access list.
        """
        after = _counted(*now)
        before = set[Counted]() if was is None else _counted(*was)
        for one in before - after:
            self._decided[one] -= 1
        for one in after - before:
            self._decided[one] += 1
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

    def _put(self, changes: Mapping[Counted, int]) -> None:
        changed = [(*one, by) for one, by in changes.items() if by]
        fewer = [one for one, by in changes.items() if by < 0]
        self._connection.executemany(sql.FACET_ADD, changed)
        self._connection.executemany(sql.FACET_EMPTY, fewer)


def packed(pairs: Pairs) -> bytes:
    """Return pairs as a run's row keeps them."""
    return _encode(pairs)


def _counted(encoded: bytes, access: int) -> set[Counted]:
    return {(field, value, access) for field, value in _decode(encoded)}
