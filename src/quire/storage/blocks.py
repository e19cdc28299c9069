"""Blocks: the documents of one append in one row, with a directory of them."""

from collections.abc import Iterator, Sequence

import msgspec

from quire.documents.names import DocumentName
from quire.ports.document_records import Arrival, StoredDocument
from quire.storage.squeezing import whole

_PLACE_BITS = 20
_LARGEST_BODY = 64 * 2**20  # bytes; SQLite itself ends at 10^9 a row


class Slot(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Where one document lies in its block's body, and what is known of it.

    What it was before it was upgraded follows it directly.
    """

    name: DocumentName
    offset: int
    length: int
    keys: tuple[int, ...]
    repeated: tuple[int, ...]
    anchor: str
    original: int = 0


_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(tuple[Slot, ...])


def number_of(block: int, place: int) -> int:
    """Return the number of the document at a place of a block."""
    return block << _PLACE_BITS | place


def place_of(number: int) -> tuple[int, int]:
    """Return the block and the place in it of a numbered document."""
    return number >> _PLACE_BITS, number & (1 << _PLACE_BITS) - 1


def pack(arrivals: Sequence[Arrival]) -> tuple[bytes, bytes]:
    """Return the directory and the body of a block of these documents."""
    slots: list[tuple[object, ...]] = []
    parts: list[bytes] = []
    offset = 0
    for one in arrivals:
        length = len(one.raw)
        # Plain tuples are half the cost of slots, and encoded alike.
        slot: tuple[object, ...]
        slot = (one.name, offset, length, one.keys, one.repeated, one.anchor)
        parts.append(one.raw)
        offset += length
        if one.original:
            slot = (*slot, len(one.original))
            parts.append(one.original)
            offset += len(one.original)
        slots.append(slot)
    return _ENCODER.encode(slots), b"".join(parts)


def opened(encoded: bytes, body: bytes) -> tuple[tuple[Slot, ...], bytes]:
    """Return a block's slots and its body as it was packed, from what is stored.

    Raises
    ------
    StoreUnavailable
        The body is damaged.
    """
    slots = directory(encoded)
    last = slots[-1]
    return slots, whole(body, last.offset + last.length + last.original)


def directory(encoded: bytes) -> tuple[Slot, ...]:
    """Return a block's slots by their place."""
    return _DECODER.decode(encoded)


def document(slot: Slot, body: bytes, number: int) -> StoredDocument:
    """Return the document in a slot."""
    end = slot.offset + slot.length
    return StoredDocument(
        number=number,
        name=slot.name,
        raw=body[slot.offset : end],
        keys=slot.keys,
        repeated=slot.repeated,
        original=body[end : end + slot.original],
    )


def split(arrivals: Sequence[Arrival]) -> Iterator[Sequence[Arrival]]:
    """Cut into what fits one block each."""
    begin = size = 0
    for place, arrival in enumerate(arrivals):
        size += len(arrival.raw) + len(arrival.original)
        full = size > _LARGEST_BODY or place - begin >= 1 << _PLACE_BITS
        if full and place > begin:
            yield arrivals[begin:place]
            begin, size = place, len(arrival.raw) + len(arrival.original)
    if begin < len(arrivals):
        yield arrivals[begin:]
