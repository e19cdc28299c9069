import json
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.documents.samples import GOOD, read

from quire.documents.document import Document, Fault
from quire.documents.identity import canonical
from quire.documents.reading import parse, read_items

NDJSON = "application/x-ndjson"
JSON = "application/json"
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=8,
)
BODIES = st.dictionaries(st.text(), VALUES, max_size=4)


def only(body: bytes, media_type: str = NDJSON) -> Document | Fault:
    (item,) = read_items(body, media_type=media_type)
    return item


@given(BODIES, st.sampled_from(["pair", "object", "array", "lone", "reversed"]))
def test_the_exact_bytes_are_kept_in_every_form(
    body: dict[str, Any], form: str
) -> None:
    raw = json.dumps(body).encode()
    item, media_type = {
        "pair": (b'["event", %b]' % raw, NDJSON),
        "object": (b'{"name": "event", "doc": %b}' % raw, NDJSON),
        "array": (b'[ ["event", %b] ]' % raw, JSON),
        "lone": (b'{"name": "event", "doc": %b}' % raw, JSON),
        "reversed": (b'{"doc":%b,"name":"event"}' % raw, NDJSON),
    }[form]
    found = only(item, media_type)
    assert isinstance(found, Document)
    assert found.raw == raw
    assert json.dumps(found.body) == json.dumps(body)


@given(st.binary(max_size=200), st.sampled_from([NDJSON, JSON, ""]))
def test_it_never_raises(body: bytes, media_type: str) -> None:
    for item in read_items(body, media_type=media_type):
        assert isinstance(item, Document | Fault)


DEEP = b'{"a":' * 400 + b"1" + b"}" * 400
BROKEN_LINES = [
    (b'["event",{"uid":"u","b":{"a":1,"a":2}}]', "u", "/b/a", "duplicate key 'a'"),
    (b'["event",{"uid":"u","a":"\xff"}]', "u", "", "invalid UTF-8 at byte 25"),
    (b'["event",{"uid":"u","a":["\\ud800"]}]', "u", "/a/0", "lone surrogate U+D800"),
    (b'["event",{"uid":"u"}', "u", "", "EOF"),
    (b'["event",{"uid":"u"}]x', "u", "", "trailing data"),
    (b'["event",{"uid":"u"} x]', "u", "", "not JSON"),
    (b'["event" {"uid":"u"}]', "u", "", "not JSON"),
    (b'["evnt",{"uid":"u"}]', "u", "", "did you mean 'event'"),
    (b'["Stop",{"uid":"u"}]', "u", "", "did you mean 'stop'"),
    (b'["",{}]', "", "", "unknown document name ''"),
    (b'["event",[1]]', "", "", "[name, document]"),
    (b'["event"]', "", "", "[name, document]"),
    (b"[]", "", "", "[name, document]"),
    (b'["event",{"uid":"u"},3]', "u", "", "[name, document]"),
    (b'[1,{"uid":"u"}]', "u", "", "[name, document]"),
    (b'{"name":"event"}', "", "", "[name, document]"),
    (b'{"name":"datum","doc":{"datum_id":"u"},"doc":{}}', "u", "", "duplicate key"),
    (b"42", "", "", "[name, document]"),
    (b'["event",{"uid":"u","a":' + DEEP + b"}]", "u", "", "nested deeper than 200"),
    (b'["event",{"uid":"u","a":' + b"9" * 5000 + b"}]", "u", "", "out of range"),
]


@pytest.mark.parametrize(
    ("line", "uid", "field", "says"), BROKEN_LINES, ids=range(len(BROKEN_LINES))
)
def test_a_bad_line_says_why_and_costs_no_other(
    line: bytes, uid: str, field: str, says: str
) -> None:
    good = b'["stop",{"uid":"a"}]'
    first, bad, last = read_items(b"\n".join([good, line, good]), media_type=NDJSON)
    assert isinstance(first, Document)
    assert isinstance(last, Document)
    assert isinstance(bad, Fault)
    assert (bad.index, bad.uid, bad.field) == (1, uid, field)
    assert says in bad.reason
    alone = only(line)
    assert isinstance(alone, Fault)
    assert (alone.index, alone.reason) == (0, bad.reason)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        (b'["evnt",{"uid":"u"}]', "evnt"),
        (b'["event",{"name":"primary"', "event"),
        (b'{"doc":{"name":"primary","x":}, "name" : "stop"}', "stop"),
        (b'{"doc":{"name":"primary","x":}', "primary"),
        (b'["' + b"x" * 101 + b'",{}]', "x" * 99 + "…"),
        (b"[1", ""),
    ],
)
def test_a_fault_names_its_document_as_far_as_it_can(line: bytes, name: str) -> None:
    fault = only(line)
    assert isinstance(fault, Fault)
    assert fault.name == name


