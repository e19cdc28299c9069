"""Datums and resources that several runs use, such as a dark frame's.

Such a resource is sent with each run, and so are its datums. But a datum names no run:
it goes to the first that had its resource. So each other run whose events name it gets a
copy, to be whole by itself: at once, or when that run gets the datum. Nobody's run gets
anything of another principal's.
"""

from collections.abc import Collection, Iterable, Iterator
from itertools import chain

from msgspec.structs import replace

from quire.documents.document import Document
from quire.documents.identity import key_of
from quire.documents.names import DocumentName
from quire.documents.reading import parse
from quire.documents.references import DATUMS, names, parents
from quire.ports.document_records import Arrival, StoredDocument
from quire.ports.store import Transaction
from quire.runs.run import Run

Copies = list[tuple[Document, tuple[int, ...]]]
"""Documents, each with the places of rows that the run has already."""

_MOST_BORROWERS = 1000


def copied(tx: Transaction, run: Run, datum_ids: Collection[str]) -> Copies:
    """Have a run copies of the documents with datums that another run has.

    What that run lacks, too, it lends when it comes: see `lent`.
    """
    found: list[tuple[StoredDocument, Document]] = []
    for lender, wanted in _lenders(tx, run, DocumentName.DATUM, datum_ids):
        here = list(_found(tx, lender, DocumentName.DATUM, wanted))
        found += here
        if wanted.difference(*(names(document) for _, document in here)):
            _note_borrower(tx, lender, run.uid)
    if not found:
        return []
    keys = chain.from_iterable(stored.keys for stored, _ in found)
    known = set(tx.documents.find(run.uid, list(keys)))
    copies: Copies = []
    arrivals: list[Arrival] = []
    for stored, document in found:
        repeated = tuple(at for at, key in enumerate(stored.keys) if key in known)
        known.update(stored.keys)
        copies.append((document, repeated))
        arrivals.append(
            Arrival(
                name=stored.name,
                raw=stored.raw,
                keys=stored.keys,
                repeated=repeated,
                original=stored.original,
            )
        )
    tx.documents.append(run.uid, arrivals)
    return copies


def lent(tx: Transaction, lender: str, came: Iterable[Document]) -> Iterator[str]:
    """Yield the runs that lack datums of those which a run has got.

    Those that then lack none are noted with that run no longer.
    """
    run = tx.runs.get(lender)
    if run is None or not run.borrowers:
        return
    ids = {uid for one in came if one.name in DATUMS for uid in names(one)}
    if not ids:
        return
    for uid in run.borrowers:
        borrower = tx.runs.get(uid)
        if borrower is not None and not ids.isdisjoint(lacked(borrower)):
            yield uid
    lacking = (
        uid for uid in run.borrowers if (one := tx.runs.get(uid)) and lacked(one)
    )
    tx.runs.put(replace(tx.runs.get(lender) or run, borrowers=tuple(lacking)))


def is_lent(document: Document) -> bool:
    """Return whether other runs can find all datums of a document by their names."""
    resource = document.body["resource"]
    return all(resource_of(one) == resource for one in names(document))


def lacked(run: Run) -> set[str]:
    """Return the datum_ids that a run's events name and it has not."""
    return {uid for uid, name in run.awaited.items() if name == DocumentName.DATUM}


def lacking(tx: Transaction, run: Run) -> Iterator[Document]:
    """Yield what a run refers to and lacks, and another has.

    A detector that is staged once for several runs sends its resource with the first;
    to others it cannot be copied, for it names its run.
    """
    datums = lacked(run)
    resources = {*run.awaited} - datums
    for lender, wanted in _lenders(tx, run, DocumentName.DATUM, datums):
        for _, document in _found(tx, lender, DocumentName.DATUM, wanted):
            yield document
            resources.update(parents(document))
    for lender, wanted in _lenders(tx, run, DocumentName.RESOURCE, resources):
        for _, document in _found(tx, lender, DocumentName.RESOURCE, wanted):
            yield document


def _lenders(
    tx: Transaction, run: Run, name: DocumentName, uids: Collection[str]
) -> Iterator[tuple[Run, set[str]]]:
    for owner, wanted in _by_run(tx, name, uids).items():
        lender = None if owner in ("", run.uid) else tx.runs.get(owner)
        if lender is not None and lender.owner == run.owner:
            yield lender, wanted


def _found(
    tx: Transaction, lender: Run, name: DocumentName, wanted: Collection[str]
) -> Iterator[tuple[StoredDocument, Document]]:
    found = tx.documents.find(lender.uid, [key_of(name, uid) for uid in wanted])
    hits = {one.number: one for each in found.values() for one in each}
    for _, stored in sorted(hits.items()):
        document = parse(stored.name, stored.raw, stored.original)
        if not set(wanted).isdisjoint(names(document)):
            yield stored, document


def _note_borrower(tx: Transaction, lender: Run, uid: str) -> None:
    borrowers = lender.borrowers
    if uid not in borrowers and len(borrowers) < _MOST_BORROWERS:
        tx.runs.put(replace(lender, borrowers=tuple(sorted((*borrowers, uid)))))


def resource_of(datum_id: str) -> str:
    """Return the uid of its resource, as bluesky makes it: <resource>/<n>.

    Empty for a name of another form: of those nobody can tell.
    """
    return datum_id.rpartition("/")[0]


def _by_run(
    tx: Transaction, name: DocumentName, uids: Collection[str]
) -> dict[str, set[str]]:
    """Return datum_ids, or uids of resources, by the first run with the resource."""
    owners: dict[str, str] = {}
    found: dict[str, set[str]] = {}
    for uid in uids:
        resource = resource_of(uid) if name is DocumentName.DATUM else uid
        if resource not in owners:
            owners[resource] = tx.documents.run_of(resource) or ""
        found.setdefault(owners[resource], set()).add(uid)
    return found
