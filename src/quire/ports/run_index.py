"""What makes searches fast, kept up to date behind the commits."""

from typing import Protocol

import msgspec


class FieldIndex(msgspec.Struct, frozen=True, kw_only=True):
    """An index that an operator asked for.

    Attributes
    ----------
    path
        Canonical path of the field, such as ``start.sample.name``.
    ready
        Whether all runs are in it, and so searches use it.
    """

    path: str
    ready: bool = True


class RunIndex(Protocol):
    """Indexes of runs; searches are right without them, only slower."""

    def feed(self, limit: int) -> int:
        """Index at most so many runs that have changed; return how many."""
        ...

    def described_as(self, version: str) -> bool:
        """Have all runs described anew if what they are described by has changed.

        Returns whether some are still found by what described them before.
        """
        ...

    def listed(self) -> tuple[FieldIndex, ...]:
        """Return the indexes that were added."""
        ...

    def add(self, path: str) -> None:
        """Index a field for ranges and patterns; fed from the next `feed` on."""
        ...

    def remove(self, path: str) -> None:
        """Drop the index of a field."""
        ...
