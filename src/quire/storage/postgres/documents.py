"""The received documents in PostgreSQL."""

import heapq
from collections.abc import Iterable, Iterator, Sequence
from itertools import dropwhile, groupby, islice

from quire.ports.document_records import Arrival, EventArrivals, StoredDocument
from quire.storage import blocks
from quire.storage.postgres import sql
from quire.storage.postgres.keys import to_key
from quire.storage.postgres.known_keys import KnownAnchors, RunKeys
from quire.storage.postgres.run_looks import Looks
from quire.storage.postgres.session import Session
from quire.storage.postgres.uids import to_column, to_text
from quire.storage.squeezing import Squeezer

# Documents that wait are found by their keys, of which a page has many: who looks for
# them locks the part of all keys that theirs are in.
_PARTS = 64
_BLOCKS_AT_A_TIME = 16


class PostgresDocuments:
    """`quire.ports.document_records.DocumentRecords` in one session."""

    def __init__(self, session: Session, looks: Looks) -> None:
        self._session = session
        self._known = looks.known
        self._anchors = KnownAnchors()
        self._squeezer = Squeezer()
        self._opened: dict[int, blocks.Opened] = {}

    def append(self, run: str | None, arrivals: Sequence[Arrival]) -> None:
        """Store documents behind all earlier ones; run None where they wait."""
        for part in blocks.split(arrivals):
            if run is None:
                self._append_waiting(part)
            else:
                self._append(run, part)

    def find(
        self, run: str | None, keys: Sequence[int]
    ) -> dict[int, tuple[StoredDocument, ...]]:
        """Return, for those keys that are known in the run, the documents with it."""
        hits = self._waiting_with(keys) if run is None else self._with(run, keys)
        if not hits:
            return {}
        numbers = sorted({number for found in hits.values() for number in found})
        documents = {item.number: item for item in self._read(numbers)}
        return {
            key: tuple(documents[number] for number in sorted(found))
            for key, found in hits.items()
        }

    def run_of(self, anchor: str) -> str | None:
        """Return the run of the document that others refer to by this uid."""
        known = self._anchors.get(anchor) or self._look_up(anchor)
        if known is None and self._session.deciding:
            self._session.lock("anchor", anchor)
            known = self._look_up(anchor)
        return known

    def adopt(self, waits_for: str, run: str) -> tuple[StoredDocument, ...]:
        """Give the documents that wait for a uid to a run; return them."""
        self._session.lock("anchor", waits_for)
        self._session.lock("run", run)
        self._put_anchors([waits_for], run)
        awaited = to_key(waits_for)
        numbers = [row[0] for row in self._session.rows(sql.WAITING_FOR, [awaited])]
        if not numbers:
            return ()
        adopted = list(self._looked_up(numbers))
        self._lock_waiting(key for _, one in adopted for key in one.keys)
        self._session.run(sql.WAITING_REMOVE, [awaited])
        self._session.run(sql.WAITING_KEYS_REMOVE, [numbers])
        self._session.run(sql.ADOPTED_PUT, [to_column(run), numbers])
        # What is known of the run ends before what was adopted just now.
        self._known.get(run).epoch = -1
        anchors = [anchor for anchor, _ in adopted if anchor]
        self._session.lock("anchor", *anchors)
        self._put_anchors(anchors, run)
        return tuple(one for _, one in adopted)

    def of_run(self, run: str, first: int = 0) -> Iterator[StoredDocument]:
        """Return a run's documents in the order of arrival."""
        self._session.lock("run", run)
        owner = to_column(run)
        begin, _ = blocks.place_of(first)
        asked = {"run": owner, "first": begin}
        own = [row[0] for row in self._session.rows(sql.BLOCK_IDS_OF_RUN, asked)]
        adopted = [row[0] for row in self._session.rows(sql.ADOPTED_OF_RUN, asked)]
        every = heapq.merge(
            self._whole(own),
            self._read(number for number in adopted if number >= first),
            key=lambda item: item.number,
        )
        return dropwhile(lambda item: item.number < first, every)

    def keep(self) -> None:
        """Take note that what was written is committed."""
        self._known.keep()
        self._anchors.keep()

    def forget(self) -> None:
        """Take note that what was written since the last commit is gone."""
        self._known.forget()
        self._anchors.forget()

    def _append(self, run: str, arrivals: Sequence[Arrival]) -> None:
        self._session.lock("run", run)
        known = self._known.get(run)
        whole = known.epoch == self._session.epoch
        block = self._put_block(to_column(run), arrivals)
        if whole:  # else what lies before it would be taken for known, too
            known.last_block = block
            _note(known, arrivals, blocks.number_of(block, 0))
        if isinstance(arrivals, EventArrivals):
            return  # nothing refers to an event
        anchors = [one.anchor for one in arrivals if one.anchor]
        self._session.lock("anchor", *anchors)
        self._put_anchors(anchors, run)

    def _append_waiting(self, arrivals: Sequence[Arrival]) -> None:
        self._session.lock("anchor", *(one.waits_for for one in arrivals))
        self._lock_waiting(key for one in arrivals for key in one.keys)
        first = blocks.number_of(self._put_block(None, arrivals), 0)
        numbered = list(enumerate(arrivals, first))
        self._session.copy(
            "waiting (waits_for, number)",
            [(self._session.key(one.waits_for), number) for number, one in numbered],
        )
        self._session.copy(
            "waiting_key (key, number)",
            [(key, number) for number, one in numbered for key in set(one.keys)],
        )

    def _put_block(self, run: bytes | None, arrivals: Sequence[Arrival]) -> int:
        directory, body = blocks.pack(arrivals, self._squeezer.squeeze)
        row = self._session.row(sql.BLOCK_PUT, [run, directory, body])
        assert row is not None  # noqa: S101  # it returns the id
        return int(row[0])

    def _put_anchors(self, anchors: Sequence[str], run: str) -> None:
        new = sorted({one for one in anchors if one and self._anchors.get(one) is None})
        if not new:
            return
        columns = [self._session.key(one) for one in new]
        put = self._session.run(sql.ANCHORS_PUT, [columns, to_column(run)])
        if put == len(new):
            for one in new:
                self._anchors.put(one, run)

    def _look_up(self, anchor: str) -> str | None:
        row = self._session.row(sql.ANCHOR_GET, [to_key(anchor)])
        if row is None:
            return None
        run = to_text(row[0])
        self._anchors.put(anchor, run)
        return run

    def _lock_waiting(self, keys: Iterable[int]) -> None:
        self._session.lock("waiting", *{str(key % _PARTS) for key in keys})

    def _waiting_with(self, keys: Sequence[int]) -> dict[int, tuple[int, ...]]:
        self._lock_waiting(keys)
        hits: dict[int, tuple[int, ...]] = {}
        for key, number in self._session.rows(sql.WAITING_KEYS, [list(keys)]):
            hits[key] = (*hits.get(key, ()), number)
        return hits

    def _with(self, run: str, keys: Sequence[int]) -> dict[int, tuple[int, ...]]:
        self._session.lock("run", run)
        return self._complete(run).index.find(keys)

    def _complete(self, run: str) -> RunKeys:
        known = self._known.get(run)
        if known.epoch == self._session.epoch:
            return known
        owner = to_column(run)
        given = {
            "run": owner,
            "block": known.last_block,
            "adopted": known.last_adopted,
        }
        adopted: list[int] = []
        for ordinal, directory, number in self._session.rows(sql.NEWS_OF_RUN, given):
            if directory is None:
                known.last_adopted = max(known.last_adopted, ordinal)
                adopted.append(number)
                continue
            known.last_block = max(known.last_block, ordinal)
            for place, slot in enumerate(blocks.directory(directory)):
                known.index.add(slot.keys, blocks.number_of(ordinal, place))
            known.index.seal()
        for number, slot in self._slots(sorted(adopted)):
            known.index.add(slot.keys, number)
        known.epoch = self._session.epoch
        return known

    def _slots(self, numbers: Iterable[int]) -> Iterator[tuple[int, blocks.Slot]]:
        by_block = dict(_by_block(numbers))
        if not by_block:
            return
        for block, encoded in self._session.rows(sql.DIRECTORIES, [list(by_block)]):
            slots = blocks.directory(encoded)
            for number in by_block[block]:
                yield number, slots[blocks.place_of(number)[1]]

    def _read(self, numbers: Iterable[int]) -> Iterator[StoredDocument]:
        wanted = _by_block(numbers)
        while some := dict(islice(wanted, _BLOCKS_AT_A_TIME)):
            for block, encoded, body in self._session.rows(sql.BLOCKS, [list(some)]):
                slots, whole = blocks.opened(encoded, body)
                for number in some[block]:
                    slot = slots[blocks.place_of(number)[1]]
                    yield blocks.document(slot, whole, number)

    def _looked_up(
        self, numbers: Iterable[int]
    ) -> Iterator[tuple[str, StoredDocument]]:
        """Yield documents, each behind its anchor, where many are adopted in turn.

        What came together mostly is, and each would have its block opened again.
        """
        for block, members in _by_block(numbers):
            if block not in self._opened:
                ((_, *stored),) = self._session.rows(sql.BLOCKS, [[block]])
                blocks.keep(self._opened, block, blocks.opened(*stored))
            slots, body = self._opened[block]
            for number in members:
                slot = slots[blocks.place_of(number)[1]]
                yield slot.anchor, blocks.document(slot, body, number)

    def _whole(self, block_ids: Sequence[int]) -> Iterator[StoredDocument]:
        # As they are asked for: a reader of a page does not look at all of a run.
        for begin in range(0, len(block_ids), _BLOCKS_AT_A_TIME):
            some = block_ids[begin : begin + _BLOCKS_AT_A_TIME]
            for block, encoded, body in self._session.rows(sql.BLOCKS, [some]):
                slots, whole = blocks.opened(encoded, body)
                for place, slot in enumerate(slots):
                    yield blocks.document(slot, whole, blocks.number_of(block, place))


def _note(known: RunKeys, arrivals: Sequence[Arrival], first: int) -> None:
    if isinstance(arrivals, EventArrivals):
        known.index.add_each(arrivals.keys, first)
    else:
        for number, arrival in enumerate(arrivals, first):
            known.index.add(arrival.keys, number)
    known.index.seal()


def _by_block(numbers: Iterable[int]) -> Iterator[tuple[int, list[int]]]:
    for block, members in groupby(numbers, key=lambda item: blocks.place_of(item)[0]):
        yield block, list(members)
