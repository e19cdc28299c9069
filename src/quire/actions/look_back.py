"""What the fold asks the store for of a run's earlier documents."""

from collections.abc import Collection, Iterator

from quire.documents.document import Document
from quire.documents.identity import key_of
from quire.documents.names import DocumentName
from quire.documents.reading import parse
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
