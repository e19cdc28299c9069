"""The order in which a run's documents are given out again.

The only written rule is event-model's issue 98: every reference is preceded by its
target, and the stop comes last.
"""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from quire.documents.document import Document
from quire.documents.identity import bulk_rows
from quire.documents.names import DocumentName
from quire.documents.references import anchor

_EVENTS = (DocumentName.EVENT, DocumentName.EVENT_PAGE, DocumentName.BULK_EVENTS)
_DATUM_IDS = {
    DocumentName.DATUM: "datum_id",
    DocumentName.DATUM_PAGE: "datum_id",
    DocumentName.BULK_DATUM: "datum_ids",
}


def replay_order(documents: Sequence[Document]) -> list[int]:
    """Return the places of the documents in replay order.

    The start comes first and stops last. A document that came before one that it
    refers to has that one moved to just before it; all else stays as received.

    Parameters
    ----------
    documents
        Whole, or sketches of them (`quire.documents.sketch`).
    """
    first, middle, last = _by_place(documents)
    references = References(documents)
    ordered = array("q", first)
    placed = bytearray(len(documents))
    for place in first:
        placed[place] = 1
    for place in middle:
        waiting = [place]
        # References go at most three deep: event, datum, resource.
        while waiting:
            at = waiting[-1]
            needed = () if placed[at] else references.of(at)
            missing = [one for one in needed if not placed[one]]
            if missing:
                waiting.extend(reversed(missing))
                continue
            if not placed[at]:
                placed[at] = 1
                ordered.append(at)
            waiting.pop()
    ordered.extend(last)
    return ordered.tolist()


class References:
    """Which of a run's documents refers to which.

    Parameters
    ----------
    documents
        All documents of a run, in any order.
    """

    def __init__(self, documents: Sequence[Document]) -> None:
        self._documents = documents
        self._anchors: dict[str, int] = {}
        self._datums: dict[str, int] = {}
        for place, document in enumerate(documents):
            if uid := anchor(document):
                self._anchors.setdefault(uid, place)
            for datum_id in _datum_ids(document):
                self._datums.setdefault(datum_id, place)

    def of(self, place: int) -> list[int]:
        """Return the places of the documents that the one at `place` refers to."""
        document = self._documents[place]
        found = [
            self._anchors[uid]
            for uid in _named_anchors(document)
            if uid in self._anchors
        ]
        if document.name in _EVENTS and self._datums:
            found.extend(self._datums_of(document))
        return [one for one in dict.fromkeys(found) if one != place]

    def _datums_of(self, document: Document) -> Iterator[int]:
        for descriptor, data in _data(document):
            external = self._external(descriptor)
            for key, value in data.items():
                if external is None or key in external:
                    named = value if isinstance(value, list) else [value]
                    yield from self._known_datums(named)

    def _known_datums(self, named: Iterable[Any]) -> Iterator[int]:
        for one in named:
            if isinstance(one, str) and one in self._datums:
                yield self._datums[one]

    def _external(self, descriptor: str) -> set[str] | None:
        """Return the keys that hold datum_ids, None if that cannot be known."""
        place = self._anchors.get(descriptor)
        if place is None:
            return None
        data_keys = self._documents[place].body.get("data_keys", {})
        return {key for key, data_key in data_keys.items() if "external" in data_key}


def _by_place(
    documents: Sequence[Document],
) -> tuple[Sequence[int], Sequence[int], Sequence[int]]:
    first, middle, last = array("q"), array("q"), array("q")
    for place, document in enumerate(documents):
        match document.name:
            case DocumentName.START:
                first.append(place)
            case DocumentName.STOP:
                last.append(place)
            case _:
                middle.append(place)
    return first, middle, last


def _datum_ids(document: Document) -> Iterable[str]:
    key = _DATUM_IDS.get(document.name)
    if key is None:
        return ()
    found = document.body[key]
    return found if isinstance(found, list) else (found,)


def _named_anchors(document: Document) -> list[str]:
    body = document.body
    match document.name:
        case DocumentName.EVENT | DocumentName.EVENT_PAGE:
            return [body["descriptor"]]
        case DocumentName.STREAM_DATUM:
            return [body["descriptor"], body["stream_resource"]]
        case DocumentName.DATUM | DocumentName.DATUM_PAGE | DocumentName.BULK_DATUM:
            return [body["resource"]]
        case DocumentName.BULK_EVENTS:
            return [event["descriptor"] for event in bulk_rows(body)]
    return []


def _data(document: Document) -> Iterator[tuple[str, Mapping[str, Any]]]:
    if document.name is DocumentName.BULK_EVENTS:
        for event in bulk_rows(document.body):
            yield event["descriptor"], event["data"]
    else:
        yield document.body["descriptor"], document.body["data"]
