"""Which documents a document refers to, and which run it names."""

from quire.documents.document import Document
from quire.documents.identity import bulk_events
from quire.documents.names import DocumentName as Name

_ANCHORS = frozenset({Name.DESCRIPTOR, Name.RESOURCE, Name.STREAM_RESOURCE})
_NAMING = frozenset({Name.STOP, *_ANCHORS})


def anchor(document: Document) -> str:
    """Return the uid by which others refer to it, empty if none can."""
    return str(document.body["uid"]) if document.name in _ANCHORS else ""


def run_of(document: Document) -> str | None:
    """Return the uid of the run that a document itself names, if it does."""
    if document.name is Name.START:
        return str(document.body["uid"])
    if document.name in _NAMING:
        run: str | None = document.body.get("run_start")
        return run
    return None


def parents(document: Document) -> tuple[str, ...]:
    """Return the uids that tell a document's run where it does not name it.

    The events of one `bulk_events` document belong to the run of its first
    descriptor: the RunEngine never mixed runs in one.
    """
    body = document.body
    match document.name:
        case Name.EVENT | Name.EVENT_PAGE:
            return (body["descriptor"],)
        case Name.DATUM | Name.DATUM_PAGE | Name.BULK_DATUM:
            return (body["resource"],)
        case Name.STREAM_DATUM:
            return (body["descriptor"], body["stream_resource"])
        case Name.BULK_EVENTS:
            return tuple(
                dict.fromkeys(event["descriptor"] for event in bulk_events(body))
            )
        case _:
            # A resource without run_start names no run at all (before 2020).
            return ()
