"""Documents in the store, exactly as received."""

from collections.abc import Iterator, Sequence
from typing import Any, Protocol, overload

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


class EventArrivals(Sequence[Arrival]):
    """Events on their way into the store that stand in one text.

    Stores may take them as what they are, many single arrivals, or all at once.

    Parameters
    ----------
    text
        As it was received.
    begins, ends
        Where in it each event begins and ends, in order: arrays of integers.
    keys
        The key of each.
    """

    name = DocumentName.EVENT

    def __init__(
        self, text: bytes, begins: Any, ends: Any, keys: tuple[int, ...]
    ) -> None:
        self.text = text
        self.begins = begins
        self.ends = ends
        self.keys = keys

    @overload
    def __getitem__(self, place: int) -> Arrival: ...
    @overload
    def __getitem__(self, place: slice) -> "EventArrivals": ...
    def __getitem__(self, place: int | slice) -> "Arrival | EventArrivals":
        """Return one, or some."""
        begin, end, keys = self.begins[place], self.ends[place], self.keys[place]
        if isinstance(keys, tuple):
            return EventArrivals(self.text, begin, end, keys)
        return Arrival(name=self.name, raw=self.text[begin:end], keys=(keys,))

    def __iter__(self) -> Iterator[Arrival]:
        """Yield each by itself."""
        spans = zip(self.begins.tolist(), self.ends.tolist(), self.keys, strict=True)
        for begin, end, key in spans:
            yield Arrival(name=self.name, raw=self.text[begin:end], keys=(key,))

    def __len__(self) -> int:
        """How many they are."""
        return len(self.keys)


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
        arrivals
            Any, or `EventArrivals`, which can be stored all at once.
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
