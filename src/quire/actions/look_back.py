"""What the fold asks the store for of a run's earlier documents."""

from collections.abc import Collection, Iterable, Iterator, Sequence

from quire.documents.document import Document
from quire.documents.identity import content_hash, key_of, reader_of_rows
from quire.documents.names import DocumentName
from quire.documents.reading import parse
from quire.ports.document_records import StoredDocument
from quire.ports.store import Transaction

_BULKS_AT_ONCE = 20  # each may be as large as a body


def known_in(
    tx: Transaction, run: str, name: DocumentName, uids: Collection[str]
) -> Collection[str]:
    """Return which datums or resources of these uids a run has."""
    by_key = {key_of(name, uid): uid for uid in uids}
    hits = tx.documents.find(run, list(by_key))
    return [by_key[key] for key in hits]


def bulks_in(tx: Transaction, run: str, uids: Collection[str]) -> Iterator[Document]:
    """Yield a run's `bulk_events` that hold events of these uids."""
    keys = [key_of(DocumentName.BULK_EVENTS, uid) for uid in sorted(uids)]
    for begin in range(0, len(keys), _BULKS_AT_ONCE):
        found = tx.documents.find(run, keys[begin : begin + _BULKS_AT_ONCE])
        hits = {hit.number: hit for each in found.values() for hit in each}
        for hit in hits.values():
            if hit.name is DocumentName.BULK_EVENTS:
                yield parse(hit.name, hit.raw, hit.original)


def others_with(
    tx: Transaction, run: str, documents: Sequence[StoredDocument]
) -> list[list[StoredDocument]]:
    """Return of each of a run's documents the other ones with any of its rows."""
    keys = {key for one in documents for key in one.keys}
    known = tx.documents.find(run, list(keys))
    found = [
        {other.number: other for key in one.keys for other in known.get(key, ())}
        for one in documents
    ]
    return [
        [other for number, other in sorted(others.items()) if number != one.number]
        for one, others in zip(documents, found, strict=True)
    ]


def repeated_rows(
    one: StoredDocument, others: Iterable[StoredDocument]
) -> tuple[int, ...]:
    """Return the places of a document's rows that count in another one, as they are.

    `bulk_events` wait for the descriptor of their first event; meanwhile another one
    may come alone, and neither is stored with a mark. Nothing else has rows of several
    descriptors.
    """
    bulk = DocumentName.BULK_EVENTS
    others = [other for other in others if bulk in (one.name, other.name)]
    counted = {
        row
        for other in others
        for place, row in _contents(other, set(one.keys))
        if place not in other.repeated
    }
    keys = {key for key, _ in counted}
    also = {place for place, row in _contents(one, keys) if row in counted}
    return tuple(sorted(also.union(one.repeated)))


def _contents(
    one: StoredDocument, keys: Collection[int]
) -> Iterator[tuple[int, tuple[int, str]]]:
    """Yield the places of rows with these keys, and what tells their contents."""
    places = [place for place, key in enumerate(one.keys) if key in keys]
    if places:
        read = reader_of_rows(parse(one.name, one.raw))
        for place in places:
            yield place, (one.keys[place], content_hash(read(place)))


def repeated_in(tx: Transaction, run: str, one: StoredDocument) -> tuple[int, ...]:
    """Return the places of the rows that views leave out, of a document of a run.

    A row of `bulk_events` counts in a document of another name, else in the first.
    """
    if one.name is not DocumentName.BULK_EVENTS:
        return one.repeated
    (others,) = others_with(tx, run, [one])
    before = (
        other
        for other in others
        if other.name is not one.name or other.number < one.number
    )
    return repeated_rows(one, before)
