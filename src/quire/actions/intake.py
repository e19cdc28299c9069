"""One delivery of documents, sorted into runs within one transaction."""

from collections.abc import Mapping, Sequence

import msgspec

from quire.access.principals import Principal
from quire.actions.progress_log import tell
from quire.documents.document import Document, Fault
from quire.documents.identity import content_hash, identity, row, row_keys, row_uids
from quire.documents.reading import parse
from quire.documents.references import anchor, parents, run_of
from quire.ports.document_records import Arrival, StoredDocument
from quire.ports.store import Transaction
from quire.progress.narration import narrate
from quire.runs.fold import fold_all
from quire.runs.run import Finding, Run

Items = Sequence[tuple[int, Document]]


class Refusal(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """An item that was not stored.

    Attributes
    ----------
    stored_hash, received_hash
        SHA-256 of both contents, where other content has the same uid.
    """

    index: int
    name: str
    uid: str
    field: str
    reason: str
    stored_hash: str = ""
    received_hash: str = ""

    @classmethod
    def of(cls, fault: Fault) -> "Refusal":
        """Return a fault as a refusal."""
        return cls(
            index=fault.index,
            name=fault.name,
            uid=fault.uid,
            field=fault.field,
            reason=fault.reason,
        )


class _Clash(Exception):
    """Other content is stored under the uid of one of a document's rows."""

    def __init__(self, uid: str, stored_hash: str, received_hash: str) -> None:
        super().__init__(uid)
        self.uid = uid
        self.stored_hash = stored_hash
        self.received_hash = received_hash


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
        self.accepted = 0
        self.repeated = 0
        self.refused: list[Refusal] = []

    def take(self, items: Items) -> None:
        """Store what is new, run by run, in the order of arrival."""
        waiting, by_run = self._sorted(items)
        if waiting:
            self._store_new(None, waiting)
        for uid, of_run in by_run.items():
            self._take_run(uid, of_run)

    def _sorted(
        self, items: Items
    ) -> tuple[list[tuple[int, Document]], dict[str, list[tuple[int, Document]]]]:
        waiting: list[tuple[int, Document]] = []
        by_run: dict[str, list[tuple[int, Document]]] = {}
        # What a document refers to may stand behind it in one delivery.
        anchors = {
            anchor(document): uid
            for _, document in items
            if anchor(document) and (uid := run_of(document)) is not None
        }
        for index, document in items:
            uid = run_of(document) or self._run_by_parents(document, anchors)
            if uid is None:
                waiting.append((index, document))
            else:
                by_run.setdefault(uid, []).append((index, document))
        return waiting, by_run

    def _run_by_parents(
        self, document: Document, anchors: Mapping[str, str]
    ) -> str | None:
        for parent in parents(document):
            uid = anchors.get(parent) or self._tx.documents.run_of(parent)
            if uid is not None:
                return uid
        return None

    def _take_run(self, uid: str, items: Items) -> None:
        before = self._tx.runs.get(uid) or Run(
            uid=uid, owner=self._owner.name, first_received=self._now
        )
        if not self._owner.can_see(before.owner):
            self._refuse_foreign(items, before)
            return
        after, clashes = self._grow(before, items)
        if after is before and not clashes:
            return
        findings = tuple(sorted({*after.findings, *clashes}))
        after = msgspec.structs.replace(
            after,
            findings=findings,
            lease_until=self._now + self._lease,
            interrupted=False,
        )
        self._tx.runs.put(after)
        for event in narrate(before, after):
            tell(self._tx, uid, event, now=self._now)

    def _grow(self, run: Run, items: Items) -> tuple[Run, tuple[Finding, ...]]:
        told = len(self.refused)
        # Adopted first, so that a second copy among the items is known as one.
        adopted = [
            (parse(stored.name, stored.raw), stored.repeated)
            for _, document in items
            if (name := anchor(document))
            for stored in self._tx.documents.adopt(name, run.uid)
        ]
        fresh = [*self._store_new(run.uid, items), *adopted]
        fresh.sort(key=lambda pair: not anchor(pair[0]))
        clashes = tuple(
            Finding(rule="conflict", uid=refusal.uid, message=refusal.reason)
            for refusal in self.refused[told:]
        )
        return (fold_all(run, fresh) if fresh else run), clashes

    def _store_new(
        self, run: str | None, items: Items
    ) -> list[tuple[Document, tuple[int, ...]]]:
        keys = [row_keys(document) for _, document in items]
        known = self._tx.documents.find(run, [key for each in keys for key in each])
        seen: dict[int, list[tuple[Document, tuple[int, ...]]]] = {
            key: [(parse(hit.name, hit.raw), hit.keys) for hit in hits]
            for key, hits in known.items()
        }
        arrivals: list[Arrival] = []
        fresh: list[tuple[Document, tuple[int, ...]]] = []
        for (index, document), own in zip(items, keys, strict=True):
            try:
                repeated = _repeated_rows(document, own, seen)
            except _Clash as clash:
                self._refuse_clash(index, document, clash)
                continue
            if len(repeated) == len(own) and own:
                self.repeated += 1
                continue
            self.accepted += 1
            fresh.append((document, repeated))
            arrivals.append(_arrival(document, own, repeated, waits=run is None))
            for key in own:
                seen.setdefault(key, []).append((document, own))
        if arrivals:
            self._tx.documents.append(run, arrivals)
        return fresh

    def _refuse_clash(self, index: int, document: Document, clash: _Clash) -> None:
        self.refused.append(
            Refusal(
                index=index,
                name=document.name,
                uid=clash.uid,
                field="",
                reason=(
                    f"other content is stored under this uid: stored "
                    f"{clash.stored_hash}, received {clash.received_hash}"
                ),
                stored_hash=clash.stored_hash,
                received_hash=clash.received_hash,
            )
        )

    def _refuse_foreign(self, items: Items, run: Run) -> None:
        self.refused.extend(
            Refusal(
                index=index,
                name=document.name,
                uid=identity(document),
                field="",
                reason=f"the run {run.uid} belongs to another principal",
            )
            for index, document in items
        )


def _arrival(
    document: Document, keys: tuple[int, ...], repeated: tuple[int, ...], *, waits: bool
) -> Arrival:
    return Arrival(
        name=document.name,
        raw=document.raw,
        keys=keys,
        repeated=repeated,
        anchor=anchor(document),
        waits_for=next(iter(parents(document)), "") if waits else "",
    )


def _repeated_rows(
    document: Document,
    keys: tuple[int, ...],
    seen: Mapping[int, Sequence[tuple[Document, tuple[int, ...]]]],
) -> tuple[int, ...]:
    """Return the places of rows that are stored already.

    Raises
    ------
    _Clash
        A row's uid is stored with other content.
    """
    repeated: list[int] = []
    for place, key in enumerate(keys):
        if key not in seen:
            continue
        uid = row_uids(document)[place]
        mine = content_hash(row(document, place))
        for other, other_keys in seen[key]:
            there = other_keys.index(key)
            if row_uids(other)[there] != uid:
                continue
            stored = content_hash(row(other, there))
            if stored != mine:
                raise _Clash(uid, stored, mine)
            repeated.append(place)
            break
    return tuple(repeated)


def as_document(stored: StoredDocument) -> Document:
    """Return a stored document with its parsed value."""
    return parse(stored.name, stored.raw)
