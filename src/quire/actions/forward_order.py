"""The order in which a run goes out that is sent from its beginning."""

from quire.documents.names import DocumentName

READINGS = (
    frozenset({DocumentName.START}),
    frozenset(
        {
            DocumentName.DESCRIPTOR,
            DocumentName.RESOURCE,
            DocumentName.STREAM_RESOURCE,
        }
    ),
    frozenset({DocumentName.DATUM, DocumentName.DATUM_PAGE, DocumentName.BULK_DATUM}),
    frozenset(
        {
            DocumentName.EVENT,
            DocumentName.EVENT_PAGE,
            DocumentName.BULK_EVENTS,
            DocumentName.STREAM_DATUM,
        }
    ),
    frozenset({DocumentName.STOP}),
)
"""Which documents to read at a time, each in the order of arrival.

So every reference is preceded by its target, without all of a run in memory.
"""
