"""The outbox in PostgreSQL: blocks by their ids, with the late documents in between.

Many servers write at once, so ids become visible out of order: what is read ends at the
last id below which nothing can come any more. ``migrations/0002_records.sql`` says how
that is known.
"""

from collections.abc import Collection, Iterator
from itertools import dropwhile

from quire.documents.names import DocumentName
from quire.ports.document_records import StoredDocument
from quire.ports.outbox_records import Amount, Outgoing, Position
from quire.storage import blocks
from quire.storage.outgoing import Block, Late, counted, following, taken
from quire.storage.postgres.keys import to_key
from quire.storage.postgres.session import Session
from quire.storage.postgres.uids import to_column, to_text

_POSITION_GET = "SELECT number, late FROM outlet WHERE name = %s"
_POSITION_PUT = (
    "INSERT INTO outlet (name, number, late) VALUES (%s, %s, %s)"
    " ON CONFLICT (name) DO UPDATE SET number = excluded.number, late = excluded.late"
)
_END = (
    "SELECT coalesce(max(last), 0) FROM outbox_mark"
    " WHERE behind <= pg_snapshot_xmin(pg_current_snapshot())"
)
# Bodies may be large: the rows end with the one that fills a size.
_BLOCKS = (
    "SELECT id, run, directory, body FROM block WHERE id IN ("
    " SELECT id FROM ("
    "  SELECT id, sum(octet_length(body)) OVER (ORDER BY id) - octet_length(body)"
    "   AS before"
    "  FROM (SELECT id, body FROM block WHERE {chosen} ORDER BY id LIMIT %s) AS next"
    " ) AS sized WHERE before < %s) ORDER BY id"
)
_FOLLOWING = _BLOCKS.format(chosen="id BETWEEN %s AND %s")
# As the indexes have it: a uid may be longer than their entries.
_THE_RUN = (
    "substring(run FROM 1 FOR 1000) = substring(%s::bytea FROM 1 FOR 1000) AND run = %s"
)
_DIRECTORIES = (
    "SELECT id, run, directory, NULL FROM block WHERE id BETWEEN %s AND %s"
    " ORDER BY id LIMIT %s"
)
_OF_RUN = _BLOCKS.format(chosen=f"{_THE_RUN} AND id BETWEEN %s AND %s")
_LATE = (
    "SELECT id, run, number FROM outbox_late WHERE id > %s AND id < %s"
    " ORDER BY id LIMIT %s"
)
_LATE_COUNT = "SELECT count(*) FROM outbox_late WHERE id > %s AND id < %s"
# The head of a MessagePack array says how many documents there are.
_HEADS = (
    "SELECT id, substring(directory FROM 1 FOR 5) FROM block"
    " WHERE id BETWEEN %s AND %s ORDER BY id LIMIT %s"
)
_ADOPTED = (
    f"SELECT number FROM adopted WHERE {_THE_RUN} AND number > %s"  # noqa: S608
    " ORDER BY number"
)
_BLOCK = "SELECT directory, body FROM block WHERE id = %s"
_SLICE = 64
_LAST = 2**63 - 1


class PostgresOutbox:
    """`quire.ports.outbox_records.OutboxRecords` in one session.

    The `late` of a position is the place of a late document: the id of the block that
    it comes behind, and a place there, put together as in a document's number.
    """

    def __init__(self, session: Session) -> None:
        self._session = session

    def position(self, outlet: str) -> Position | None:
        """Return how far an outlet has come, None if it never began."""
        self._session.lock("outlet", outlet)
        row = self._session.row(_POSITION_GET, [to_key(outlet)])
        return None if row is None else Position(number=row[0], late=row[1])

    def move(self, outlet: str, position: Position) -> None:
        """Note how far an outlet has come."""
        row = (self._session.key(outlet), position.number, position.late)
        self._session.run(_POSITION_PUT, row)

    def after(self, position: Position, amount: Amount) -> tuple[Outgoing, ...]:
        """Return what follows a position, in order; at least one if there is any."""
        return taken(self._following(position, amount), amount)

    def behind(self, position: Position, most: int) -> int:
        """Return how many documents follow a position; counts on to about `most`."""
        # What may not go out yet counts: it is acknowledged, and has not gone.
        count = self._integer(_LATE_COUNT, position.late, _LAST)
        first, _ = blocks.place_of(position.number)
        heads = self._session.rows(_HEADS, (first, _LAST, most))
        return count + counted(heads, position, most - count)

    def of_run(
        self, run: str, after: int, names: Collection[DocumentName], amount: Amount
    ) -> tuple[StoredDocument, ...]:
        """Return a run's documents of these names with numbers above `after`."""
        found: list[StoredDocument] = []
        size = 0
        if not names:
            return ()
        for document in self._documents_of(to_column(run), after, amount):
            if document.name in names:
                found.append(document)
                size += len(document.raw)
                if len(found) >= amount.documents or size >= amount.size:
                    break
        return tuple(found)

    def _end(self) -> int:
        """Return the block after which nothing may go out yet."""
        return self._integer(_END)

    def _following(self, position: Position, amount: Amount) -> Iterator[Outgoing]:
        end = self._end()
        first, _ = blocks.place_of(position.number)
        beyond = blocks.number_of(end + 1, 0)
        late = [
            Late(place, to_text(run), number, blocks.place_of(place)[0])
            for place, run, number in self._session.rows(
                _LATE, (position.late, beyond, amount.documents)
            )
        ]
        rows = self._blocks(first, end, amount)
        return following(rows, late, position, self._read)

    def _blocks(self, first: int, end: int, amount: Amount) -> Iterator[Block]:
        while first <= end:
            some = (
                self._session.rows(_FOLLOWING, (first, end, _SLICE, amount.size))
                if amount.bodies
                else self._session.rows(_DIRECTORIES, (first, end, _SLICE))
            )
            if not some:
                return
            for block, owner, encoded, body in some:
                yield block, None if owner is None else to_text(owner), encoded, body
            first = some[-1][0] + 1

    def _documents_of(
        self, run: bytes, after: int, amount: Amount
    ) -> Iterator[StoredDocument]:
        """Yield the documents above `after`, in the order of arrival."""
        adopted = [row[0] for row in self._session.rows(_ADOPTED, (run, run, after))]
        adopted.reverse()  # the next one last
        first, _ = blocks.place_of(after)
        while own := self._session.rows(
            _OF_RUN, (run, run, first, _LAST, _SLICE, amount.size)
        ):
            for block, _, encoded, body in own:
                while adopted and adopted[-1] < blocks.number_of(block, 0):
                    yield self._read(adopted.pop())
                slots, whole = blocks.opened(encoded, body)
                every = enumerate(slots, blocks.number_of(block, 0))
                for number, slot in dropwhile(lambda item: item[0] <= after, every):
                    yield blocks.document(slot, whole, number)
            first = own[-1][0] + 1
        for number in reversed(adopted):
            yield self._read(number)

    def _read(self, number: int) -> StoredDocument:
        block, place = blocks.place_of(number)
        ((encoded, body),) = self._session.rows(_BLOCK, [block])
        slots, whole = blocks.opened(encoded, body)
        return blocks.document(slots[place], whole, number)

    def _integer(self, query: str, *values: int) -> int:
        ((number,),) = self._session.rows(query, values)
        return int(number)
