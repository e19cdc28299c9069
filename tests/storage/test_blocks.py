"""Blocks of documents: as they were packed, or said to be damaged."""

from collections.abc import Sequence

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.documents.names import DocumentName
from quire.errors import StoreUnavailable
from quire.ports.document_records import Arrival, EventArrivals
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


def in_one_text(raws: Sequence[bytes], keys: Sequence[int]) -> EventArrivals:
    """Return events with something before, between and behind them."""
    text, begins, ends = b"", [], []
    for raw in raws:
        text += b'["event",'
        begins.append(len(text))
        text += raw
        ends.append(len(text))
        text += b"]\n"
    return EventArrivals(text, np.array(begins), np.array(ends), tuple(keys))


EVENTS = in_one_text([JSON, b"{}", JSON * 3] * 10, range(-15, 15))


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


@given(
    st.lists(
        st.tuples(st.binary(max_size=3000), st.integers(-(2**63), 2**63 - 1)),
        min_size=1,
        max_size=40,
    ),
    st.data(),
)
def test_events_in_one_text_come_back_as_each_by_itself(
    events: list[tuple[bytes, int]], data: st.DataObject
) -> None:
    together = in_one_text(*zip(*events, strict=True))
    assert [(one.raw, one.keys) for one in together] == [
        (raw, (key,)) for raw, key in events
    ]
    assert unpacked(*packed(together)) == told(together)
    own, single = (blocks.opened(*packed(one))[0] for one in (together, [*together]))
    for slots in (own, single):
        assert all(one.name == "event" and not one.repeated for one in slots)
        assert not any(one.anchor or one.original for one in slots)
        assert [bool(one.checksum) for one in slots[-2:]] == [False, True][-len(own) :]
    begin = data.draw(st.integers(0, len(events) - 1))
    assert told(together[begin:]) == told([*together][begin:])


@pytest.mark.parametrize("size", [300, 3_000, 65_535, 65_536, 200_000])
def test_slots_are_as_wide_as_their_numbers(size: int) -> None:
    together = in_one_text([b"x" * size, b"", b"y" * size, b"z"] * 8, range(32))
    assert unpacked(*packed(together)) == told(together)


def test_events_in_one_text_are_cut_into_blocks_as_others_are() -> None:
    each = b"x" * 2**20
    together = in_one_text([each] * 70, range(70))
    cut, single = list(blocks.split(together)), list(blocks.split([*together]))
    assert list(map(len, cut)) == list(map(len, single)) == [64, 6]
    assert [told(one) for one in cut] == [told(one) for one in single]
    assert list(blocks.split(EVENTS)) == [EVENTS]


@pytest.mark.parametrize(
    "arrivals", [SMALL, LARGE, EVENTS], ids=["small", "squeezed", "events"]
)
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
    directory, body = packed(EVENTS[:3])
    slots = msgspec.msgpack.decode(directory, type=tuple[FormerSlot, ...])
    raws = [body[one.offset : one.offset + one.length] for one in slots]
    assert [(raw, one.keys) for raw, one in zip(raws, slots, strict=True)] == [
        (one.raw, one.keys) for one in EVENTS[:3]
    ]


def test_a_directory_of_nothing_is_damaged() -> None:
    with pytest.raises(StoreUnavailable, match="empty"):
        blocks.directory(b"\x90")
