"""MessagePack with the arrays of msgpack-numpy, read into what JSON has."""

import json
import math
from typing import Any

import msgpack  # type: ignore[import-untyped]
import msgpack_numpy  # type: ignore[import-untyped]
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from quire.documents.packed import Unpackable, as_json, unpack

DTYPES = ["<f8", ">f4", "<i2", ">u8", "|u1", "|b1", "<U3"]
PAIRS = np.dtype([("a", "<i4"), ("b", "<f8", (2,))])


def packed(value: Any) -> bytes:
    text: bytes = msgpack.dumps(value, default=msgpack_numpy.encode)
    return text


def array(**changes: Any) -> dict[bytes, Any]:
    """Return what msgpack-numpy makes of an array of two numbers, changed."""
    whole = {b"nd": True, b"type": "<f8", b"kind": b"", b"shape": [2], b"data": b""}
    given = {name.encode(): value for name, value in changes.items()}
    return {**whole, b"data": bytes(16), **given}


@given(st.sampled_from(DTYPES).flatmap(lambda one: arrays(one, array_shapes())))
def test_arrays_are_nested_lists(values: Any) -> None:
    found = unpack(packed({"x": values}))
    assert json.dumps(found) == json.dumps({"x": values.tolist()})


@pytest.mark.parametrize(
    ("value", "plain"),
    [
        (np.float64(2.5), 2.5),
        (np.int16(-3), -3),
        (np.longdouble(0.5), 0.5),
        (np.array([np.longdouble(0.5)]), [0.5]),
        (np.zeros((2, 0)), [[], []]),
        (np.array([1 + 2j, 3]), [[1.0, 2.0], [3.0, 0.0]]),
        (np.array([1 + 2j], "clongdouble"), [[1.0, 2.0]]),
        (1 + 2j, [1.0, 2.0]),
        (np.arange(4).astype("M8[D]")[::2], ["1970-01-01", "1970-01-03"]),
        (np.arange(4).astype("m8[ms]")[::2], [0.0, 0.002]),
        (np.array([(1, [2, 3])], PAIRS), [[1, [2.0, 3.0]]]),
        (np.array([b"ab", b"\xff"]), ["ab", "/w=="]),
        (b"\xc3\xbc", "ü"),
        ({b"k": 1, 2: b"\xff", None: [True]}, {"k": 1, "2": "/w==", "null": [True]}),
        ({1.5: {}, False: {"nd": 1}}, {"1.5": {}, "false": {"nd": 1}}),
        (msgpack.Timestamp(0, 0), "1970-01-01T00:00:00+00:00"),
    ],
)
def test_what_json_has_not_is_said_as_the_client_says_it(
    value: Any, plain: Any
) -> None:
    assert unpack(packed([value])) == [plain]


@pytest.mark.parametrize(
    ("payload", "says"),
    [
        (array(kind=b"O"), "pickle"),
        (array(type="|O"), "pickle"),
        (array(type=[["a", "<f8"], ["b", "|O"]]), "pickle"),
        (array(type="|V0"), "no size"),
        (array(type=[["a", "<i4"], ["b", "|S0"]]), "no size"),
        (array(type=[["a", "<i4"], ["b", "<f8", [0]]]), "no size"),
        (array(type=[["a", [["b", "|S0"], ["c", "<i4"]], [2]]]), "no size"),
        (array(data="text"), "no bytes"),
        (array(shape=[1025, 0]), "but 16 bytes"),
        (array(shape=[0, 1025]), "but 16 bytes"),
        (array(shape=[3]), "not MessagePack"),
        (array(type="what"), "not MessagePack"),
        ({b"nd": True}, "not MessagePack"),
        (msgpack.ExtType(7, b"x"), "extension type 7"),
        (msgpack.ExtType(1, b"0x1"), "decimal digits"),
        (msgpack.ExtType(1, b"1" * 4301), "4300"),
        ({b"a": 1, "a": 2}, "same text"),
        ({(1, 2): 1}, "a key of type tuple"),
    ],
)
def test_what_is_never_read_is_refused(payload: Any, says: str) -> None:
    with pytest.raises(Unpackable, match=says):
        unpack(packed({"x": payload}))


def test_what_is_broken_or_too_deep_is_refused() -> None:
    deep: list[Any] = []
    for _ in range(100_000):
        deep = [deep]
    for payload in (b"\xc1", b"", b"\x91" * 100_000 + b"\xc0"):
        with pytest.raises(Unpackable):
            unpack(payload)
    with pytest.raises(Unpackable, match="deep"):
        as_json(deep)


def test_numbers_that_are_not_finite_stand_bare() -> None:
    value = unpack(packed({"ü": [math.nan, math.inf, 2**64 - 1]}))
    assert as_json(value) == '{"ü":[NaN,Infinity,18446744073709551615]}'.encode()
