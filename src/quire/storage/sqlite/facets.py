"""Counters of runs by field, value and access list, kept with each change."""

import apsw
import msgspec

from quire.storage.sqlite import run_sql as sql

Pairs = tuple[tuple[str, str], ...]
"""Sorted pairs of a field and one of its values."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Pairs).decode


class Facets:
    """The counters of one connection's database."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def move(self, was: tuple[bytes, int] | None, now: tuple[bytes, int]) -> None:
        """Count a run as it is now, no longer as it was.

        Parameters
        ----------
        was, now
            What `packed` made of its pairs, and the number of its access list.
        """
        before = set() if was is None else _counted(*was)
        after = _counted(*now)
        gone, new = before - after, after - before
        self._connection.executemany(sql.FACET_ADD, [(*one, -1) for one in gone])
        self._connection.executemany(sql.FACET_ADD, [(*one, 1) for one in new])
        self._connection.executemany(sql.FACET_EMPTY, list(gone))


def packed(pairs: Pairs) -> bytes:
    """Return pairs as a run's row keeps them."""
    return _encode(pairs)


def _counted(encoded: bytes, access: int) -> set[tuple[str, str, int]]:
    return {(field, value, access) for field, value in _decode(encoded)}
