"""Events and pages that are read by their columns, against each read by itself."""

import json
from itertools import chain
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.documents.streams import nearly_alike, streams

from quire.documents.batch import EventBatch, read_batch
from quire.documents.document import Document, Fault
from quire.documents.identity import keys_of_rows
from quire.documents.paged import are_numbers, read_page
from quire.documents.reading import parse, read_delivery, read_items
from quire.documents.validation import Validator
from quire.testing.bench_documents import pages_of, run_of
from quire.testing.documents import as_page, make_event

NDJSON = "application/x-ndjson"
VALIDATOR = Validator()
ROWS = 9


def text_of(name: str, body: Any) -> bytes:
    return json.dumps([name, body], separators=(",", ":")).encode()


def batches(body: bytes) -> list[EventBatch]:
    found = read_delivery(body, media_type=NDJSON)
    return [one for one in found if isinstance(one, EventBatch)]


def events(count: int, *keys: str) -> list[dict[str, Any]]:
    return [make_event("batch", number, keys) for number in range(1, count + 1)]


def shown(item: Document | Fault, index: int) -> str:
    """Return all that is told of an item but the way in which it was read."""
    if isinstance(item, Document):
        fault = VALIDATOR.fault(item, index)
        return f"{item.name} {item.raw!r} {json.dumps(item.body)} {fault}"
    return f"{item.name} {item.uid} {item.field} {item.reason}"


def check(batch: EventBatch) -> None:
    """See that a batch says what its documents say, and that these are sound."""
    alone = batch.documents()
    assert [one.raw for one in alone] == list(batch.raws)
    assert all(VALIDATOR.fault(one, 0) is None for one in alone)
    bodies = [parse(one.name, one.raw).body for one in alone]
    assert json.dumps([one.body for one in alone]) == json.dumps(bodies)
    if batch.name == "event":
        columns: Any = {key: [body[key] for body in bodies] for key in bodies[0]}
        data = {key: [one[key] for one in columns["data"]] for key in bodies[0]["data"]}
    else:
        (columns,) = bodies
        data = columns["data"]
    assert list(batch.uids) == list(columns["uid"])
    assert json.dumps(list(batch.seq_nums)) == json.dumps(columns["seq_num"])
    assert json.dumps(list(batch.times)) == json.dumps(columns["time"])
    told = {key: list(column) for key, column in batch.data.items()}
    assert json.dumps(told) == json.dumps(data)
    for key in batch.numeric:
        assert {type(one) for one in data[key]} <= {int, float, type(None)}
    assert keys_of_rows([batch]) == [tuple(chain(*keys_of_rows(alone)))]


@settings(max_examples=120, deadline=None)
@given(nearly_alike(ROWS))
def test_events_together_are_read_as_each_by_itself(texts: list[bytes]) -> None:
    body = b"\n".join(texts)
    found = list(read_items(body, media_type=NDJSON))
    alone = [one for text in texts for one in read_items(text, media_type=NDJSON)]
    assert [shown(one, 0) for one in found] == [shown(one, 0) for one in alone]
    for batch in batches(body):
        check(batch)


@pytest.mark.parametrize(
    "value",
    [
        1.5,
        [{}, ["event", {}]],  # what begins behind a comma looks like an item
        [[{}], ["even", {}]],  # what ends before a comma does
        ["}]"],
    ],
)
def test_no_line_is_an_item_because_others_are(value: Any) -> None:
    """An item over two lines is none, though two on another make up for it."""
    texts = [text_of("event", {**one, "data": {"a": value}}) for one in events(9, "a")]
    assert read_batch(b"\n".join(texts)) is not None
    first, second, third, *others = texts
    two = second + third
    assert read_batch(b"\n".join([first, two, *others])) is None
    for place in range(1, len(third)):
        halves = third[:place], third[place:]
        assert read_batch(b"\n".join([first, two, *halves, *others])) is None
        assert read_batch(b"\n".join([first, halves[0], *others])) is None


