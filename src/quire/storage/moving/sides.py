"""What a store is moved from, and what it is moved to."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from quire.storage.moving.kinds import Kind, Row


class Source(Protocol):
    """A store that is read."""

    @property
    def name(self) -> str:
        """Where it is, without what opens it."""
        ...

    def rows(self, kind: Kind, after: Row | None = None) -> Iterator[Row]:
        """Return the rows behind a key, all for None, in the order of their keys.

        They are those of one moment; texts sort as `quire.storage.postgres.keys` has
        them: by their characters' numbers, but for what is very long and begins alike.
        """
        ...

    def lock(self) -> None:
        """Keep servers away until `close`.

        Raises
        ------
        StoreUnavailable
            One is there.
        """
        ...

    def close(self) -> None:
        """Let go of it."""
        ...


class Destination(Source, Protocol):
    """A store that is written; no server uses it meanwhile."""

    def begin(self, source: str) -> None:
        """Note what it becomes a copy of.

        Raises
        ------
        InputError
            It holds something else.
        """
        ...

    def change(self, kind: Kind, gone: Sequence[Row], rows: Sequence[Row]) -> None:
        """Remove the rows with these keys, then store rows; durable when it returns.

        Runs may be stored in several transactions, all else whole or not.
        """
        ...

    def complete(self) -> None:
        """Make what is derived from the rows."""
        ...

    def done(self) -> None:
        """Note that the copy is whole."""
        ...
