"""One delivery of documents, sorted into runs within one transaction."""

import math
from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, partial
from itertools import chain

import msgspec

from quire.access.principals import Principal
from quire.actions.arriving import (
    ROWS,
    Item,
    Items,
    New,
    apart,
    arrivals_of,
    as_arrivals,
)
from quire.actions.elsewhere import Elsewhere
from quire.actions.look_back import bulks_in, known_in, others_with, repeated_rows
from quire.actions.progress_log import tell
from quire.actions.refusals import Refusal, conflict
from quire.actions.repeats import Clash, Seen
from quire.actions.shared_assets import copied, is_lent, lacked, lent, resource_of
from quire.documents.batch import EventBatch
from quire.documents.document import Document
from quire.documents.identity import identity, key_of, keys_of_rows
from quire.documents.names import DocumentName
from quire.documents.reading import parse
from quire.documents.references import (
    DATUMS,
    anchor,
    names,
    parents,
    run_of,
)
from quire.ports.document_records import StoredDocument
from quire.ports.store import Transaction
from quire.progress.narration import narrate
from quire.runs.careful import fold_carefully
from quire.runs.findings import settled
from quire.runs.run import Finding, Run

Fresh = list[tuple[Document | EventBatch, tuple[int, ...]]]
"""New documents, each with the places of rows that the run has already."""

# Of several runs, which need not be of one principal.
_SHARED = DATUMS | {DocumentName.RESOURCE}


