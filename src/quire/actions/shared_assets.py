"""Datums and resources that several runs use, such as a dark frame's.

Such a resource is sent with each run, and so are its datums. But a datum names no run:
it goes to the first that had its resource. So each other run whose events name it gets a
copy, to be whole by itself. Nobody's run gets anything of another principal's.
"""

from collections.abc import Collection, Iterator
from itertools import chain

from quire.documents.document import Document
from quire.documents.identity import key_of
from quire.documents.names import DocumentName
from quire.documents.reading import parse
from quire.documents.references import names, parents
from quire.ports.document_records import Arrival, StoredDocument
from quire.ports.store import Transaction
from quire.runs.run import Run

Copies = list[tuple[Document, tuple[int, ...]]]
"""Documents, each with the places of rows that the run has already."""


def copied(tx: Transaction, run: Run, datum_ids: Collection[str]) -> Copies:
    """Have a run copies of the documents with datums that another run has."""
    lent = list(_lent(tx, run, DocumentName.DATUM, datum_ids))
    if not lent:
        return []
    keys = chain.from_iterable(stored.keys for stored, _ in lent)
    known = set(tx.documents.find(run.uid, list(keys)))
    copies: Copies = []
    arrivals: list[Arrival] = []
    for stored, document in lent:
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


def lacking(tx: Transaction, run: Run) -> Iterator[Document]:
    """Yield what a run refers to and lacks, and another has.

    A detector that is staged once for several runs sends its resource with the first;
    to others it cannot be copied, for it names its run.
    """
    resources = {uid for uid, name in run.awaited.items() if name != "datum"}
    datums = run.awaited.keys() - resources
    for _, document in _lent(tx, run, DocumentName.DATUM, datums):
        yield document
        resources.update(parents(document))
    for _, document in _lent(tx, run, DocumentName.RESOURCE, resources):
        yield document


def _lent(
    tx: Transaction, run: Run, name: DocumentName, uids: Collection[str]
) -> Iterator[tuple[StoredDocument, Document]]:
    for owner, wanted in _by_run(tx, name, uids).items():
        lender = None if owner in ("", run.uid) else tx.runs.get(owner)
        if lender is None or lender.owner != run.owner:
            continue
        found = tx.documents.find(owner, [key_of(name, uid) for uid in wanted])
        hits = {one.number: one for each in found.values() for one in each}
        for _, stored in sorted(hits.items()):
            document = parse(stored.name, stored.raw, stored.original)
            if not wanted.isdisjoint(names(document)):
                yield stored, document


def _by_run(
    tx: Transaction, name: DocumentName, uids: Collection[str]
) -> dict[str, set[str]]:
    """Return datum_ids, or uids of resources, by the first run with the resource."""
    owners: dict[str, str] = {}
    found: dict[str, set[str]] = {}
    for uid in uids:
        # A datum_id is <resource>/<n>, as bluesky has it; of others nobody can tell.
        datum = name is DocumentName.DATUM
        resource = uid.rpartition("/")[0] if datum else uid
        if resource not in owners:
            owners[resource] = tx.documents.run_of(resource) or ""
        found.setdefault(owners[resource], set()).add(uid)
    return found
