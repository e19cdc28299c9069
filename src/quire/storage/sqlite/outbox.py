"""The outbox in SQLite: blocks by their ids, with the late documents in between."""

from collections.abc import Collection, Iterator

import apsw

from quire.documents.names import DocumentName
from quire.ports.document_records import StoredDocument
from quire.ports.outbox_records import Amount, Outgoing, Position
from quire.storage import blocks
from quire.storage.sqlite.uids import to_column, to_text

_POSITION_GET = "SELECT number, late FROM outlet WHERE name = ?"
_POSITION_PUT = "INSERT OR REPLACE INTO outlet (name, number, late) VALUES (?, ?, ?)"
_BLOCKS_FROM = "SELECT id, run, directory, body FROM block WHERE id >= ? ORDER BY id"
_DIRECTORIES_FROM = (
    "SELECT id, run, directory, NULL FROM block WHERE id >= ? ORDER BY id"
)
_LATE_AFTER = (
    "SELECT id, run, number, behind FROM outbox_late WHERE id > ? ORDER BY id LIMIT ?"
)
_LATE_COUNT = "SELECT count(*) FROM outbox_late WHERE id > ?"
# The head of a MessagePack array says how many documents there are.
_HEADS_FROM = (
    "SELECT id, substr(directory, 1, 5) FROM block WHERE id >= ? ORDER BY id LIMIT ?"
)
_DIRECTORIES_OF_RUN = (
    "SELECT id, directory FROM block WHERE run = ? AND id >= ? ORDER BY id"
)
_ADOPTED_AFTER = (
    "SELECT number FROM adopted WHERE run = ? AND number > ? ORDER BY number"
)
_BLOCK_DIRECTORY = "SELECT directory FROM block WHERE id = ?"
_BLOCK = "SELECT directory, body FROM block WHERE id = ?"

_Late = tuple[int, str, int, int]
"""Place among the late ones, run, number, and the block that it comes behind."""


class SqliteOutbox:
    """`quire.ports.outbox_records.OutboxRecords` on one connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def position(self, outlet: str) -> Position | None:
        """Return how far an outlet has come, None if it never began."""
        row = self._connection.execute(_POSITION_GET, (outlet,)).fetchone()
        return None if row is None else Position(number=row[0], late=row[1])

    def move(self, outlet: str, position: Position) -> None:
        """Note how far an outlet has come."""
        self._connection.execute(
            _POSITION_PUT, (outlet, position.number, position.late)
        )

    def after(self, position: Position, amount: Amount) -> tuple[Outgoing, ...]:
        """Return what follows a position, in order; at least one if there is any."""
        found: list[Outgoing] = []
        size = 0
        for outgoing in self._following(position, amount):
            found.append(outgoing)
            size += len(outgoing.document.raw)
            if len(found) >= amount.documents or size >= amount.size:
                break
        return tuple(found)

    def behind(self, position: Position, most: int) -> int:
        """Return how many documents follow a position; counts on to about `most`."""
        (count,) = next(self._connection.execute(_LATE_COUNT, (position.late,)))
        first, place = blocks.place_of(position.number)
        heads = self._connection.execute(_HEADS_FROM, (first, most))
        for block, head in heads:
            count += _array_length(head)
            if block == first:
                count -= place + 1
            if count >= most:
                break
        return int(count)

    def of_run(
        self, run: str, after: int, names: Collection[DocumentName], amount: Amount
    ) -> tuple[StoredDocument, ...]:
        """Return a run's documents of these names with numbers above `after`."""
        found: list[StoredDocument] = []
        size = 0
        bodies: dict[int, bytes] = {}
        for number, slot in self._slots_of(to_column(run), after):
            if slot.name not in names:
                continue
            block, _ = blocks.place_of(number)
            if block not in bodies:
                row = next(self._connection.execute(_BLOCK, (block,)))
                bodies = {block: blocks.opened(*row)[1]}
            found.append(blocks.document(slot, bodies[block], number))
            size += slot.length
            if len(found) >= amount.documents or size >= amount.size:
                break
        return tuple(found)

    def _following(self, position: Position, amount: Amount) -> Iterator[Outgoing]:
        number, done = position.number, position.late
        late = list(self._late_after(done, amount.documents))
        late.reverse()  # the next one last
        first, _ = blocks.place_of(number)
        query = _BLOCKS_FROM if amount.bodies else _DIRECTORIES_FROM
        rows = self._connection.execute(query, (first,))
        for block, owner, encoded, body in rows:
            while late and late[-1][3] < block:
                done = late[-1][0]
                yield self._late(late.pop(), Position(number=number, late=done))
            run = None if owner is None else to_text(owner)
            slots, whole = (
                blocks.opened(encoded, body)
                if amount.bodies
                else (blocks.directory(encoded), b"")
            )
            for place, slot in enumerate(slots):
                if blocks.number_of(block, place) > number:
                    number = blocks.number_of(block, place)
                    yield Outgoing(
                        run=run,
                        document=blocks.document(slot, whole, number),
                        position=Position(number=number, late=done),
                    )
        for one in reversed(late):
            yield self._late(one, Position(number=number, late=one[0]))

    def _late_after(self, done: int, limit: int) -> Iterator[_Late]:
        for row in self._connection.execute(_LATE_AFTER, (done, limit)):
            place, owner, number, behind = row
            yield place, to_text(owner), number, behind

    def _late(self, late: _Late, position: Position) -> Outgoing:
        _, run, number, _ = late
        block, place = blocks.place_of(number)
        row = next(self._connection.execute(_BLOCK, (block,)))
        slots, body = blocks.opened(*row)
        return Outgoing(
            run=run,
            document=blocks.document(slots[place], body, number),
            late=True,
            position=position,
        )

    def _slots_of(
        self, run: bytes | str, after: int
    ) -> Iterator[tuple[int, blocks.Slot]]:
        """Yield the numbers above `after` and the slots, in the order of arrival."""
        rows = self._connection.execute(_ADOPTED_AFTER, (run, after))
        adopted = [number for (number,) in rows]
        adopted.reverse()  # the next one last
        first, _ = blocks.place_of(after)
        own = self._connection.execute(_DIRECTORIES_OF_RUN, (run, first))
        for block, encoded in own:
            while adopted and adopted[-1] < blocks.number_of(block, 0):
                yield self._adopted_slot(adopted.pop())
            for place, slot in enumerate(blocks.directory(encoded)):
                if blocks.number_of(block, place) > after:
                    yield blocks.number_of(block, place), slot
        for number in reversed(adopted):
            yield self._adopted_slot(number)

    def _adopted_slot(self, number: int) -> tuple[int, blocks.Slot]:
        block, place = blocks.place_of(number)
        (encoded,) = next(self._connection.execute(_BLOCK_DIRECTORY, (block,)))
        return number, blocks.directory(encoded)[place]


def _array_length(head: bytes) -> int:
    """Return the length of the MessagePack array that begins so (its specification)."""
    match head[0]:
        case 0xDC:
            return int.from_bytes(head[1:3], "big")
        case 0xDD:
            return int.from_bytes(head[1:5], "big")
        case short:
            return short & 0x0F
