import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.documents.document import Document, Fault
from quire.documents.reading import read_items

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


@given(BODIES, st.sampled_from(["pair", "object", "array", "reversed"]))
def test_the_exact_bytes_are_kept_in_every_form(
    body: dict[str, Any], form: str
) -> None:
    raw = json.dumps(body).encode()
    item, media_type = {
        "pair": (b'["event", %b]' % raw, NDJSON),
        "object": (b'{"name": "event", "doc": %b}' % raw, NDJSON),
        "array": (b'[ ["event", %b] ]' % raw, JSON),
        "reversed": (b'{"doc":%b,"name":"event"}' % raw, NDJSON),
    }[form]
    read = only(item, media_type)
    assert isinstance(read, Document)
    assert read.raw == raw
    assert json.dumps(read.body) == json.dumps(body)


@given(st.binary(max_size=200), st.sampled_from([NDJSON, JSON, ""]))
def test_it_never_raises(body: bytes, media_type: str) -> None:
    for item in read_items(body, media_type=media_type):
        assert isinstance(item, Document | Fault)


@pytest.mark.parametrize(
    ("line", "says"),
    [
        (b'["event",{"a":1,"a":2}]', "duplicate"),
        (b'["event",{"a":"\xff"}]', "unicode"),
        (b'["event",{"a":1}', "closed"),
        (b'["event",{"a":1}]x', "closed"),
        (b'["evnt",{"a":1}]', "did you mean 'event'"),
        (b'["event",[1]]', "object"),
        (b'["event"]', "[name, doc]"),
        (b'["event",{},3]', "JSON"),
        (b'{"name":"event"}', "members"),
        (b'{"name":"event","doc":{},"doc":{}}', "twice"),
        (b"42", "[name, doc]"),
        (b'["event",' + b'{"a":' * 400 + b"1" + b"}" * 400 + b"]", "recursion"),
    ],
)
def test_a_bad_line_says_why_and_costs_no_other(line: bytes, says: str) -> None:
    good = b'["stop",{"uid":"a"}]'
    first, bad, last = read_items(b"\n".join([good, line, good]), media_type=NDJSON)
    assert isinstance(first, Document)
    assert isinstance(last, Document)
    assert isinstance(bad, Fault)
    assert bad.index == 1
    assert says.lower() in bad.reason.lower() or says == "JSON"


def test_numbers_of_any_size_and_kind_are_kept() -> None:
    raw = b'{"a":NaN,"b":-Infinity,"c":18446744073709551617,"d":1.0}'
    read = only(b'["event",%b]' % raw)
    assert isinstance(read, Document)
    assert read.raw == raw
    assert read.body["c"] == 2**64 + 1
    assert repr(read.body["d"]) == "1.0"


def test_an_array_that_breaks_off_keeps_what_came_before() -> None:
    body = b'[["stop",{"uid":"a"}],["stop",{"uid":'
    first, rest = read_items(body, media_type=JSON)
    assert isinstance(first, Document)
    assert isinstance(rest, Fault)
    assert rest.index == 1


def test_blank_lines_do_not_count() -> None:
    assert list(read_items(b"\n \n", media_type=NDJSON)) == []
