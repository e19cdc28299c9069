"""Blocks of documents: as they were packed, or said to be damaged."""

from collections.abc import Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.documents.names import DocumentName
from quire.errors import StoreUnavailable
from quire.ports.document_records import Arrival
from quire.storage import blocks
from quire.storage.squeezing import Squeezer

SQUEEZER = Squeezer()
JSON = b'{"uid": "a", "data": {"detector": 1.25}, "timestamps": {"detector": 1.7e9}}'


class FormerSlot(msgspec.Struct, frozen=True, array_like=True):
    """A slot as it was before blocks had checksums."""

    name: DocumentName
    offset: int
    length: int
    keys: tuple[int, ...]
    repeated: tuple[int, ...]
    anchor: str
    original: int = 0


def arrival(raw: bytes, *keys: int, original: bytes = b"") -> Arrival:
    name = DocumentName.EVENT
    return Arrival(name=name, raw=raw, keys=keys, anchor="a", original=original)


SMALL = [arrival(JSON, 1), arrival(b"{}", 2, 2**63, original=b"{ }")]
LARGE = [arrival(JSON * 100, *range(50))]
ARRIVALS = st.lists(
    st.builds(
        lambda raw, keys, original: arrival(raw, *keys, original=original),
        st.binary(max_size=3000),
        st.lists(st.integers(0, 2**64 - 1), max_size=3),
        st.binary(max_size=20),
    ),
    min_size=1,
    max_size=5,
)


def packed(arrivals: Sequence[Arrival]) -> tuple[bytes, bytes]:
    return blocks.pack(arrivals, SQUEEZER.squeeze)


def unpacked(directory: bytes, body: bytes) -> list[tuple[bytes, object, bytes]]:
    slots, whole = blocks.opened(directory, body)
    found = [blocks.document(slot, whole, 1) for slot in slots]
    return [(one.raw, one.keys, one.original) for one in found]


def told(arrivals: Sequence[Arrival]) -> list[tuple[bytes, object, bytes]]:
    return [(one.raw, one.keys, one.original) for one in arrivals]


@given(ARRIVALS)
def test_what_is_packed_comes_back(arrivals: list[Arrival]) -> None:
    assert unpacked(*packed(arrivals)) == told(arrivals)


@pytest.mark.parametrize("arrivals", [SMALL, LARGE], ids=["small", "squeezed"])
def test_no_flipped_bit_passes(arrivals: list[Arrival]) -> None:
    directory, body = packed(arrivals)
    assert len(body) < 2000
    assert unpacked(directory, body) == told(arrivals)
    for place in range(8 * (len(directory) + len(body))):
        spoilt = bytearray(directory + body)
        spoilt[place // 8] ^= 1 << place % 8
        with pytest.raises(StoreUnavailable, match="damaged"):
            unpacked(bytes(spoilt[: len(directory)]), bytes(spoilt[len(directory) :]))


def test_blocks_without_a_checksum_are_read_as_ever() -> None:
    slots = [
        FormerSlot(DocumentName.EVENT, 0, len(JSON), (1,), (), "a"),
        FormerSlot(DocumentName.EVENT, len(JSON), 2, (2, 2**63), (), "a", 3),
    ]
    encoded = msgspec.msgpack.encode(slots)
    assert unpacked(encoded, JSON + b"{}{ }") == told(SMALL)


def test_a_former_version_reads_what_this_one_writes() -> None:
    directory, body = packed(SMALL)
    first, second = msgspec.msgpack.decode(directory, type=tuple[FormerSlot, ...])
    assert (first.length, second.original) == (len(JSON), 3)
    assert body == JSON + b"{}{ }"


def test_a_directory_of_nothing_is_damaged() -> None:
    with pytest.raises(StoreUnavailable, match="empty"):
        blocks.directory(b"\x90")