@pytest.mark.parametrize(
    ("edge", "spaced"), [(b'",{', b'", {'), (b"}]", b"} ]"), (b'["e', b'[ "e')]
)
def test_spaces_around_an_event_are_not_its_own(edge: bytes, spaced: bytes) -> None:
    texts = [text_of("event", one) for one in events(9, "a")]
    odd = [*texts[:4], texts[4].replace(edge, spaced, 1), *texts[5:]]
    found = list(read_items(b"\n".join(odd), media_type=NDJSON))
    assert [one.raw for one in found if isinstance(one, Document)] == [
        text[len('["event",') : -1] for text in texts
    ]


@settings(max_examples=150, deadline=None)
@given(nearly_alike(ROWS), st.data())
def test_only_whole_lines_are_items(texts: list[bytes], data: st.DataObject) -> None:
    between = st.sampled_from([b"\n", b"\r\n", b"\n\n", b"\n \t", b" \n", b" ", b""])
    usual = data.draw(between)
    odd, place = data.draw(between), data.draw(st.integers(0, ROWS - 2))
    ends = [odd if at == place else usual for at in range(ROWS - 1)]
    body = bytearray(b"".join(chain(*zip(texts, [*ends, b""], strict=True))))
    for _ in range(data.draw(st.integers(0, 2))):
        at = data.draw(st.integers(0, len(body)))
        bits = st.sampled_from([b"\n", b" ", b"[", b"]", b"}", b",", b"1", b"]\n["])
        body[at : at + data.draw(st.integers(0, 1))] = data.draw(bits)
    lines = [line for one in bytes(body).split(b"\n") if (line := one.strip(b" \t\r"))]
    found = list(read_items(bytes(body), media_type=NDJSON))
    alone = [one for line in lines for one in read_items(line, media_type=NDJSON)]
    assert [shown(one, 0) for one in found] == [shown(one, 0) for one in alone]
    for batch in batches(bytes(body)):
        check(batch)


@settings(max_examples=120, deadline=None)
@given(streams(3), st.data())
def test_pages_are_read_as_the_thorough_way_does(
    rows: list[dict[str, Any]], data: st.DataObject
) -> None:
    page = as_page(rows)
    if data.draw(st.booleans()):
        own = [page[name] for name in ("uid", "seq_num", "time")]
        tables = [*page["data"].values(), *page["timestamps"].values()]
        column = data.draw(st.sampled_from([*own, *tables]))
        place = data.draw(st.integers(0, len(column) - 1))
        odd = data.draw(
            st.sampled_from(
                [None, 1.0, True, "x", [], [1, 2], {}, {"a": 1}, float("nan"), 2**70]
            )
        )
        column[place : place + data.draw(st.integers(0, 2))] = [odd]
    text = text_of("event_page", page)
    batch = read_page(text)
    (alone,) = read_items(text, media_type=NDJSON)
    if batch is not None:
        check(batch)
        assert isinstance(alone, Document)
        assert alone.body == parse(alone.name, alone.raw).body


@settings(max_examples=120, deadline=None)
@given(st.data())
def test_a_page_that_was_tampered_with_is_read_alike_or_left(
    data: st.DataObject,
) -> None:
    text = bytearray(text_of("event_page", as_page(events(3, "a", "b"))))
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(15, len(text) - 1))
        bits = data.draw(
            st.sampled_from(
                [b"", b" ", b'"', b",", b":", b"}", b"]", b"1", b"e9", b"[", b"\xff"]
            )
        )
        text[place : place + data.draw(st.integers(0, 2))] = bits
    batch = read_page(bytes(text))
    if batch is not None:
        check(batch)


