"""What documents say of each other."""

from quire.documents.document import Document
from quire.documents.identity import bulk_rows, row_uids
from quire.documents.names import DocumentName

_ANCHORS = frozenset(
    {DocumentName.DESCRIPTOR, DocumentName.RESOURCE, DocumentName.STREAM_RESOURCE}
)
DATUMS = frozenset(
    {DocumentName.DATUM, DocumentName.DATUM_PAGE, DocumentName.BULK_DATUM}
)


def anchor(document: Document) -> str:
    """Return the uid by which documents of its run refer to it; else empty."""
    return document.body["uid"] if document.name in _ANCHORS else ""


def run_of(document: Document) -> str | None:
    """Return the uid of its run, if the document itself names it.

    A resource of old data names none; an empty name (the schema's default) is none.
    """
    if document.name is DocumentName.START:
        return str(document.body["uid"])
    if document.name is DocumentName.STOP or document.name in _ANCHORS:
        return document.body.get("run_start") or None
    return None


def parents(document: Document) -> tuple[str, ...]:
    """Return the uids, one at most, that tell its run where `run_of` does not.

    A `stream_datum` belongs to the run of its descriptor. A `bulk_events` document
    may hold events of several runs: it belongs to the run of its first event's
    descriptor, because it is one document and is stored once.
    """
    body = document.body
    match document.name:
        case DocumentName.EVENT | DocumentName.EVENT_PAGE | DocumentName.STREAM_DATUM:
            return (body["descriptor"],)
        case DocumentName.DATUM | DocumentName.DATUM_PAGE | DocumentName.BULK_DATUM:
            return (body["resource"],)
        case DocumentName.BULK_EVENTS:
            return tuple(event["descriptor"] for event in bulk_rows(body)[:1])
    return ()


def names(document: Document) -> tuple[str, ...]:
    """Return what a document of old data may be known by before its run is.

    An event names its datums, and a datum its resource; with a resource that names no
    run, that alone tells where they belong.
    """
    if document.name in DATUMS:
        return row_uids(document)
    return (document.body["uid"],) if document.name in _ANCHORS else ()


def awaited_by(document: Document) -> str:
    """Return the uid that is to tell the document's run, empty where none can."""
    return next(iter(parents(document)), "") or anchor(document)
