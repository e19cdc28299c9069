import json
from pathlib import Path
from typing import Any

import event_model
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.documents.samples import GOOD, read

from quire.documents.identity import (
    canonical,
    content_hash,
    identity,
    row,
    row_keys,
    row_uids,
    rows,
)
from quire.documents.names import DocumentName
from quire.testing.documents import as_page, document, make_event

EVENT = {
    "uid": "e1",
    "descriptor": "d",
    "seq_num": 1,
    "time": 2.0,
    "data": {"x": 1},
    "timestamps": {"x": 2.0},
}
PAGE = {
    "uid": ["e1", "e2"],
    "descriptor": "d",
    "seq_num": [1, 2],
    "time": [2.0, 3.0],
    "data": {"x": [1, 5]},
    "timestamps": {"x": [2.0, 3.0]},
}


def test_a_row_of_a_page_is_the_same_as_the_event_alone() -> None:
    event = document(DocumentName.EVENT, EVENT)
    page = document(DocumentName.EVENT_PAGE, PAGE)
    bulk = document(DocumentName.BULK_EVENTS, {"primary": [EVENT]})
    assert row_uids(page) == ("e1", "e2")
    assert row_keys(page)[0] == row_keys(event)[0] == row_keys(bulk)[0]
    contents = {content_hash(row(one, 0)) for one in (event, page, bulk)}
    assert len(contents) == 1


def test_families_do_not_mix() -> None:
    event = document(DocumentName.EVENT, EVENT)
    stop = document(DocumentName.STOP, {"uid": "e1"})
    assert row_keys(event) != row_keys(stop)


@given(st.dictionaries(st.text(), st.integers() | st.floats() | st.text()))
def test_key_order_and_white_space_do_not_matter(body: dict[str, Any]) -> None:
    other = dict(reversed(list(body.items())))
    assert canonical(body) == canonical(other)
    assert canonical(json.loads(json.dumps(body, indent=2))) == canonical(body)


def test_one_and_one_point_nought_differ_and_nan_equals_nan() -> None:
    assert canonical({"a": 1}) != canonical({"a": 1.0})
    assert canonical(float("nan")) == canonical(float("nan"))


def test_an_empty_filled_says_as_much_as_none() -> None:
    event = make_event(0, 1, ["x"])
    page = {**as_page([event]), "filled": {}}
    alone = document("event", {**event, "filled": {}})
    assert row(alone, 0) == row(document("event", event), 0)
    assert row(document("event_page", page), 0) == event


def test_a_filled_cell_is_part_of_its_row() -> None:
    event = {**make_event(0, 1, ["x"]), "filled": {"x": False}}
    page = {**as_page([event]), "filled": {"x": [False]}}
    assert row(document("event_page", page), 0) == event


def test_rows_of_datums() -> None:
    alone = {"datum_id": "r/1", "resource": "r", "datum_kwargs": {"n": 1}}
    page = {"datum_id": ["r/0", "r/1"], "resource": "r", "datum_kwargs": {"n": [0, 1]}}
    bulk = {
        "datum_ids": ["r/0", "r/1"],
        "resource": "r",
        "datum_kwarg_list": [{"n": 0}, {"n": 1}],
    }
    single = document("datum", alone)
    for name, body in (("datum_page", page), ("bulk_datum", bulk)):
        many = document(name, body)
        assert rows(many) == 2
        assert row(many, 1) == alone
        assert row_keys(many)[1] == row_keys(single)[0]
        assert identity(many) == "r/0"


def test_rows_of_ragged_pages_are_as_long_as_they_can_be() -> None:
    page = as_page([make_event(0, 1, ["x"]), make_event(0, 2, ["x"])])
    page |= {"time": [1.0], "data": {"x": [1.0]}}
    second = row(document("event_page", page), 1)
    assert "time" not in second
    assert second["data"] == {}
    bulk = {"datum_ids": ["a"], "resource": "r", "datum_kwarg_list": []}
    assert row(document("bulk_datum", bulk), 0) == {"datum_id": "a", "resource": "r"}


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("event_page", {**as_page([make_event(0, 1, [])]), "uid": []}),
        ("datum_page", {"datum_id": [], "resource": "r", "datum_kwargs": {}}),
        ("bulk_datum", {"datum_ids": [], "resource": "r", "datum_kwarg_list": []}),
        ("bulk_events", {"primary": []}),
    ],
)
def test_a_page_without_rows_is_known_again(name: str, body: dict[str, Any]) -> None:
    page = document(name, body)
    assert rows(page) == 1
    assert row(page, 0) == body
    assert row_keys(page) == row_keys(document(name, dict(body)))
    assert row_keys(page) != row_keys(document(name, {**body, "more": []}))
    assert identity(page) == ""


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_rows_are_what_event_model_unpacks(path: Path) -> None:
    for page in read(path):
        body: Any = page.body
        singles: list[Any]
        match page.name:
            case DocumentName.EVENT_PAGE:
                singles = list(event_model.unpack_event_page(body))
            case DocumentName.DATUM_PAGE:
                singles = list(event_model.unpack_datum_page(body))
            case _:
                assert row_uids(page) == (identity(page),)
                continue
        name = page.name.value.removesuffix("_page")
        expected = [row(document(name, dict(one)), 0) for one in singles]
        assert [row(page, place) for place in range(rows(page))] == expected


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=12,
)


@given(JSON_VALUES, JSON_VALUES)
def test_only_the_same_content_is_the_same(one: Any, other: Any) -> None:
    assert canonical(json.loads(canonical(one))) == canonical(one)
    if canonical(one) == canonical(other):
        assert one == other or "NaN" in canonical(one).decode()
