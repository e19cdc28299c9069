"""The outbox in SQLite: blocks by their ids, with the late documents in between."""

from collections.abc import Collection, Iterator

import apsw

from quire.documents.names import DocumentName
from quire.ports.document_records import StoredDocument
from quire.ports.outbox_records import Amount, Outgoing, Position
from quire.storage import blocks
from quire.storage.outgoing import Late, counted, following, taken
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
        return taken(self._following(position, amount), amount)

    def behind(self, position: Position, most: int) -> int:
        """Return how many documents follow a position; counts on to about `most`."""
        (count,) = next(self._connection.execute(_LATE_COUNT, (position.late,)))
        first, _ = blocks.place_of(position.number)
        heads = self._connection.execute(_HEADS_FROM, (first, most))
        return int(count) + counted(heads, position, most - count)

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
        first, _ = blocks.place_of(position.number)
        query = _BLOCKS_FROM if amount.bodies else _DIRECTORIES_FROM
        rows = (
            (block, None if owner is None else to_text(owner), encoded, body)
            for block, owner, encoded, body in self._connection.execute(query, (first,))
        )
        late = [
            Late(place, to_text(owner), number, behind)
            for place, owner, number, behind in self._connection.execute(
                _LATE_AFTER, (position.late, amount.documents)
            )
        ]
        return following(rows, late, position, self._read)

    def _read(self, number: int) -> StoredDocument:
        block, place = blocks.place_of(number)
        slots, body = blocks.opened(*next(self._connection.execute(_BLOCK, (block,))))
        return blocks.document(slots[place], body, number)

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
