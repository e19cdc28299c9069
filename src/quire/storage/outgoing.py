"""What outlets get: blocks by their ids, with the late documents in between."""

from collections.abc import Callable, Iterable, Iterator, Sequence

import msgspec

from quire.ports.document_records import StoredDocument
from quire.ports.outbox_records import Amount, Outgoing, Position
from quire.storage import blocks

Block = tuple[int, str | None, bytes, bytes | None]
"""Its id and run, its directory, and its body if that is wanted."""


class Late(msgspec.Struct, frozen=True, gc=False):
    """A document that goes out behind blocks that came after it.

    Attributes
    ----------
    place
        Among the late ones.
    behind
        The id of the block that it follows.
    """

    place: int
    run: str
    number: int
    behind: int


def following(
    rows: Iterable[Block],
    late: Sequence[Late],
    position: Position,
    read: Callable[[int], StoredDocument],
) -> Iterator[Outgoing]:
    """Yield what follows a position, in order.

    Parameters
    ----------
    rows
        The blocks from that of the position on.
    late
        Those behind the position, in order.
    read
        Reads the document with a number.
    """
    waiting = list(reversed(late))  # the next one last
    number, done = position.number, position.late
    for block, run, encoded, body in rows:
        while waiting and waiting[-1].behind < block:
            done = waiting[-1].place
            yield _late(waiting.pop(), number, read)
        slots, whole = (
            (blocks.directory(encoded), b"")
            if body is None
            else blocks.opened(encoded, body)
        )
        for place, slot in enumerate(slots):
            if blocks.number_of(block, place) > number:
                number = blocks.number_of(block, place)
                yield Outgoing(
                    run=run,
                    document=blocks.document(slot, whole, number),
                    position=Position(number=number, late=done),
                )
    while waiting:
        yield _late(waiting.pop(), number, read)


def taken(found: Iterable[Outgoing], amount: Amount) -> tuple[Outgoing, ...]:
    """Return the first of them up to an amount; at least one if there is any."""
    some: list[Outgoing] = []
    size = 0
    for one in found:
        some.append(one)
        size += len(one.document.raw)
        if len(some) >= amount.documents or size >= amount.size:
            break
    return tuple(some)


def counted(heads: Iterable[tuple[int, bytes]], position: Position, most: int) -> int:
    """Return how many documents of blocks follow a position; to about `most`.

    Parameters
    ----------
    heads
        Of the blocks from that of the position on their ids, and the first five bytes
        of their directories.
    """
    first, place = blocks.place_of(position.number)
    count = 0
    for block, head in heads:
        count += _array_length(head)
        if block == first:
            count -= place + 1
        if count >= most:
            break
    return count


def _late(one: Late, number: int, read: Callable[[int], StoredDocument]) -> Outgoing:
    return Outgoing(
        run=one.run,
        document=read(one.number),
        late=True,
        position=Position(number=number, late=one.place),
    )


def _array_length(head: bytes) -> int:
    """Return the length of the MessagePack array that begins so (its specification)."""
    match head[0]:
        case 0xDC:
            return int.from_bytes(head[1:3], "big")
        case 0xDD:
            return int.from_bytes(head[1:5], "big")
        case short:
            return short & 0x0F
