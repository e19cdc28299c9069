"""A store looked at from beneath its ports: whatever is there, damaged or not."""

from collections.abc import Iterator
from typing import NamedTuple, Protocol, TypeVar

from quire.ports.store import Decision

T = TypeVar("T")


class Block(NamedTuple):
    """Documents of one append, as stored (`quire.storage.blocks`).

    Attributes
    ----------
    run
        Their run; None for documents that waited for one to be told.
    """

    number: int
    run: str | None
    directory: bytes
    body: bytes


class Waiting(NamedTuple):
    """A document that waits for another to tell its run.

    Attributes
    ----------
    awaited
        The uid of that other document.
    number
        Of the document that waits.
    """

    awaited: str
    number: int


class Survey(Protocol):
    """A store that is read as it lies there; its server may go on meanwhile."""

    def runs(self) -> list[str]:
        """Return the uids of all runs that a record or a document tells of."""
        ...

    def blocks(self) -> Iterator[Block]:
        """Return all blocks of documents by their numbers."""
        ...

    def waiting(self) -> Iterator[Waiting]:
        """Return what waits, by number."""
        ...

    def records(self, table: str) -> Iterator[tuple[str, bytes]]:
        """Return ids and encoded records of ``job`` or ``product``."""
        ...

    def faults(self) -> tuple[list[str], str]:
        """Return what the database finds wrong with itself, and how it looked."""
        ...

    def ask(self, question: Decision[T]) -> T:
        """Answer a question on one consistent state."""
        ...

    def forget_views(self) -> None:
        """Clear all that searches use, so that it is made anew; no server is there.

        Raises
        ------
        StoreUnavailable
            A server is there.
        """
        ...

    def refuse_servers(self) -> None:
        """Do nothing if no server uses the store.

        Raises
        ------
        StoreUnavailable
            One does.
        """
        ...

    def close(self) -> None:
        """Let go of it."""
        ...
