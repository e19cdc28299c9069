"""One stream's documents into a column view."""

from collections.abc import Collection, Iterable, Mapping
from typing import Any

from quire.documents.document import Document
from quire.documents.identity import bulk_rows
from quire.documents.names import DocumentName as Name
from quire.runs.columns.block import Block, Chunk
from quire.runs.columns.configuration import Configuration, configured
from quire.runs.columns.layout import ColumnView, laid_out
from quire.runs.columns.ordering import in_order

BLOCK_ROWS = 65_536
BLOCK_BYTES = 32 * 1024**2


class Gathering:
    """Takes the documents of a run, in any order, and keeps one stream's columns.

    Parameters
    ----------
    descriptors
        Stream name of each descriptor uid of the run.
    stream
        Name of the stream.
    """

    def __init__(self, descriptors: Mapping[str, str], stream: str) -> None:
        self._uids = {uid for uid, name in descriptors.items() if name == stream}
        self._numbers: dict[str, int] = {}
        self._descriptors: list[dict[str, Any]] = []
        self._block = Block()
        self._bytes = 0
        self._chunks: list[Chunk] = []

    def wants(self, name: Name, raw: bytes) -> bool:
        """Return whether a document may be the stream's, by a look at its bytes."""
        if name not in _TAKEN:
            return False
        # A string may be written with escapes, and then a look does not tell.
        return b"\\" in raw or any(uid.encode() in raw for uid in self._uids)

    def take(self, document: Document, repeated: Collection[int] = ()) -> None:
        """Take a document.

        Parameters
        ----------
        repeated
            Places of its rows that the run has already.
        """
        body = document.body
        match document.name:
            case Name.DESCRIPTOR if body["uid"] in self._uids:
                self._number(body["uid"])
                self._descriptors.append(body)
            case Name.EVENT if body["descriptor"] in self._uids and 0 not in repeated:
                self._block.add_event(body, self._number(body["descriptor"]))
            case Name.EVENT_PAGE if body["descriptor"] in self._uids:
                number = self._number(body["descriptor"])
                self._block.add_page(body, number, repeated)
            case Name.BULK_EVENTS:
                self._take_bulk(body, repeated)
        self._bytes += len(document.raw)
        if self._block.rows >= BLOCK_ROWS or self._bytes >= BLOCK_BYTES:
            self._finish_block()

    def view(self) -> ColumnView:
        """Return the column view of what was taken."""
        self._finish_block()
        configuration = configured(self._descriptors)
        flat = laid_out(self._chunks, configuration)
        renumbered = self._renumbering(configuration)
        return in_order(flat, configuration, renumbered)

    def _number(self, uid: str) -> int:
        return self._numbers.setdefault(uid, len(self._numbers))

    def _renumbering(self, configuration: Configuration) -> list[int]:
        """Return the place in the configuration of each descriptor by its number.

        The numbers were given by order of arrival, which shall not be seen.
        """
        places = {one["uid"]: at for at, one in enumerate(configuration.descriptors)}
        return [places.get(uid, -1) for uid in self._numbers]

    def _take_bulk(self, body: dict[str, Any], repeated: Collection[int]) -> None:
        for place, event in enumerate(bulk_rows(body)):
            if event["descriptor"] in self._uids and place not in repeated:
                self._block.add_event(event, self._number(event["descriptor"]))

    def _finish_block(self) -> None:
        if self._block.rows:
            self._chunks.append(self._block.chunk())
            self._block = Block()
        self._bytes = 0


_TAKEN = frozenset({Name.DESCRIPTOR, Name.EVENT, Name.EVENT_PAGE, Name.BULK_EVENTS})


def column_view(
    stream: str, documents: Iterable[tuple[Document, tuple[int, ...]]]
) -> ColumnView:
    """Return the column view of one stream of these documents.

    Parameters
    ----------
    documents
        A run's documents in any order, each with the places of repeated rows.
    """
    everything = list(documents)
    descriptors = {
        document.body["uid"]: document.body.get("name", "")
        for document, _ in everything
        if document.name is Name.DESCRIPTOR
    }
    gathering = Gathering(descriptors, stream)
    for document, repeated in everything:
        gathering.take(document, repeated)
    return gathering.view()
