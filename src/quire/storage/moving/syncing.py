"""Making one store's rows those of another."""

import hashlib
from collections.abc import Callable, Iterator

import msgspec

from quire.storage.moving.kinds import LAST, Kind, Row, size_of
from quire.storage.moving.sides import Destination, Source

_MOST_ROWS = 5_000
_MOST_BYTES = 16 * 2**20
_encode = msgspec.msgpack.Encoder().encode

Copied = Callable[[int], None]
"""Told of how many rows were compared or copied since it was told last."""


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """What comparing a kind has found.

    Attributes
    ----------
    rows
        How many the source has.
    changed
        How many rows of the destination were made, remade or removed for it.
    digest
        SHA-256 of the source's rows in order (MessagePack), as hex.
    """

    kind: str
    rows: int
    changed: int
    digest: str


def follow(kind: Kind, source: Source, destination: Destination, told: Copied) -> int:
    """Copy what is new of a kind; return how many rows were changed.

    Of what only grows nothing is read that was copied before.
    """
    if not kind.grows:
        return compare(kind, source, destination, told).changed
    last = _last(kind, destination)
    batch = _Batch(kind, destination, told)
    for row in source.rows(kind, last):
        batch.add(row)
    batch.flush()
    return batch.changed


def compare(
    kind: Kind, source: Source, destination: Destination, told: Copied
) -> Compared:
    """Compare all rows of a kind, and mend what differs."""
    batch = _Batch(kind, destination, told)
    digest = hashlib.sha256()
    rows = 0
    theirs = destination.rows(kind)
    held = next(theirs, None)
    for row in source.rows(kind):
        rows += 1
        encoded = _encode(row)
        digest.update(encoded)
        place = kind.place(row)
        while held is not None and kind.place(held) < place:
            batch.remove(held)
            held = next(theirs, None)
        if held is None or kind.place(held) != place:
            batch.add(row)
            continue
        if _encode(held) == encoded:
            batch.pass_over()
        else:
            batch.remove(held)
            batch.add(row)
        held = next(theirs, None)
    while held is not None:
        batch.remove(held)
        held = next(theirs, None)
    batch.flush()
    return Compared(
        kind=kind.name, rows=rows, changed=batch.changed, digest=digest.hexdigest()
    )


class _Batch:
    """Rows on their way."""

    def __init__(self, kind: Kind, destination: Destination, told: Copied) -> None:
        self.changed = 0
        self._kind = kind
        self._destination = destination
        self._told = told
        self._gone: list[Row] = []
        self._rows: list[Row] = []
        self._size = 0
        self._seen = 0

    def remove(self, row: Row) -> None:
        self._gone.append(self._kind.key(row))
        if len(self._gone) >= _MOST_ROWS:
            self.flush()

    def add(self, row: Row) -> None:
        self._rows.append(row)
        self._size += size_of((row,))
        self._seen += 1
        if len(self._rows) >= _MOST_ROWS or self._size >= _MOST_BYTES:
            self.flush()

    def pass_over(self) -> None:
        self._seen += 1
        if self._seen >= _MOST_ROWS:
            self._tell()

    def flush(self) -> None:
        if self._gone or self._rows:
            self._destination.change(self._kind, self._gone, self._rows)
            self.changed += len({*self._gone, *map(self._kind.key, self._rows)})
            self._gone, self._rows, self._size = [], [], 0
        self._tell()

    def _tell(self) -> None:
        if self._seen:
            self._told(self._seen)
            self._seen = 0


def _last(kind: Kind, destination: Destination) -> Row | None:
    rows: Iterator[Row] = destination.rows(kind, LAST)
    found = next(rows, None)
    return None if found is None else kind.key(found)
