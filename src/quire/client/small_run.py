"""A small run, read whole: its streams are made of its documents by whoever reads it.

One request gives what several a stream would, and the server, which has one process for
all, is spared the making of columns.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import jiter

from quire.documents.document import Document
from quire.documents.identity import bulk_rows, family, row_uids
from quire.documents.names import DocumentName
from quire.runs.columns.gathering import column_view
from quire.runs.columns.selection import Selection

MOST_EVENTS = 1_000
MOST_DOCUMENTS = 1_000
MOST_BYTES = 4 * 1024**2
_NAME_ENDS = b'",'
_EVENT = DocumentName.EVENT.value


class SmallStream:
    """`quire.ports.column_files.ColumnFile` in memory.

    Attributes
    ----------
    schema
        Arrow schema in the kept form.
    events
        How many rows it has, superseded ones among them.
    """

    def __init__(self, table: Any) -> None:
        self._table = table
        self.schema = table.schema
        self.events = int(table.num_rows)

    def read(self, selection: Selection) -> Iterator[Any]:
        """Yield the one table that there is."""
        yield self._table.select(selection.names(self.schema))


class SmallRun:
    """The documents of a run.

    Parameters
    ----------
    lines
        Each ``["name", document]``, in the order of their arrival.
    """

    def __init__(self, lines: Iterable[bytes]) -> None:
        self._documents = tuple(_without_repeats(map(_read, lines)))
        self._streams: dict[str, SmallStream] = {}

    def start(self, uid: Any) -> dict[str, Any] | None:
        """Return the start document of a uid as it was sent."""
        for one, _ in self._documents:
            if one.name is DocumentName.START and one.body["uid"] == uid:
                return one.body
        return None

    def stream(self, name: str) -> SmallStream:
        """Return the columns of a stream; without rows if it has none."""
        if name not in self._streams:
            table = column_view(name, self._documents).table
            self._streams[name] = SmallStream(table)
        return self._streams[name]


def is_small(record: Mapping[str, Any]) -> bool:
    """Return whether a run, as the server tells of it, is to be read whole."""
    events, documents = record["events"], record["documents"]
    return bool(events <= MOST_EVENTS and documents <= MOST_DOCUMENTS)


def _read(line: bytes) -> Document:
    # The server's own form: no escapes in a name, nothing between the tokens.
    name, _, rest = line.partition(_NAME_ENDS)
    raw = rest[: rest.rindex(b"]")]
    body = jiter.from_json(raw, allow_inf_nan=True)
    return Document(name=DocumentName(name[2:].decode()), body=body, raw=raw)


def _without_repeats(
    documents: Iterable[Document],
) -> Iterator[tuple[Document, tuple[int, ...]]]:
    """Yield documents with the places of the events that came before.

    A page with one new row is stored whole; a uid stands for its content.
    """
    seen: set[str] = set()
    for one in documents:
        if family(one.name) != _EVENT:
            yield one, ()
            continue
        there = []
        for place, uid in enumerate(_uids(one)):
            if uid in seen:
                there.append(place)
            seen.add(uid)
        yield one, tuple(there)


def _uids(document: Document) -> Iterable[str]:
    if document.name is DocumentName.BULK_EVENTS:
        return [event["uid"] for event in bulk_rows(document.body)]
    return row_uids(document)
