"""Blocks: the documents of one append in one row, with a directory of them.

The directory ends with a checksum of itself and of the body as it is stored, so that a
flipped bit does not pass. It is the last member of the last slot: older blocks have
none, and older versions pass over it.
"""

import zlib
from collections.abc import Callable, Iterator, Sequence

import msgspec

from quire.documents.names import DocumentName
from quire.errors import StoreUnavailable
from quire.ports.document_records import Arrival, EventArrivals, StoredDocument
from quire.storage.event_slots import encoded_slots
from quire.storage.squeezing import whole

_PLACE_BITS = 20
_LARGEST_BODY = 64 * 2**20  # bytes; SQLite itself ends at 10^9 a row
# What is looked up in turn refers to each other: an event, a datum, a resource.
_MOST_KEPT, _MOST_TEXT_KEPT = 4, 16 * 2**20


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
    checksum: bytes = b""


Opened = tuple[tuple[Slot, ...], bytes]
"""A block's slots, and its body as it was packed."""

_NAMES = {name: name.value for name in DocumentName}
_BEFORE = Slot.__struct_fields__[:-1]
_NO_CHECKSUM = bytes(4)
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(tuple[Slot, ...])


def number_of(block: int, place: int) -> int:
    """Return the number of the document at a place of a block."""
    return block << _PLACE_BITS | place


def place_of(number: int) -> tuple[int, int]:
    """Return the block and the place in it of a numbered document."""
    return number >> _PLACE_BITS, number & (1 << _PLACE_BITS) - 1


def pack(
    arrivals: Sequence[Arrival], squeeze: Callable[[bytes], bytes]
) -> tuple[bytes, bytes]:
    """Return the directory and the body of a block of these documents.

    Parameters
    ----------
    squeeze
        Makes the body smaller: `quire.storage.squeezing.Squeezer.squeeze`.
    """
    if isinstance(arrivals, EventArrivals):
        body = squeeze(arrivals.text[: int(arrivals.ends[-1])])
        encoded = encoded_slots(arrivals, _NO_CHECKSUM)
    else:
        encoded, text = _directory_and_text(arrivals)
        body = squeeze(text)
    encoded = encoded[: -len(_NO_CHECKSUM)]
    return encoded + _checksum(encoded, body), body


def _directory_and_text(arrivals: Sequence[Arrival]) -> tuple[bytes, bytes]:
    slots: list[tuple[object, ...]] = []
    parts: list[bytes] = []
    offset = 0
    for one in arrivals:
        raw = one.raw
        length = len(raw)
        # Plain tuples are half the cost of slots, and encoded alike; so are names.
        slot: tuple[object, ...]
        slot = (_NAMES[one.name], offset, length, one.keys, one.repeated, one.anchor)
        parts.append(raw)
        offset += length
        if one.original:
            slot = (*slot, len(one.original))
            parts.append(one.original)
            offset += len(one.original)
        slots.append(slot)
    slots[-1] = (*slots[-1], *(0,) * (len(_BEFORE) - len(slots[-1])), _NO_CHECKSUM)
    return _ENCODER.encode(slots), b"".join(parts)


def opened(encoded: bytes, body: bytes) -> Opened:
    """Return a block's slots and its body as it was packed, from what is stored.

    Raises
    ------
    StoreUnavailable
        It is damaged.
    """
    slots = directory(encoded)
    last = slots[-1]
    if last.checksum and _checksum(encoded[: -len(_NO_CHECKSUM)], body) != (
        last.checksum
    ):
        raise StoreUnavailable("a block of documents is damaged: its checksum is wrong")
    return slots, whole(body, last.offset + last.length + last.original)


def keep(kept: dict[int, Opened], block: int, found: Opened) -> None:
    """Keep a block among the few that were opened last; a large one alone."""
    kept[block] = found
    while len(kept) > 1 and (
        len(kept) > _MOST_KEPT
        or sum(len(body) for _, body in kept.values()) > _MOST_TEXT_KEPT
    ):
        del kept[next(iter(kept))]


def _checksum(encoded: bytes, body: bytes) -> bytes:
    """Return the CRC-32 of a directory up to its checksum, and of the stored body."""
    return zlib.crc32(body, zlib.crc32(encoded)).to_bytes(4, "big")


def directory(encoded: bytes) -> tuple[Slot, ...]:
    """Return a block's slots by their place.

    Raises
    ------
    StoreUnavailable
        They cannot be read.
    """
    try:
        slots = _DECODER.decode(encoded)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise StoreUnavailable(f"a block's directory is damaged: {error}") from None
    if not slots:
        raise StoreUnavailable("a block's directory is damaged: it is empty")
    return slots


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
    if len(arrivals) == 1:
        yield arrivals
        return
    if isinstance(arrivals, EventArrivals) and _fits(arrivals.text, len(arrivals)):
        yield arrivals
        return
    sizes = [len(one.raw) + len(one.original) for one in arrivals]
    if sizes and sum(sizes) <= _LARGEST_BODY and len(sizes) <= 1 << _PLACE_BITS:
        yield arrivals
        return
    begin = total = 0
    for place, size in enumerate(sizes):
        total += size
        full = total > _LARGEST_BODY or place - begin >= 1 << _PLACE_BITS
        if full and place > begin:
            yield list(arrivals[begin:place])
            begin, total = place, size
    if begin < len(arrivals):
        yield list(arrivals[begin:])


def _fits(text: bytes, documents: int) -> bool:
    return len(text) <= _LARGEST_BODY and documents <= 1 << _PLACE_BITS
