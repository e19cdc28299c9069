"""The received documents in memory."""

from collections.abc import Iterator, Sequence
from itertools import count

from quire.ports.document_records import Arrival, StoredDocument
from quire.storage.memory.journal import Journal


class MemoryDocuments:
    """`quire.ports.document_records.DocumentRecords` in dictionaries."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._next = count(1)
        self._by_run: dict[str | None, dict[int, StoredDocument]] = {None: {}}
        self._by_key: dict[tuple[str | None, int], tuple[int, ...]] = {}
        self._anchors: dict[str, str] = {}
        self._waiting: dict[int, Arrival] = {}
        # For the outbox: the append that each document came with, and by place what
        # left the state of waiting: its run, its number, the append that it follows.
        self.appends = 0
        self.append_of: dict[int, int] = {}
        self.late: dict[int, tuple[str, int, int]] = {}

    def append(self, run: str | None, arrivals: Sequence[Arrival]) -> None:
        """Store documents behind all earlier ones; run None where they wait."""
        self.appends += 1
        for arrival in arrivals:
            document = StoredDocument(
                number=next(self._next),
                name=arrival.name,
                raw=arrival.raw,
                keys=arrival.keys,
                repeated=arrival.repeated,
                original=arrival.original,
            )
            self._put(run, document, arrival.anchor)
            self._journal.set(self.append_of, document.number, self.appends)
            if run is None:
                self._journal.set(self._waiting, document.number, arrival)

    def find(
        self, run: str | None, keys: Sequence[int]
    ) -> dict[int, tuple[StoredDocument, ...]]:
        """Return, for those keys that are known in the run, the documents with it."""
        documents = self._by_run.get(run, {})
        return {
            key: tuple(documents[n] for n in sorted(self._by_key[run, key]))
            for key in keys
            if (run, key) in self._by_key
        }

    def run_of(self, anchor: str) -> str | None:
        """Return the run of the document that others refer to by this uid."""
        return self._anchors.get(anchor)

    def adopt(self, waits_for: str, run: str) -> tuple[StoredDocument, ...]:
        """Give the documents that wait for a uid to a run; return them."""
        self._put_anchor(waits_for, run)
        found = [n for n, one in self._waiting.items() if one.waits_for == waits_for]
        adopted = []
        for number in sorted(found):
            document = self._by_run[None][number]
            self._remove_waiting(document)
            self._put(run, document, self._waiting[number].anchor)
            self._journal.remove(self._waiting, number)
            late = (run, number, self.appends + 1)
            self._journal.set(self.late, len(self.late) + 1, late)
            adopted.append(document)
        return tuple(adopted)

    def of_run(self, run: str, first: int = 0) -> Iterator[StoredDocument]:
        """Return a run's documents in the order of arrival."""
        documents = self._by_run.get(run, {})
        return iter([documents[one] for one in sorted(documents) if one >= first])

    def everything(self) -> Iterator[tuple[str | None, StoredDocument]]:
        """Return all documents with their runs, in no order."""
        for run, documents in self._by_run.items():
            for document in documents.values():
                yield run, document

    def _put(self, run: str | None, document: StoredDocument, anchor: str) -> None:
        documents = self._by_run.setdefault(run, {})
        self._journal.set(documents, document.number, document)
        for key in set(document.keys):
            others = self._by_key.get((run, key), ())
            self._journal.set(self._by_key, (run, key), (*others, document.number))
        if run is not None:
            self._put_anchor(anchor, run)

    def _put_anchor(self, anchor: str, run: str) -> None:
        if anchor and anchor not in self._anchors:
            self._journal.set(self._anchors, anchor, run)

    def _remove_waiting(self, document: StoredDocument) -> None:
        self._journal.remove(self._by_run[None], document.number)
        for key in set(document.keys):
            others = self._by_key[None, key]
            left = tuple(other for other in others if other != document.number)
            if left:
                self._journal.set(self._by_key, (None, key), left)
            else:
                self._journal.remove(self._by_key, (None, key))
