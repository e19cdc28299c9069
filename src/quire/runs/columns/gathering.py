"""One stream's documents into a column view."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

from quire.documents.document import Document
from quire.documents.identity import bulk_rows
from quire.documents.names import DocumentName as Name
from quire.runs.columns.block import Block, Chunk
from quire.runs.columns.configuration import Configuration, configured
from quire.runs.columns.layout import ColumnView, laid_out
from quire.runs.columns.ordering import in_order
from quire.runs.columns.stretch import Mark, Stretch

BLOCK_ROWS = 32_768
BLOCK_BYTES = 16 * 1024**2


class Gathering:
    """Takes the documents of a run, in any order, and keeps one stream's columns.

    Parameters
    ----------
    descriptors
        Stream name of each descriptor uid of the run.
    stream
        Name of the stream.
    behind
        Stretches that were made before, in their order; it goes on at their end.
    block_rows
        Of how many rows a chunk is made.
    """

    def __init__(
        self,
        descriptors: Mapping[str, str],
        stream: str,
        *,
        behind: Sequence[Stretch] = (),
        block_rows: int = BLOCK_ROWS,
    ) -> None:
        self._uids = {uid for uid, name in descriptors.items() if name == stream}
        self._block_rows = block_rows
        self._block = Block()
        self._bytes = 0
        self._chunks: list[Chunk] = [one.chunk for one in behind]
        numbers = behind[-1].numbers if behind else ()
        self._numbers = {uid: number for number, uid in enumerate(numbers)}
        self._descriptors = list(behind[-1].descriptors if behind else ())
        self._in_stretches = len(behind)

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
        if self._block.rows >= self._block_rows or self._bytes >= BLOCK_BYTES:
            self._finish_block()

    def stretch(self, begin: Mark, end: Mark) -> Stretch | None:
        """Return the chunk that what was taken last completed, if it did.

        Parameters
        ----------
        begin, end
            Of the documents that were taken, wanted or not, since the last chunk.
        """
        if len(self._chunks) == self._in_stretches:
            return None
        return self._stretch(begin, end)

    def rest(self, begin: Mark, end: Mark) -> Stretch:
        """Return what was taken since the last chunk, perhaps nothing, as a stretch.

        Parameters
        ----------
        begin, end
            As for `stretch`.
        """
        self._finish_block()
        if len(self._chunks) == self._in_stretches:
            self._chunks.append(Block().chunk())
        return self._stretch(begin, end)

    def _stretch(self, begin: Mark, end: Mark) -> Stretch:
        self._in_stretches += 1
        return Stretch(
            begin=begin,
            end=end,
            chunk=self._chunks[-1],
            numbers=tuple(self._numbers),
            descriptors=configured(self._descriptors).descriptors,
        )

    @property
    def rows(self) -> int:
        """How many rows were taken since the last chunk."""
        return self._block.rows

    @property
    def rows_in_chunk(self) -> int:
        """How many rows make a chunk if they go on as large as the last ones."""
        if self._block.rows:
            fit = self._block.rows * BLOCK_BYTES // max(self._bytes, 1)
            return min(fit + 1, self._block_rows)
        return self._chunks[-1].rows if self._chunks else self._block_rows

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
