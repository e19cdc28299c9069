"""Documents of a delivery on their way into the store."""

from collections.abc import Sequence
from itertools import chain

from quire.documents.batch import EventBatch
from quire.documents.document import Document
from quire.documents.names import DocumentName
from quire.documents.references import anchor, awaited_by
from quire.ports.document_records import Arrival, EventArrivals

Item = tuple[int, Document | EventBatch]
"""With its place in the delivery; that of a batch is its first event's."""
Items = Sequence[Item]
New = tuple[Document | EventBatch, tuple[int, ...], tuple[int, ...]]
"""A new document, the keys of its rows, and the places of those that are repeated."""

ROWS = frozenset({DocumentName.EVENT, DocumentName.EVENT_PAGE})


def apart(items: Items) -> list[tuple[int, Document]]:
    """Return each event of a batch by itself."""
    found: list[tuple[int, Document]] = []
    for index, one in items:
        if isinstance(one, EventBatch):
            found += enumerate(one.documents(), index)
        else:
            found.append((index, one))
    return found


def as_arrivals(new: Sequence[New], *, waits: bool) -> Sequence[Arrival]:
    """Return new documents as what stores take.

    Parameters
    ----------
    waits
        Whether it is still to be told which runs they belong to.
    """
    each = [arrivals_of(*one, waits=waits) for one in new]
    return each[0] if len(each) == 1 else list(chain.from_iterable(each))


def arrivals_of(
    document: Document | EventBatch,
    keys: tuple[int, ...],
    repeated: tuple[int, ...],
    *,
    waits: bool,
) -> Sequence[Arrival]:
    """Return one document, or the events of a batch, as what stores take.

    Parameters
    ----------
    keys
        Of its rows.
    repeated
        The places of rows that the run has already.
    waits
        Whether it is still to be told which run it belongs to.
    """
    if isinstance(document, EventBatch):
        if document.name is DocumentName.EVENT:
            return EventArrivals(document.text, document.begins, document.ends, keys)
        return [Arrival(name=document.name, raw=document.raws[0], keys=keys)]
    lone = document.name in ROWS and not waits
    return [
        Arrival(
            name=document.name,
            raw=document.raw,
            keys=keys,
            repeated=repeated,
            anchor="" if lone else anchor(document),
            waits_for=awaited_by(document) if waits else "",
            original=document.original,
        )
    ]
