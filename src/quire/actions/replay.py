"""A run's documents out again, in bounded memory, however many they are.

One view looks at all of them for their order and keeps a number and a length of each;
further views read them a page at a time, so that a slow reader holds neither memory
nor a transaction. Documents never change once stored, so the pages agree.
"""

from array import array
from collections.abc import AsyncIterator, Collection, Iterator, Sequence
from hashlib import blake2b

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
        originals: bool = False,
    ) -> Plan:
        """Return what will be given for the run that `which` names.

        Parameters
        ----------
        names
            Only documents of these.
        originals
            Of documents that one item was upgraded to only the last: it is given once.

        Raises
        ------
        NotFound, Ambiguous
            None or several answer to it.
        """

        def question(tx: Transaction) -> Plan:
            run = find_run(tx, which, principal, by=by).uid
            if order is Order.RECEIVED:
                return _as_received(tx, run, names, once=originals)
            return _in_replay_order(tx, run, names, once=originals)

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


def _as_received(
    tx: Transaction, run: str, names: Collection[DocumentName], *, once: bool
) -> Plan:
    plan = _Places()
    for stored in _named(tx, run, names):
        plan.add(stored)
    return plan.ordered(run, range(len(plan.numbers)), once=once)


def _in_replay_order(
    tx: Transaction, run: str, names: Collection[DocumentName], *, once: bool
) -> Plan:
    plan = _Places()
    sketches: list[Document] = []
    sketcher = Sketcher()
    for stored in _named(tx, run, names):
        plan.add(stored)
        sketches.append(sketcher.sketch(stored.name, stored.raw))
    if sketcher.datums:
        # Only now is it known that the events' data matter.
        for place, stored in enumerate(_named(tx, run, names)):
            if stored.name.value in {"event", "event_page"}:
                sketches[place] = sketcher.with_data(stored.name, stored.raw)
    return plan.ordered(run, replay_order(sketches), once=once)


class _Places:
    """What is to be known of a run's documents to read them in some order."""

    def __init__(self) -> None:
        self.numbers, self._lengths = array("q"), array("q")
        self._items: dict[int, bytes] = {}

    def add(self, stored: StoredDocument) -> None:
        """Note the next document."""
        if stored.original:
            self._items[len(self.numbers)] = blake2b(stored.original).digest()
        self.numbers.append(stored.number)
        self._lengths.append(len(stored.raw))

    def ordered(self, run: str, order: Sequence[int], *, once: bool) -> Plan:
        """Return the plan to give them in this order.

        Parameters
        ----------
        once
            Leave out all but the last of those that were one item when it came: before
            that one stands all that any of them refers to.
        """
        if once and self._items:
            last = {self._items[at]: at for at in order if at in self._items}
            items = self._items
            order = [at for at in order if at not in items or last[items[at]] == at]
        return Plan(
            run=run,
            numbers=array("q", (self.numbers[place] for place in order)),
            lengths=array("q", (self._lengths[place] for place in order)),
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
