import json
import pickle
from typing import Any

import msgpack  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.inlets.payload import PICKLE, is_pickle, named_item, pair_item

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats(allow_nan=False)
    | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)
bodies = st.dictionaries(st.text(), values)


@given(body=bodies, protocol=st.integers(0, pickle.HIGHEST_PROTOCOL))
def test_pickles_of_every_protocol_are_known(body: Any, protocol: int) -> None:
    assert is_pickle(pickle.dumps(body, protocol))
    assert is_pickle(pickle.dumps(("start", body), protocol))
    assert named_item(b"start", pickle.dumps(body, protocol), place="", raw=b"").fault
    assert pair_item(pickle.dumps(("start", body), protocol), "").fault == PICKLE


@given(body=bodies)
def test_neither_json_nor_messagepack_is_taken_for_pickle(body: Any) -> None:
    for text in (json.dumps(body).encode(), msgpack.dumps(body)):
        item = named_item(b"event", text, place="here", raw=b"raw")
        assert (item.fault, item.place, item.raw) == ("", "here", b"raw")
        assert json.loads(item.line) == ["event", body]
        assert b"\n" not in item.line
    for pair in (json.dumps(["event", body]).encode(), msgpack.dumps(["event", body])):
        assert json.loads(pair_item(pair, "here").line) == ["event", body]
    named = {"name": "event", "doc": body}
    for text in (json.dumps(named).encode(), msgpack.dumps(named)):
        assert json.loads(pair_item(text, "here").line) == named


@given(payload=st.binary(max_size=60))
def test_any_bytes_are_an_item_with_a_line_or_a_fault(payload: bytes) -> None:
    for item in (
        pair_item(payload, "here"),
        named_item(b"start", payload, place="here", raw=payload),
    ):
        assert bool(item.line) != bool(item.fault)
        assert item.raw == payload
        assert b"\n" not in item.line


@pytest.mark.parametrize(
    "text", [b'{"a":\n 1}', b'{"a":\r\n1}', b' \n{"a": 1}\n'], ids=repr
)
def test_json_over_several_lines_becomes_one(text: bytes) -> None:
    line = named_item(b"start", text, place="", raw=text).line
    assert json.loads(line) == ["start", {"a": 1}]
    assert b"\n" not in line
    assert b"\r" not in line


def test_a_break_within_a_text_is_no_json() -> None:
    assert named_item(b"start", b'{"a": "\n"}', place="", raw=b"").fault