class Intake:
    """Stores one delivery.

    Attributes
    ----------
    accepted, repeated, refused
        What became of its items.
    """

    def __init__(
        self, tx: Transaction, *, owner: Principal, now: float, lease: float
    ) -> None:
        self._tx = tx
        self._owner = owner
        self._now = now
        self._lease = lease
        self._told: dict[str, str | None] = {}
        self._copies: dict[int, str] = {}
        self._adopted: dict[str, list[StoredDocument]] = {}
        self._clashes: list[Finding] = []
        self._lacking: dict[str, None] = {}
        self._sent: dict[str, str] = {}
        self.accepted = 0
        self.repeated = 0
        self.refused: list[Refusal] = []

    @cached_property
    def _elsewhere(self) -> Elsewhere:
        return Elsewhere(self._tx, self._owner)

    def take(self, items: Items) -> None:
        """Store what is new, run by run, in the order of arrival."""
        if len(items) == 1 and self._take_event(items[0][1]):
            return
        waiting, by_run = self._sorted(items)
        if waiting:
            self._store_new(None, waiting)
        for uid, of_run in by_run.items():
            self._take_run(uid, of_run)
        for uid in self._lacking if len(by_run) > 1 else ():
            self._borrow(uid)  # what a run that was taken later has
        self._elsewhere.finish()

    def _take_event(self, document: Document | EventBatch) -> bool:
        """Store a lone event that is new to a run that is here; return whether it is.

        It is what comes most, and there is nothing to sort then.
        """
        if (
            not isinstance(document, Document)
            or document.name is not DocumentName.EVENT
        ):
            return False
        uid = self._run_told_by(document.body["descriptor"])
        run = None if uid is None else self._tx.runs.get(uid)
        if uid is None or run is None or not self._owner.can_see(run.owner):
            return False
        keys = (key_of(DocumentName.EVENT, document.body["uid"]),)
        if self._tx.documents.find(uid, keys):
            return False
        self._tx.documents.append(uid, arrivals_of(document, keys, (), waits=False))
        self.accepted += 1
        self._put(run, self._grown(run, [(document, ())]))
        return True

    def _sorted(self, items: Items) -> tuple[list[Item], dict[str, list[Item]]]:
        by_run: dict[str | None, list[Item]] = {}
        lenders: set[str | None] = set()
        self._note_anchors(items)
        for item in items:
            document = item[1]
            if isinstance(document, EventBatch):
                uid = self._run_told_by(document.descriptor)
            elif document.name in ROWS:
                uid = self._run_told_by(document.body["descriptor"])
            else:
                uid = run_of(document)  # a start's may be empty
                if uid is None:
                    uid = self._run_by_others(document)
                    lenders.add(uid)
                elif document.name is DocumentName.RESOURCE:
                    self._sent[document.body["uid"]] = uid
            if uid in by_run:
                by_run[uid].append(item)
            else:
                by_run[uid] = [item]
        waiting = by_run.pop(None, [])
        # A datum that events of another run name is to be there before them.
        every = sorted(by_run.items(), key=lambda pair: pair[0] not in lenders)
        return waiting, {uid: of for uid, of in every if uid is not None}

    def _note_anchors(self, items: Items) -> None:
        # What a document refers to may stand behind it in one delivery.
        for name, anchored in _anchored(items):
            uid = run_of(anchored)
            if uid is None:
                continue
            first = self._run_told_by(name)
            if anchored.name is DocumentName.DESCRIPTOR:
                if first is None:
                    self._told[name] = uid
                    self._elsewhere.note(name, anchored)
            elif first is None or self._is_foreign(first):
                self._told[name] = uid
            elif first != uid and self._tx.documents.run_of(name) is None:
                # Of two that send it in one delivery the other one may be taken first.
                adopted = self._tx.documents.adopt(name, first)
                self._adopted.setdefault(first, []).extend(adopted)

    def _run_told_by(self, name: str) -> str | None:
        if name not in self._told:
            self._told[name] = self._tx.documents.run_of(name)
        return self._told[name]

    def _run_by_others(self, document: Document) -> str | None:
        if document.name in DATUMS and not is_lent(document):
            # Of those the sender's run is the one whose resource stands before them.
            sent = self._sent.get(document.body["resource"])
            if sent is not None:
                return sent
        told = map(self._run_told_by, (*parents(document), *names(document)))
        found = (uid for uid in told if uid is not None)
        if document.name in _SHARED:
            found = (uid for uid in found if not self._is_foreign(uid))
        return next(found, None)

    def _is_foreign(self, uid: str) -> bool:
        run = self._tx.runs.get(uid)
        return run is not None and not self._owner.can_see(run.owner)

    def _take_run(self, uid: str, items: Items) -> None:
        stored = self._tx.runs.get(uid)
        before = stored or Run(
            uid=uid, owner=self._owner.name, first_received=self._now
        )
        if not self._owner.can_see(before.owner):
            self._refuse_foreign(items, before)
            return
        told = len(self.refused)
        own = [item for item in items if not self._refuse_elsewhere(uid, item)]
        fresh = self._new_of(uid, own)
        clashes = [
            conflict(refusal, self._copies[place])
            for place, refusal in enumerate(self.refused[told:], told)
        ]
        clashes += self._clashes
        self._clashes = []
        if not fresh and (not clashes or stored is None):
            return
        after = self._grown(before, fresh)
        self._put(before, settled(after, clashes) if clashes else after)
        if after.borrowers:
            self._lend(uid, fresh)

    def _lend(self, uid: str, fresh: Fresh) -> None:
        came = (one for one, _ in fresh if isinstance(one, Document))
        for borrower in lent(self._tx, uid, came):
            self._borrow(borrower)

    def _borrow(self, uid: str) -> None:
        run = self._tx.runs.get(uid)
        if run is None:
            return
        copies: Fresh = [*copied(self._tx, run, lacked(run))]
        if copies:
            self._put(run, self._grown(run, copies))

    def _put(self, before: Run, after: Run) -> None:
        until = lease_end(self._now, self._lease)
        if after.lease_until != until or after.interrupted:
            after = msgspec.structs.replace(after, lease_until=until, interrupted=False)
        self._tx.runs.put(after)
        for event in narrate(before, after):
            tell(self._tx, after.uid, event, now=self._now)

    def _new_of(self, uid: str, items: Items) -> Fresh:
        # Adopted first, so that a second copy among the items is known as one.
        adopted = self._adopted.pop(uid, [])
        for name, _ in _anchored(items):
            adopted += self._tx.documents.adopt(name, uid)
        late = self._compared(uid, adopted)
        return [*self._store_new(uid, items), *late]

    def _compared(self, run: str, adopted: Sequence[StoredDocument]) -> Fresh:
        """Return what a run has adopted, compared with what it had meanwhile."""
        fresh: Fresh = []
        every = others_with(self._tx, run, adopted) if adopted else ()
        for stored, others in zip(adopted, every, strict=True):
            document = as_document(stored)
            fresh.append((document, repeated_rows(stored, others)))
            try:
                Seen.of(others).repeated_rows(document, stored.keys)
            except Clash as clash:
                told = Refusal.of_clash(0, document.name, clash)
                self._clashes.append(conflict(told, clash.received))
        return fresh

    def _grown(self, run: Run, fresh: Fresh) -> Run:
        known = partial(known_in, self._tx, run.uid)
        bulks = partial(bulks_in, self._tx, run.uid)
        if run.interrupted:
            run = msgspec.structs.replace(run, interrupted=False)
        while fresh:
            fresh.sort(key=_stands_alone)
            before = run
            run = fold_carefully(run, fresh, known=known, bulks=bulks)
            if run.awaited is before.awaited:
                break
            every = run.awaited.items()
            new = {uid: name for uid, name in every if uid not in before.awaited}
            fresh = self._claimed(run, new)
        return run

    def _claimed(self, run: Run, wanted: Mapping[str, str]) -> Fresh:
        datums = [uid for uid, name in wanted.items() if name == DocumentName.DATUM]
        copies = copied(self._tx, run, datums)
        found = {uid for document, _ in copies for uid in names(document)}
        fresh: Fresh = [*copies]
        for uid, name in wanted.items():
            if uid not in found:
                self._lacking[run.uid] = None
                fresh += self._claim(run.uid, DocumentName(name), uid)
        return fresh

    def _claim(
        self, run: str, name: DocumentName, uid: str
    ) -> Iterator[tuple[Document, tuple[int, ...]]]:
        """Have what documents of a run refer to belong to it, if no other has it.

        A resource of old data names no run: that of the event that names its datum is
        its own. What has not come is known by its name when it does, or its resource's.
        """
        documents = self._tx.documents
        named = [uid]
        if name is DocumentName.DATUM:
            if self._run_told_by(resource_of(uid)) is None:
                named.append(resource_of(uid))
            waiting = documents.find(None, [key_of(name, uid)])
            found = (as_document(one) for each in waiting.values() for one in each)
            named += [parent for one in found for parent in parents(one)]
        for each in filter(None, named):  # of no name is what nobody can tell of
            for stored in documents.adopt(each, run):
                yield as_document(stored), stored.repeated

    def _store_new(self, run: str | None, items: Items) -> Fresh:
        if run is None:  # each waits by itself
            items = apart(items)
        keys = keys_of_rows(document for _, document in items)
        flat = list(chain.from_iterable(keys))
        known = self._tx.documents.find(run, flat)
        new: list[New]
        if known or len(set(flat)) < len(flat):
            new = self._new_among(apart(items), Seen(known))
        else:
            new = [
                (document, own, ())
                for (_, document), own in zip(items, keys, strict=True)
            ]
        if new:
            arrivals = as_arrivals(new, waits=run is None)
            self.accepted += len(arrivals)
            self._tx.documents.append(run, arrivals)
        return [(document, repeated) for document, _, repeated in new]

    def _new_among(
        self, items: Sequence[tuple[int, Document]], seen: Seen
    ) -> list[New]:
        new: list[New] = []
        keys = keys_of_rows(document for _, document in items)
        for (index, document), own in zip(items, keys, strict=True):
            try:
                repeated = seen.repeated_rows(document, own)
            except Clash as clash:
                self._refuse_clash(index, document, clash)
                continue
            if len(repeated) == len(own):
                self.repeated += 1
                continue
            new.append((document, own, repeated))
            seen.add(document, own)
        return new

    def _refuse_clash(self, index: int, document: Document, clash: Clash) -> None:
        # Not by its index: an item of an archive may have become several documents.
        self._copies[len(self.refused)] = clash.received
        self.refused.append(Refusal.of_clash(index, document.name, clash))

    def _refuse_elsewhere(self, run: str, item: Item) -> bool:
        """Refuse a descriptor of which another run has the uid; return whether it has."""
        index, document = item
        if isinstance(document, EventBatch):
            return False
        if document.name is not DocumentName.DESCRIPTOR:
            return False
        owner = self._told.get(document.body["uid"])
        if owner is None or owner == run:
            return False
        clash = self._elsewhere.clash(document, owner)
        if clash is not None:
            self._refuse_clash(index, document, clash)
            self._elsewhere.tell(owner, conflict(self.refused[-1], clash.received))
        return clash is not None

    def _refuse_foreign(self, items: Items, run: Run) -> None:
        self.refused.extend(
            Refusal(
                index=index,
                name=document.name,
                uid=identity(document),
                field="",
                reason=f"the run {run.uid} belongs to another principal",
            )
            for index, document in apart(items)
        )


def lease_end(now: float, lease: float) -> float:
    """Return when a lease ends, rounded up by a twentieth of it at most.

    Each document renews it: rounded, it mostly stays as it is, and the store need not
    write it.
    """
    step = lease / 20
    return math.ceil((now + lease) / step) * step


def _anchored(items: Items) -> Iterator[tuple[str, Document]]:
    """Yield the documents that others refer to, each behind the uid they use."""
    for _, document in items:
        if isinstance(document, Document) and document.name not in ROWS:
            name = anchor(document)
            if name:
                yield name, document


def _stands_alone(pair: tuple[Document | EventBatch, object]) -> bool:
    """Return whether nothing is judged by this document: the others go first."""
    document = pair[0]
    if isinstance(document, EventBatch) or document.name in ROWS:
        return True
    return not anchor(document)


def as_document(stored: StoredDocument) -> Document:
    """Return a stored document with its parsed value."""
    return parse(stored.name, stored.raw, stored.original)
