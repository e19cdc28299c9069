"""Blocks: the documents of one append in one row, with a directory of them."""

from collections.abc import Iterator, Sequence

import msgspec

from quire.documents.names import DocumentName
from quire.ports.document_records import Arrival, StoredDocument

_PLACE_BITS = 20
_LARGEST_BODY = 64 * 2**20  # bytes; SQLite itself ends at 10^9 a row


class Slot(msgspec.Struct, frozen=True, array_like=True):
    """Where one document lies in its block's body, and what is known of it."""

    name: DocumentName
    offset: int
    length: int
    keys: tuple[int, ...]
    repeated: tuple[int, ...]
    anchor: str


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
    slots = []
    offset = 0
    for arrival in arrivals:
        length = len(arrival.raw)
        slots.append(
            Slot(
                arrival.name,
                offset,
                length,
                arrival.keys,
                arrival.repeated,
                arrival.anchor,
            )
        )
        offset += length
    return _ENCODER.encode(slots), b"".join(arrival.raw for arrival in arrivals)


def directory(encoded: bytes) -> tuple[Slot, ...]:
    """Return a block's slots by their place."""
    return _DECODER.decode(encoded)


def document(slot: Slot, body: bytes, number: int) -> StoredDocument:
    """Return the document in a slot."""
    return StoredDocument(
        number=number,
        name=slot.name,
        raw=body[slot.offset : slot.offset + slot.length],
        keys=slot.keys,
        repeated=slot.repeated,
    )


def split(arrivals: Sequence[Arrival]) -> Iterator[Sequence[Arrival]]:
    """Cut into what fits one block each."""
    begin = size = 0
    for place, arrival in enumerate(arrivals):
        size += len(arrival.raw)
        full = size > _LARGEST_BODY or place - begin >= 1 << _PLACE_BITS
        if full and place > begin:
            yield arrivals[begin:place]
            begin, size = place, len(arrival.raw)
    if begin < len(arrivals):
        yield arrivals[begin:]
