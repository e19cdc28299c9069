"""Documents in the store, exactly as received."""

from collections.abc import Iterator, Sequence
from typing import Protocol

import msgspec

from quire.documents.names import DocumentName


class Arrival(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A document on its way into the store.

    Attributes
    ----------
    keys
        Short hash (64-bit, signed) of the uid of each of its rows; one for a
        document that is no page. See `quire.documents.identity.row_keys`.
    repeated
        Places of the rows that the run has already; views leave them out.
    anchor
        The uid by which other documents refer to this one, empty if none can.
    waits_for
        The uid whose document tells which run this one belongs to, empty where the
        run is known. A resource of old data that names no run waits for its own uid.
    original
        What it was before it was upgraded, empty where it was not.
    """

    name: DocumentName
    raw: bytes
    keys: tuple[int, ...]
    repeated: tuple[int, ...] = ()
    anchor: str = ""
    waits_for: str = ""
    original: bytes = b""


class StoredDocument(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """A document in the store.

    Attributes
    ----------
    number
        Place in the order of arrival, over all runs; from 1, growing, with gaps.
    """

    number: int
    name: DocumentName
    raw: bytes
    keys: tuple[int, ...]
    repeated: tuple[int, ...] = ()
    original: bytes = b""


class DocumentRecords(Protocol):
    """The received documents."""

    def append(self, run: str | None, arrivals: Sequence[Arrival]) -> None:
        """Store documents behind all earlier ones.

        Parameters
        ----------
        run
            The uid of their run; None for documents that wait for another to tell.
        """
        ...

    def find(
        self, run: str | None, keys: Sequence[int]
    ) -> dict[int, tuple[StoredDocument, ...]]:
        """Return, for those keys that are known in the run, the documents with it."""
        ...

    def run_of(self, anchor: str) -> str | None:
        """Return the run of the document that others refer to by this uid.

        The first run with such a document, or that adopted what waits for it, keeps
        it.
        """
        ...

    def adopt(self, waits_for: str, run: str) -> tuple[StoredDocument, ...]:
        """Give the documents that wait for a uid to a run; return them.

        They keep their numbers. From now on the uid stands for that run, whether or
        not any waited, unless it stands for another.
        """
        ...

    def of_run(self, run: str, first: int = 0) -> Iterator[StoredDocument]:
        """Return a run's documents in the order of arrival.

        Parameters
        ----------
        first
            Number to begin at; those before it cost nothing.
        """
        ...
