import json
from pathlib import Path
from typing import Any

import event_model
import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.documents.samples import GOOD, INVALID, read

from quire.documents.document import Document
from quire.documents.names import DocumentName
from quire.documents.pointer import pointer
from quire.documents.validation import Validator

VALIDATOR = Validator()


def document(name: str, body: dict[str, Any]) -> Document:
    return Document(name=DocumentName(name), body=body, raw=json.dumps(body).encode())


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_what_real_producers_send_is_accepted(path: Path) -> None:
    for one in read(path):
        assert VALIDATOR.fault(one, 0) is None


@pytest.mark.parametrize("case", INVALID, ids=lambda case: case[2].replace(" ", "-"))
def test_what_the_schema_refuses_is_refused_with_its_field(
    case: tuple[str, dict[str, Any], str, str],
) -> None:
    name, body, _, _ = case
    fault = VALIDATOR.fault(document(name, body), 7)
    assert fault is not None
    assert fault.index == 7
    assert fault.field.startswith("/")
    assert fault.reason


def test_a_key_that_should_not_be_there_is_named() -> None:
    fault = VALIDATOR.fault(
        document("start", {"uid": "u", "time": 1, "sample": {"a/b": 1}}), 0
    )
    assert fault is not None
    assert fault.field in {"/sample", "/sample/a~1b"}


def test_a_number_that_is_not_finite_is_refused_where_a_number_is_asked_for() -> None:
    fault = VALIDATOR.fault(document("start", {"uid": "u", "time": float("nan")}), 0)
    assert fault is not None
    assert fault.field == "/time"
    assert "not a finite number" in fault.reason


def test_a_number_that_is_not_finite_is_data() -> None:
    body = {
        "uid": "u",
        "descriptor": "d",
        "seq_num": 1,
        "time": 1.0,
        "data": {"x": float("inf")},
        "timestamps": {"x": 1.0},
    }
    assert VALIDATOR.fault(document("event", body), 0) is None


@settings(max_examples=150)
@given(
    st.fixed_dictionaries(
        {
            "uid": st.text() | st.integers(),
            "time": st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        },
        optional={
            "scan_id": st.integers() | st.none() | st.text(max_size=3),
            "sample": st.text() | st.dictionaries(st.text(max_size=3), st.integers()),
            "data_groups": st.lists(st.text(max_size=2)) | st.text(max_size=2),
            "a.b": st.integers(),
            "extra": st.integers(),
        },
    )
)
def test_it_agrees_with_event_model(body: dict[str, Any]) -> None:
    schema = event_model.schema_validators[event_model.DocumentNames.start]
    try:
        schema.validate(body)
        theirs = True
    except jsonschema.ValidationError:
        theirs = False
    keys = [*body, *(body["sample"] if isinstance(body.get("sample"), dict) else ())]
    if any(key.endswith("\n") for key in keys):
        return
    assert (VALIDATOR.fault(document("start", body), 0) is None) == theirs


def test_pointers_escape() -> None:
    assert pointer(["a/b", "~", 0]) == "/a~1b/~0/0"
