"""The outbox: documents in the order in which they are to go out again.

A document takes its place when its run is known. One that waited for its run comes
right behind the document that told it, as *late*; so the order of each run is one that
its readers can follow, and no position ever passes a document unseen.
"""

from collections.abc import Collection
from typing import Protocol

import msgspec

from quire.documents.names import DocumentName
from quire.ports.document_records import StoredDocument


class Position(msgspec.Struct, frozen=True, kw_only=True):
    """How far an outlet has come; both parts only grow.

    Attributes
    ----------
    number
        Of the newest document that is done, by its place of arrival.
    late
        Of the newest late one that is done, by its place among the late ones, from 1.
    """

    number: int = 0
    late: int = 0


class Outgoing(msgspec.Struct, frozen=True, kw_only=True):
    """A document on its way out.

    Attributes
    ----------
    run
        The uid of its run; None for one that has arrived and waits for its run.
    late
        Whether it waited, and comes now because its run is known.
    position
        Of an outlet that is done with it and with all before it.
    """

    run: str | None
    document: StoredDocument
    late: bool = False
    position: Position = Position()


class Amount(msgspec.Struct, frozen=True, kw_only=True):
    """How much to read at a time: it ends with the document that fills either.

    Attributes
    ----------
    documents, size
        Number of documents, and bytes of them.
    bodies
        Whether `OutboxRecords.after` is to read the documents themselves, which else
        come without their bytes: for who asks which runs they are of.
    """

    documents: int = 1000
    size: int = 2**20
    bodies: bool = True


class OutboxRecords(Protocol):
    """The documents in the order of the outbox, and how far each outlet is."""

    def position(self, outlet: str) -> Position | None:
        """Return how far an outlet has come, None if it never began."""
        ...

    def move(self, outlet: str, position: Position) -> None:
        """Note how far an outlet has come."""
        ...

    def after(self, position: Position, amount: Amount) -> tuple[Outgoing, ...]:
        """Return what follows a position, in order; at least one if there is any."""
        ...

    def behind(self, position: Position, most: int) -> int:
        """Return how many documents follow a position; counts on to about `most`."""
        ...

    def of_run(
        self, run: str, after: int, names: Collection[DocumentName], amount: Amount
    ) -> tuple[StoredDocument, ...]:
        """Return a run's documents of these names with numbers above `after`."""
        ...
