"""What is kept of inlets: how far each has come, and what it set aside."""

from collections.abc import Sequence
from typing import Protocol

import msgspec


class InletPosition(msgspec.Struct, frozen=True, kw_only=True):
    """How far an inlet has come in one of its sources.

    Attributes
    ----------
    key
        Tells the sources of one inlet apart, such as the files of a folder.
    state
        What the inlet needs to go on there; nobody else reads it.
    """

    key: str
    state: bytes


class SetAside(msgspec.Struct, frozen=True, kw_only=True):
    """Something that came through an inlet and could not be stored as a document.

    Attributes
    ----------
    place
        Where it stood at its source: file and line, partition and offset.
    digest
        SHA-256 of all of it as lower-case hex; with the place it tells two apart.
    name, uid, field, reason
        As far as they could be read; see `quire.documents.document.Fault`.
    raw
        It, as it came; the beginning of it where it was too long to keep.
    at
        Unix seconds.
    """

    inlet: str
    place: str
    digest: str
    name: str = ""
    uid: str = ""
    field: str = ""
    reason: str
    raw: bytes
    at: float


class InletRecords(Protocol):
    """The records of inlets, by the inlet's name."""

    def positions(self, inlet: str) -> tuple[InletPosition, ...]:
        """Return how far an inlet has come, by key."""
        ...

    def move(self, inlet: str, positions: Sequence[InletPosition]) -> None:
        """Note positions, each in place of the former one of its key."""
        ...

    def set_aside(self, item: SetAside) -> None:
        """Keep an item; the same content from the same place is kept once."""
        ...

    def aside(self, inlet: str, after: int, limit: int) -> tuple[SetAside, ...]:
        """Return what was set aside, in order, but for the first `after`."""
        ...

    def aside_count(self, inlet: str) -> int:
        """Return how many items are set aside."""
        ...
