import math
from typing import Any

import msgpack  # type: ignore[import-untyped]
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.client.replay import decode_msgpack
from quire.documents.document import Document
from quire.documents.msgpack import (
    array_header,
    encode,
    encode_pair,
    read_extension,
    value_end,
)
from quire.documents.names import DocumentName
from quire.documents.packed import unpack

SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.integers(min_value=-(2**80), max_value=2**80)
    | st.floats(allow_nan=False)
    | st.text(max_size=40)
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=20) | st.dictionaries(st.text(max_size=5), inner)
    ),
    max_leaves=30,
)
BODIES = st.dictionaries(st.text(max_size=5), VALUES, max_size=5)


def len_of(value: int) -> str:
    return f"{value.bit_length()} bits"


def decoded(raw: bytes) -> Any:
    return msgspec.msgpack.Decoder(ext_hook=read_extension).decode(raw)


@given(VALUES)
def test_values_come_back(value: Any) -> None:
    raw = encode(value)
    assert decoded(raw) == value
    assert value_end(raw + b"\x01", 0) == len(raw)
    assert all(value_end(raw[:end], 0) == -1 for end in range(min(len(raw), 50)))


@pytest.mark.parametrize("value", [2**64, -(2**63) - 1, 10**4299], ids=len_of)
def test_an_integer_beyond_64_bits_is_its_decimal_digits(value: int) -> None:
    raw = encode({"n": value})
    ext = msgspec.msgpack.decode(raw)["n"]
    assert ext.code == 1
    assert bytes(ext.data).removeprefix(b"-").isdigit()
    assert decoded(raw) == {"n": value}
    assert unpack(raw) == {"n": value}  # what one server gives, another takes


@pytest.mark.parametrize("value", [2**64 - 1, -(2**63), 2**53 + 1])
def test_an_integer_of_64_bits_is_one(value: int) -> None:
    assert msgspec.msgpack.decode(encode([value])) == [value]


def test_nan_and_infinities_are_floats() -> None:
    one, two, three = decoded(encode([math.nan, math.inf, -math.inf]))
    assert math.isnan(one)
    assert (two, three) == (math.inf, -math.inf)


def test_other_extensions_are_left_alone() -> None:
    raw = msgspec.msgpack.encode(msgspec.msgpack.Ext(7, b"x"))
    assert decoded(raw) == msgspec.msgpack.Ext(7, b"x")
    with pytest.raises(ValueError, match="decimal"):
        decoded(msgspec.msgpack.encode(msgspec.msgpack.Ext(1, b"0x1")))


SIZES = [0, 1, 2, 3, 4, 8, 15, 16, 17, 31, 32, 255, 256, 65535, 65536]
FORMATS: list[Any] = [
    *(bytes(size) for size in SIZES),
    *("x" * size for size in SIZES),
    *(msgpack.ExtType(5, bytes(size)) for size in SIZES),
    *([None] * size for size in SIZES),
    *(dict.fromkeys(range(size)) for size in SIZES),
    *(sign * 2**bits for bits in (5, 7, 8, 15, 16, 31, 32, 63) for sign in (1, -1)),
    *(False, True, 0.5, 2**64 - 1),
]


@pytest.mark.parametrize("value", FORMATS, ids=range(len(FORMATS)))
def test_every_format_ends_where_the_specification_says(value: Any) -> None:
    for single in (False, True):
        raw = msgpack.packb(value, use_single_float=single)
        assert value_end(raw, 0) == len(raw)
        assert value_end(b"\xc0" + raw + b"\xc0", 1) == len(raw) + 1
        assert {value_end(raw[:end], 0) for end in range(min(len(raw), 9))} == {-1}
        assert value_end(raw[:-1], 0) == -1


@given(st.lists(BODIES, max_size=40), st.integers(1, 60))
def test_a_stream_cut_anywhere_is_read(
    bodies: list[dict[str, Any]], width: int
) -> None:
    raw = array_header(len(bodies)) + b"".join(
        encode_pair(Document(name=DocumentName.EVENT, body=body, raw=b""))
        for body in bodies
    )
    pieces = [raw[at : at + width] for at in range(0, len(raw), width)]
    assert list(decode_msgpack(pieces)) == [("event", body) for body in bodies]
    if bodies:
        with pytest.raises(ValueError, match="breaks off"):
            list(decode_msgpack([raw[:-1]]))
    with pytest.raises(ValueError, match="follows"):
        list(decode_msgpack([raw + b"\xc0"]))


@pytest.mark.parametrize("count", [0, 15, 16, 65535, 65536])
def test_headers_are_what_the_format_says(count: int) -> None:
    whole = msgspec.msgpack.encode([None] * count)
    assert array_header(count) + b"\xc0" * count == whole


def test_what_is_no_answer_is_refused() -> None:
    with pytest.raises(ValueError, match="no MessagePack array"):
        list(decode_msgpack([b"{}"]))
    with pytest.raises(ValueError, match="0xc1"):
        value_end(b"\xc1", 0)
