"""The received documents in SQLite."""

import heapq
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import dropwhile, groupby

import apsw

from quire.ports.document_records import Arrival, StoredDocument
from quire.storage import blocks
from quire.storage.sqlite import sql
from quire.storage.sqlite.changes import Changes
from quire.storage.sqlite.known_keys import KeyIndex, KnownKeys, add, remove
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

    def append(self, run: str | None, arrivals: Sequence[Arrival]) -> None:
        """Store documents behind all earlier ones; run None where they wait."""
        owner = None if run is None else to_column(run)
        for part in blocks.split(arrivals):
            self._append_block(owner, part)

    def find(
        self, run: str | None, keys: Sequence[int]
    ) -> dict[int, tuple[StoredDocument, ...]]:
        """Return, for those keys that are known in the run, the documents with it."""
        index = self._index(None if run is None else to_column(run))
        if index.keys().isdisjoint(keys):
            return {}
        hits = {key: index[key] for key in keys if key in index}
        numbers = sorted({number for found in hits.values() for number in found})
        documents = {item.number: item for item in self._read(numbers)}
        return {
            key: tuple(documents[number] for number in sorted(found))
            for key, found in hits.items()
        }

    def run_of(self, anchor: str) -> str | None:
        """Return the run of the document that others refer to by this uid."""
        row = self._connection.execute(sql.ANCHOR_GET, (to_column(anchor),)).fetchone()
        return None if row is None else to_text(row[0])

    def adopt(self, waits_for: str, run: str) -> tuple[StoredDocument, ...]:
        """Give the documents that wait for a uid to a run; return them."""
        owner, awaited = to_column(run), to_column(waits_for)
        self._put_anchor(waits_for, owner)
        numbers = self._numbers(sql.WAITING_FOR, awaited)
        if not numbers:
            return ()
        self._connection.execute(sql.WAITING_REMOVE, (awaited,))
        self._connection.executemany(
            sql.ADOPTED_PUT, [(owner, number) for number in numbers]
        )
        for number, slot in self._slots(numbers):
            self._put_anchor(slot.anchor, owner)
            self._note(None, remove, slot.keys, number)
            self._note(owner, add, slot.keys, number)
        return tuple(self._read(numbers))

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
        self._note_new(run, arrivals, first)
        for number, arrival in enumerate(arrivals, first):
            if run is None:
                awaited = to_column(arrival.waits_for)
                self._connection.execute(sql.WAITING_PUT, (awaited, number))
            elif arrival.anchor:
                self._put_anchor(arrival.anchor, run)

    def _note_new(
        self, run: Uid | None, arrivals: Sequence[Arrival], first: int
    ) -> None:
        index = self._known.get(run)
        if index is None:
            return
        self._changes.forget_on_undo(run)
        for number, arrival in enumerate(arrivals, first):
            keys = arrival.keys
            if len(keys) == 1 and keys[0] not in index:
                index[keys[0]] = (number,)
            elif index.keys().isdisjoint(keys):
                index.update(dict.fromkeys(keys, (number,)))
            else:
                add(index, keys, number)

    def _put_anchor(self, anchor: str, run: Uid) -> None:
        if anchor:
            self._connection.execute(sql.ANCHOR_PUT, (to_column(anchor), run))

    def _note(
        self,
        run: Uid | None,
        change: Callable[[KeyIndex, Iterable[int], int], None],
        keys: Iterable[int],
        number: int,
    ) -> None:
        index = self._known.get(run)
        if index is not None:
            change(index, keys, number)
            self._changes.forget_on_undo(run)

    def _index(self, run: Uid | None) -> KeyIndex:
        index = self._known.get(run)
        if index is None:
            index = self._load_index(run)
            self._known.put(run, index)
            # What was read may be this decision's own.
            self._changes.forget_on_undo(run)
        return index

    def _load_index(self, run: Uid | None) -> KeyIndex:
        index: KeyIndex = {}
        if run is None:
            numbers = self._numbers(sql.WAITING_ALL)
        else:
            numbers = []
            for number, encoded in self._connection.execute(sql.OF_RUN, (run,)):
                if encoded is None:
                    numbers.append(number)
                else:
                    for place, slot in enumerate(blocks.directory(encoded)):
                        add(index, slot.keys, blocks.number_of(number, place))
            numbers.sort()
        for number, slot in self._slots(numbers):
            add(index, slot.keys, number)
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

    def _whole(self, block_ids: Iterable[int]) -> Iterator[StoredDocument]:
        for block in block_ids:
            slots, body = self._block(block)
            for place, slot in enumerate(slots):
                yield blocks.document(slot, body, blocks.number_of(block, place))

    def _block(self, block: int) -> tuple[tuple[blocks.Slot, ...], bytes]:
        row = next(self._connection.execute(sql.BLOCK_GET, (block,)))
        return blocks.opened(*row)


def _by_block(numbers: Iterable[int]) -> Iterator[tuple[int, list[int]]]:
    for block, members in groupby(numbers, key=lambda item: blocks.place_of(item)[0]):
        yield block, list(members)
