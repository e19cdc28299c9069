"""A run's documents out again, in bounded memory, however many they are.

One view looks at all of them for their order and keeps a number and a length of each;
further views read them a page at a time, so that a slow reader holds neither memory
nor a transaction. Documents never change once stored, so the pages agree.
"""

from array import array
from collections.abc import AsyncIterator, Collection, Iterator, Sequence

import msgspec

from quire.access.principals import Principal
from quire.actions.lookup import By, Order, find_run
from quire.documents.document import Document
from quire.documents.names import DocumentName
from quire.documents.replay import replay_order
from quire.documents.sketch import Sketcher
from quire.errors import NotFound
from quire.ports.document_records import StoredDocument
from quire.ports.store import Store, Transaction

PAGE_BYTES = 2**20
PAGE_DOCUMENTS = 5000


class Plan(msgspec.Struct, frozen=True, kw_only=True):
    """Which documents are wanted, in which order.

    Attributes
    ----------
    numbers, lengths
        Of each document: its place of arrival, its bytes.
    """

    run: str
    numbers: array  # type: ignore[type-arg]  # msgspec knows no parameters of array
    lengths: array  # type: ignore[type-arg]

    def __len__(self) -> int:
        return len(self.numbers)


class Replay:
    """Gives a run's documents as they were received.

    Parameters
    ----------
    page_bytes, page_documents
        What is read, and held in memory, at a time; one document at least.
    """

    def __init__(
        self,
        store: Store,
        *,
        page_bytes: int = PAGE_BYTES,
        page_documents: int = PAGE_DOCUMENTS,
    ) -> None:
        self._store = store
        self._page_bytes = page_bytes
        self._page_documents = page_documents

    async def plan(
        self,
        which: str,
        principal: Principal,
        *,
        by: By | None = None,
        order: Order = Order.REPLAY,
        names: Collection[DocumentName] = frozenset(DocumentName),
    ) -> Plan:
        """Return what will be given for the run that `which` names.

        Parameters
        ----------
        names
            Only documents of these.

        Raises
        ------
        NotFound, Ambiguous
            None or several answer to it.
        """

        def question(tx: Transaction) -> Plan:
            run = find_run(tx, which, principal, by=by).uid
            if order is Order.RECEIVED:
                return _as_received(tx, run, names)
            return _in_replay_order(tx, run, names)

        return await self._store.view(question)

    async def pages(self, plan: Plan) -> AsyncIterator[list[StoredDocument]]:
        """Yield the planned documents in their order, page by page."""
        for numbers in self._cut(plan):

            def question(
                tx: Transaction, numbers: Sequence[int] = numbers
            ) -> list[StoredDocument]:
                return _read(tx, plan.run, numbers)

            yield await self._store.view(question)

    def _cut(self, plan: Plan) -> Iterator[Sequence[int]]:
        begin = size = 0
        for place, length in enumerate(plan.lengths):
            full = size + length > self._page_bytes
            if place > begin and (full or place - begin == self._page_documents):
                yield plan.numbers[begin:place]
                begin, size = place, 0
            size += length
        if begin < len(plan):
            yield plan.numbers[begin:]


def _as_received(tx: Transaction, run: str, names: Collection[DocumentName]) -> Plan:
    numbers, lengths = array("q"), array("q")
    for stored in _named(tx, run, names):
        numbers.append(stored.number)
        lengths.append(len(stored.raw))
    return Plan(run=run, numbers=numbers, lengths=lengths)


def _in_replay_order(
    tx: Transaction, run: str, names: Collection[DocumentName]
) -> Plan:
    numbers, lengths = array("q"), array("q")
    sketches: list[Document] = []
    sketcher = Sketcher()
    for stored in _named(tx, run, names):
        numbers.append(stored.number)
        lengths.append(len(stored.raw))
        sketches.append(sketcher.sketch(stored.name, stored.raw))
    if sketcher.datums:
        # Only now is it known that the events' data matter.
        for place, stored in enumerate(_named(tx, run, names)):
            if stored.name.value in {"event", "event_page"}:
                sketches[place] = sketcher.with_data(stored.name, stored.raw)
    order = replay_order(sketches)
    return Plan(
        run=run,
        numbers=array("q", (numbers[place] for place in order)),
        lengths=array("q", (lengths[place] for place in order)),
    )


def _named(
    tx: Transaction, run: str, names: Collection[DocumentName]
) -> Iterator[StoredDocument]:
    return (one for one in tx.documents.of_run(run) if one.name in names)


def _read(tx: Transaction, run: str, numbers: Sequence[int]) -> list[StoredDocument]:
    wanted, first = set(numbers), min(numbers)
    found: dict[int, StoredDocument] = {}
    for stored in tx.documents.of_run(run, first):
        if stored.number in wanted:
            found[stored.number] = stored
            if len(found) == len(wanted):
                break
    if len(found) < len(wanted):
        raise NotFound("documents of run", run, "they went while they were read")
    return [found[number] for number in numbers]
