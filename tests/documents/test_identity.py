import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from quire.documents.document import Document
from quire.documents.identity import canonical, content_hash, row, row_keys, row_uids
from quire.documents.names import DocumentName

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


def document(name: DocumentName, body: dict[str, Any]) -> Document:
    return Document(name=name, body=body, raw=json.dumps(body).encode())


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