def test_what_benchmarks_send_is_read_by_columns() -> None:
    _, middle, _ = run_of(10)
    lines = [json.dumps(item).encode() for item in middle]
    compact = [text_of(name, body) for name, body in middle]
    (batch,) = batches(b"\n".join(compact) + b"\n")
    assert len(batch.uids) == len(batch.numeric) + 2 == 10
    check(batch)
    # With a space behind the comma, as Python's own writer has it, too.
    check(*batches(b"\r\n\n".join(line.replace(b", ", b",", 1) for line in lines)))
    for short in (b"[{}]", b"{}", b" ", b""):
        assert read_batch(b"\n".join([*compact, short, compact[0]])) is None
        assert (read_batch(b"\n".join([*compact, short])) is None) == bool(short)
    (name, page), *_ = pages_of(middle, 10)
    (batch,) = batches(text_of(name, page))
    (again,) = batches(text_of(name, page) + b"\r\n")
    assert again.raws == batch.raws
    assert len(batch.uids) == len(batch.numeric) + 2 == 10
    check(batch)


def test_events_of_other_names_and_streams_stand_where_they_came() -> None:
    start = text_of("start", {"uid": "s", "time": 1})
    plain = [text_of("event", one) for one in events(10, "a")]
    page = text_of("event_page", as_page(events(4, "b")))
    body = b"\n".join([start, *plain, page, start, *plain[:3]])
    found = list(read_delivery(body, media_type=NDJSON))
    kinds = [type(one).__name__ for one in found]
    assert kinds == ["Document", "EventBatch", "EventBatch", *["Document"] * 4]
    assert len(list(read_items(body, media_type=NDJSON))) == 16


@pytest.mark.parametrize(
    "odd",
    [
        {"seq_num": 1.0},
        {"descriptor": "another"},
        {"data": {"a": 1, "b": 2}},
        {"data": {}},
        {"data": {"a": "text"}},
        {"data": {"a": float("nan")}},
        {"timestamps": {"b": 1}},
        {"timestamps": {"a": "text"}},
        {"filled": {"a": True}},
        {"uid": "a:b"},
        {"more": 1},
    ],
)
def test_one_odd_event_is_enough(odd: dict[str, Any]) -> None:
    every = events(10, "a")
    texts = [text_of("event", one) for one in (*every[:-1], {**every[-1], **odd})]
    assert read_batch(b"\n".join(texts[:-1])) is not None
    assert read_batch(b"\n".join(texts)) is None


def test_one_event_that_is_no_utf_8_is_enough() -> None:
    texts = [text_of("event", {**one, "data": {"a": "x"}}) for one in events(10, "a")]
    assert read_batch(b"\n".join(texts)) is not None
    texts[-1] = texts[-1].replace(b'"x"', b'"\xff"')
    assert read_batch(b"\n".join(texts)) is None


def test_arrays_may_not_hide_how_deep_they_are() -> None:
    deep = json.loads("[" * 195 + "]" * 195)
    flat = [{**one, "data": {"a": [1, 2]}} for one in events(10, "a")]
    texts = [text_of("event", one) for one in flat]
    assert read_batch(b"\n".join(texts)) is not None
    texts[-1] = text_of("event", {**flat[-1], "data": {"a": deep}})
    assert read_batch(b"\n".join(texts)) is None
    assert read_page(text_of("event_page", as_page(flat))) is not None
    nested = as_page([flat[0], {**flat[1], "data": {"a": deep}}])
    assert read_page(text_of("event_page", nested)) is None


@pytest.mark.parametrize(
    ("text", "rows"),
    [
        (b"[1,2]", 2),
        (b"[1, -2.5e+3 ,0]", 3),
        (b"[" + b",".join([b"1" * 1000] * 9) + b"]", 9),
    ],
)
def test_numbers_are_known_by_their_text(text: bytes, rows: int) -> None:
    assert are_numbers(text, rows)
    assert not are_numbers(text, rows + 1)


@pytest.mark.parametrize(
    "text",
    [
        b'["",1]',
        b"[null,1]",
        b"[1,true]",
        b"[false,1]",
        b"[[1],2]",
        b"[{},1]",
        b"[[1,2]]",
        b'{"a":1,"b":2}',
        b'"1,2"',
        b"[1,%b]" % (b"1" * 4301),
    ],
)
def test_all_else_is_not_taken_for_numbers(text: bytes) -> None:
    assert not are_numbers(text, 2)
