"""The received documents in SQLite."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import dropwhile, groupby

import apsw

from quire.ports.document_records import Arrival, EventArrivals, StoredDocument
from quire.storage import blocks
from quire.storage.key_index import KeyIndex
from quire.storage.sqlite import sql
from quire.storage.sqlite.changes import Changes
from quire.storage.sqlite.known_keys import KnownKeys
from quire.storage.sqlite.uids import Uid, to_column, to_text
from quire.storage.squeezing import Squeezer


class SqliteDocuments:
    """`quire.ports.document_records.DocumentRecords` on one connection."""

    def __init__(
        self, connection: apsw.Connection, changes: Changes, known: KnownKeys
    ) -> None:
        self._connection = connection
        self._changes = changes
        self._known = known
        self._squeezer = Squeezer()
        self._opened: dict[int, blocks.Opened] = changes.cache({})

    def append(self, run: str | None, arrivals: Sequence[Arrival]) -> None:
        """Store documents behind all earlier ones; run None where they wait."""
        owner = None if run is None else to_column(run)
        for part in blocks.split(arrivals):
            self._append_block(owner, part)

    def find(
        self, run: str | None, keys: Sequence[int]
    ) -> dict[int, tuple[StoredDocument, ...]]:
        """Return, for those keys that are known in the run, the documents with it."""
        known = self._index(None if run is None else to_column(run)).find(keys)
        if not known:
            return {}
        places = sorted({number for found in known.values() for number in found})
        documents = {item.number: item for _, item in self._looked_up(places)}
        return {
            key: tuple(documents[number] for number in sorted(found))
            for key, found in known.items()
        }

    def run_of(self, anchor: str) -> str | None:
        """Return the run of the document that others refer to by this uid."""
        known = self._changes.anchors
        if anchor not in known:
            bindings = (to_column(anchor),)
            row = self._connection.execute(sql.ANCHOR_GET, bindings).fetchone()
            if row is None:
                return None
            known[anchor] = to_text(row[0])
        return known[anchor]

    def adopt(self, waits_for: str, run: str) -> tuple[StoredDocument, ...]:
        """Give the documents that wait for a uid to a run; return them."""
        owner, awaited = to_column(run), to_column(waits_for)
        if self._put_anchor(waits_for, owner):
            self._changes.anchors[waits_for] = run
        numbers = self._numbers(sql.WAITING_FOR, awaited)
        if not numbers:
            return ()
        self._changes.reads(len(numbers))
        self._connection.execute(sql.WAITING_REMOVE, (awaited,))
        self._connection.executemany(
            sql.ADOPTED_PUT, [(owner, number) for number in numbers]
        )
        adopted: list[StoredDocument] = []
        for slot, document in self._looked_up(numbers):
            self._put_anchor(slot.anchor, owner)
            if (waiting := self._changing(None)) is not None:
                waiting.remove(slot.keys, document.number)
            if (own := self._changing(owner)) is not None:
                own.add(slot.keys, document.number)
            adopted.append(document)
        return tuple(adopted)

    def of_run(self, run: str, first: int = 0) -> Iterator[StoredDocument]:
        """Return a run's documents in the order of arrival."""
        owner = to_column(run)
        begin, _ = blocks.place_of(first)
        # As they are asked for: a reader of a page does not look at all of a run.
        rows = self._connection.execute(sql.BLOCKS_OF_RUN, (owner, begin))
        own = (row[0] for row in rows)
        adopted = self._numbers(sql.ADOPTED_OF_RUN, owner)
        every = heapq.merge(
            self._whole(own),
            self._read(number for number in adopted if number >= first),
            key=lambda item: item.number,
        )
        return dropwhile(lambda item: item.number < first, every)

    def _append_block(self, run: Uid | None, arrivals: Sequence[Arrival]) -> None:
        block = (run, *blocks.pack(arrivals, self._squeezer.squeeze))
        self._connection.execute(sql.BLOCK_PUT, block)
        first = blocks.number_of(self._connection.last_insert_rowid(), 0)
        self._note_keys(run, arrivals, first)
        if isinstance(arrivals, EventArrivals):
            return  # nothing refers to an event, and none of these waits
        for number, arrival in enumerate(arrivals, first):
            if run is None:
                awaited = to_column(arrival.waits_for)
                self._connection.execute(sql.WAITING_PUT, (awaited, number))
            elif arrival.anchor:
                self._put_anchor(arrival.anchor, run)

    def _note_keys(
        self, run: Uid | None, arrivals: Sequence[Arrival], first: int
    ) -> None:
        index = self._changing(run)
        if index is None:
            return
        if isinstance(arrivals, EventArrivals):
            index.add_each(arrivals.keys, first)
        else:
            for number, arrival in enumerate(arrivals, first):
                index.add(arrival.keys, number)
        if run is not None:  # what waits is removed again
            index.seal()

    def _put_anchor(self, anchor: str, run: Uid) -> bool:
        """Note whose an anchor is, unless it is somebody's; return whether it was not."""
        if not anchor or anchor in self._changes.anchors:
            return False
        self._connection.execute(sql.ANCHOR_PUT, (to_column(anchor), run))
        return self._connection.changes() > 0

    def _changing(self, run: Uid | None) -> KeyIndex | None:
        """Return the run's index, if it is here, to have a change noted in it."""
        index = self._known.get(run)
        if index is not None:
            self._changes.forget_on_undo(run)
        return index

    def _index(self, run: Uid | None) -> KeyIndex:
        index = self._known.get(run)
        if index is None:
            index = self._load_index(run)
            self._known.put(run, index)
            # What was read may be this decision's own.
            self._changes.forget_on_undo(run)
        return index

    def _load_index(self, run: Uid | None) -> KeyIndex:
        index = KeyIndex()
        if run is None:
            numbers = self._numbers(sql.WAITING_ALL)
        else:
            numbers = []
            for number, encoded in self._connection.execute(sql.OF_RUN, (run,)):
                if encoded is None:
                    numbers.append(number)
                    continue
                slots = blocks.directory(encoded)
                self._changes.reads(len(slots))
                for place, slot in enumerate(slots):
                    index.add(slot.keys, blocks.number_of(number, place))
                index.seal()
            numbers.sort()
        self._changes.reads(len(numbers))
        for number, slot in self._slots(numbers):
            index.add(slot.keys, number)
        return index

    def _numbers(self, query: str, *bindings: Uid) -> list[int]:
        return [row[0] for row in self._connection.execute(query, bindings)]

    def _slots(self, numbers: Iterable[int]) -> Iterator[tuple[int, blocks.Slot]]:
        for block, members in _by_block(numbers):
            row = next(self._connection.execute(sql.BLOCK_DIRECTORY, (block,)))
            slots = blocks.directory(row[0])
            for number in members:
                yield number, slots[blocks.place_of(number)[1]]

    def _read(self, numbers: Iterable[int]) -> Iterator[StoredDocument]:
        for block, members in _by_block(numbers):
            slots, body = self._block(block)
            for number in members:
                yield blocks.document(slots[blocks.place_of(number)[1]], body, number)

    def _looked_up(
        self, numbers: Iterable[int]
    ) -> Iterator[tuple[blocks.Slot, StoredDocument]]:
        """Read documents where one may be asked for after the other.

        What came together mostly is, and each would have its block opened again.
        """
        for block, members in _by_block(numbers):
            if block not in self._opened:
                blocks.keep(self._opened, block, self._block(block))
            slots, body = self._opened[block]
            for number in members:
                slot = slots[blocks.place_of(number)[1]]
                yield slot, blocks.document(slot, body, number)

    def _whole(self, block_ids: Iterable[int]) -> Iterator[StoredDocument]:
        for block in block_ids:
            slots, body = self._block(block)
            for place, slot in enumerate(slots):
                yield blocks.document(slot, body, blocks.number_of(block, place))

    def _block(self, block: int) -> blocks.Opened:
        row = next(self._connection.execute(sql.BLOCK_GET, (block,)))
        return blocks.opened(*row)


def _by_block(numbers: Iterable[int]) -> Iterator[tuple[int, list[int]]]:
    for block, members in groupby(numbers, key=lambda item: blocks.place_of(item)[0]):
        yield block, list(members)