def test_a_fault_can_always_be_sent_as_utf_8() -> None:
    line = b'["event",{"\\ud800":1,"\\ud800":2}]'
    fault = only(line)
    assert isinstance(fault, Fault)
    assert msgspec.json.decode(msgspec.json.encode(fault), type=Fault) == fault


def test_other_members_of_an_item_are_ignored() -> None:
    found = only(b'{"id":[1,"}"], "doc": {"uid" : "a"} ,"name":"stop"}')
    assert isinstance(found, Document)
    assert found.raw == b'{"uid" : "a"}'


@given(st.lists(BODIES, max_size=4), st.sampled_from([None, 1]))
def test_an_array_is_read_as_its_lines_would_be(
    bodies: list[dict[str, Any]], indent: int | None
) -> None:
    items = [["datum", body] for body in bodies]
    array = b" %b\r\n" % json.dumps(items, indent=indent).encode()
    lines = b"\n".join(json.dumps(item).encode() for item in items)
    of_array = list(read_items(array, media_type="Application/JSON ; charset=utf-8"))
    of_lines = list(read_items(lines, media_type=NDJSON))
    assert len(of_array) == len(of_lines) == len(items)
    for one, other in zip(of_array, of_lines, strict=True):
        assert isinstance(one, Document)
        assert isinstance(other, Document)
        assert json.dumps(one.body) == json.dumps(other.body)
        assert json.loads(one.raw) == json.loads(other.raw) or "NaN" in str(one.raw)


@given(st.text('[]{},:"\\x1 n\n', max_size=60))
def test_an_array_of_anything_never_raises(text: str) -> None:
    list(read_items(f"[{text}".encode(), media_type=JSON))


def test_a_broken_element_of_an_array_costs_no_other() -> None:
    body = b'[["stop",{"uid":"a"}],["stop" {"uid":"b"}],["stop",{"uid":"c"}]]'
    first, bad, last = read_items(body, media_type=JSON)
    assert isinstance(first, Document)
    assert isinstance(bad, Fault)
    assert isinstance(last, Document)
    assert (bad.index, bad.uid) == (1, "b")


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_the_bytes_of_real_documents_say_their_bodies(path: Path) -> None:
    for document in read(path):
        again = parse(document.name, document.raw)
        assert canonical(again.body) == canonical(document.body)
        assert document.raw in path.read_bytes()


def test_numbers_of_any_size_and_kind_are_kept() -> None:
    raw = b'{"a":NaN,"b":-Infinity,"c":18446744073709551617,"d":1.0}'
    found = only(b'["event",%b]' % raw)
    assert isinstance(found, Document)
    assert found.raw == raw
    assert found.body["c"] == 2**64 + 1
    assert repr(found.body["d"]) == "1.0"


def test_an_array_that_breaks_off_keeps_what_came_before() -> None:
    body = b'[["stop",{"uid":"a"}],["stop",{"uid":'
    first, rest = read_items(body, media_type=JSON)
    assert isinstance(first, Document)
    assert isinstance(rest, Fault)
    assert rest.index == 1


def test_blank_lines_do_not_count() -> None:
    assert list(read_items(b"\n \n", media_type=NDJSON)) == []
    assert list(read_items(b" \n", media_type=JSON)) == []


@pytest.mark.parametrize("media_type", [NDJSON, JSON])
def test_a_byte_order_mark_is_no_part_of_an_item(media_type: str) -> None:
    found = only(b'\xef\xbb\xbf["stop",{"uid":"a"}]', media_type)
    assert isinstance(found, Document)
    assert found.raw == b'{"uid":"a"}'
