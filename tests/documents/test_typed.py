"""The quick reading of events against the thorough one."""

import json
import re
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.documents.samples import GOOD, read
from tests.documents.strategies import bodies

from quire.documents.document import Document
from quire.documents.names import DocumentName
from quire.documents.reading import parse, read_items
from quire.documents.typed import is_event, read_events, read_rows
from quire.documents.validation import Validator
from quire.testing.documents import make_event, make_run

VALIDATOR = Validator()
EVENT = make_event(1, 1, ["a", "b"])
FILLED = {**EVENT, "filled": {"a": False}}
NAMES = st.sampled_from([DocumentName.EVENT, DocumentName.EVENT_PAGE])


def item(name: str, body: Any) -> bytes:
    return json.dumps([name, body], separators=(",", ":")).encode()


def alike(one: Any, other: Any) -> bool:
    """Tell whether two values are one, 1 and 1.0 and the order of keys told apart."""
    return json.dumps(one) == json.dumps(other)


def check(text: bytes) -> bool:
    """Return whether it was read quickly, having seen that it was read rightly."""
    quick = read_rows(text)
    if quick is None:
        return False
    assert quick.sound
    assert text.startswith(b'["%b",' % quick.name.encode())
    assert text.rstrip(b" ]").endswith(quick.raw)
    thorough = parse(quick.name, quick.raw)
    assert alike(quick.body, thorough.body)
    assert VALIDATOR.fault(thorough, 0) is None
    return True


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_what_real_producers_send_is_read_alike(path: Any) -> None:
    for one in read(path):
        check(b'["%b",%b]' % (one.name.encode(), one.raw))


def test_plain_events_and_pages_are_read_quickly() -> None:
    for page in (0, 3):
        for one in make_run(events=4, page=page)[2:-1]:
            assert check(b'["%b",%b]' % (one.name.encode(), one.raw))
    assert check(item("event", FILLED))


@settings(max_examples=400, deadline=None)
@given(name=NAMES, data=st.data())
def test_whatever_comes_is_read_as_the_thorough_way_does(
    name: DocumentName, data: st.DataObject
) -> None:
    text = item(name.value, data.draw(bodies(name)))
    check(text)


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_text_that_was_tampered_with_is_read_alike_or_left(data: st.DataObject) -> None:
    text = bytearray(item("event", EVENT))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, len(text) - 1))
        bits = data.draw(
            st.sampled_from(
                [b"", b" ", b'"', b",", b":", b"}", b"]", b"1", b"e9", b"\\", b"\x00"]
            )
        )
        text[place : place + data.draw(st.integers(0, 2))] = bits
    check(bytes(text))


def check_together(texts: list[bytes]) -> bool:
    """Return whether they were read together, having seen that it was done rightly."""
    together = read_events(texts)
    alone = [read_rows(text) for text in texts]
    if together is None:
        return False
    assert len(together) == len(alone)
    for one, other in zip(together, alone, strict=True):
        assert other is not None
        assert (one.name, one.raw, one.sound) == (other.name, other.raw, other.sound)
        assert alike(one.body, other.body)
    return True


def test_plain_events_are_read_together() -> None:
    events = make_run(events=5)[2:-1]
    assert check_together([b'["event", %b ]' % one.raw for one in events])
    assert check_together([item("event", FILLED), item("event", EVENT)])


@settings(max_examples=300, deadline=None)
@given(st.lists(bodies(DocumentName.EVENT), min_size=1, max_size=4))
def test_events_together_are_read_as_each_is_alone(found: list[Any]) -> None:
    check_together([item("event", body) for body in found])


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_one_that_was_tampered_with_is_found_among_others(data: st.DataObject) -> None:
    texts = [bytearray(item("event", {**EVENT, "uid": f"u{n}"})) for n in range(3)]
    for text in texts:
        for _ in range(data.draw(st.integers(0, 2))):
            place = data.draw(st.integers(9, len(text) - 1))
            bits = data.draw(
                st.sampled_from([b"", b" ", b'"', b",", b":", b"}", b"]", b"1", b"[{"])
            )
            text[place : place + data.draw(st.integers(0, 2))] = bits
    lines = [bytes(text).strip() for text in texts]
    check_together([line for line in lines if is_event(line)] or lines)


def test_what_is_odd_among_many_has_each_looked_at() -> None:
    good, deep = item("event", EVENT), {"a": json.loads("[" * 195 + "]" * 195)}
    for odd in (
        item("event", {**EVENT, "seq_num": 1.0}),
        item("event", {**EVENT, "data": deep}),
        item("event", EVENT).replace(b'"a":1.0', b'"a":"\xff"', 1),
        item("event", EVENT)[:-2] + b',"seq_num":1}]',
        good + b" " + good,
    ):
        assert read_events([good, odd, good]) is None


@pytest.mark.parametrize(
    "text",
    [
        item("event", {**EVENT, "x": 1}),
        item("event", {**EVENT, "seq_num": 1.0}),
        item("event", {**EVENT, "seq_num": True}),
        item("event", {**EVENT, "filled": {"a": None}}),
        item("event", {**EVENT, "data": {"a": {"b": 1}}}),
        item("event", {**EVENT, "data": {"a": float("nan")}}),
        item("event", {**EVENT, "data": {"a": json.loads("[" * 195 + "]" * 195)}}),
        item("event", EVENT)[:-1],
        item("event", EVENT) + b"]",
        item("event", EVENT)[:-1] + b",1]",
        item("event", EVENT)[:-2] + b',"seq_num":1}]',
        item("start", EVENT),
        re.sub(rb'"seq_num":1', b'"seq_num":1e400', item("event", EVENT)),
        re.sub(rb'"a":1.0', b'"a":"\xff"', item("event", EVENT)),
        b"",
    ],
)
def test_what_is_odd_is_left_to_the_thorough_way(text: bytes) -> None:
    assert read_rows(text) is None


def test_white_space_around_a_document_is_no_part_of_it() -> None:
    raw = json.dumps(EVENT).encode()
    found = read_rows(b'["event", ' + raw + b" ] ")
    assert found is not None
    assert found.raw == raw


def test_both_ways_lead_to_one_document() -> None:
    slow = b'["event" , ' + json.dumps(EVENT).encode() + b"]"
    quick = b'["event", ' + json.dumps(EVENT).encode() + b"]"
    one, other = read_items(slow + b"\n" + quick, media_type="application/x-ndjson")
    assert isinstance(one, Document)
    assert isinstance(other, Document)
    assert (one.name, one.raw, one.body) == (other.name, other.raw, other.body)
    assert (one.sound, other.sound) == (False, True)
