import json
from copy import deepcopy
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
from quire.testing.documents import make_event

VALIDATOR = Validator()
EVENT = make_event("e", 1, ["x"])
KEY = {"dtype": "number", "shape": [], "source": "s"}


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
            "a\nb": st.integers(),
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


BAD_KEY = "a key may be neither empty nor hold a dot or a slash"
NO_FORM = "has none of the forms allowed here"
MISSING = "required, but missing"
TOLD = {
    "start without time": ("/time", MISSING),
    "top-level key with a dot": ("/a.b", f'"a.b": {BAD_KEY}'),
    "empty top-level key": ("/", f'"": {BAD_KEY}'),
    "sample is a list": ("/sample", "[1] is not of type object or string"),
    "scan_id null": ("/scan_id", "null is not of type integer"),
    "hints.dimensions not a list": (
        "/hints/dimensions",
        '"x" is not of type array',
    ),
    "projection location=start (databroker's own)": (
        "/projections/0/projection/f",
        f'{{"type": "linked", "location": "start", "field": "sample"}} {NO_FORM}',
    ),
    "linked event without stream": ("/projections/0/projection/f/stream", MISSING),
    "calculation without callable": (
        "/projections/0/projection/f/calculation/callable",
        MISSING,
    ),
    "static without value": ("/projections/0/projection/f/value", MISSING),
    "unknown projection type": (
        "/projections/0/projection/f/type",
        '"other" is none of "linked" or "calculated" or "static"',
    ),
    "dtype 'float'": (
        "/data_keys/x/dtype",
        '"float" is none of "string", "number", "array", "boolean", "integer"',
    ),
    "data key without source": ("/data_keys/x/source", MISSING),
    "external null": ("/data_keys/x/external", "null is not of type string"),
    "limits without high": ("/data_keys/x/limits/control/high", MISSING),
    "data key name with a slash": ("/data_keys/a~1b", f'"a/b": {BAD_KEY}'),
    "event with an extra key": (
        "/extra",
        '"extra": the schema knows no such key here',
    ),
    "filled null": ("/filled/x", "null is not of type boolean or string"),
    "resource without resource_kwargs": ("/resource_kwargs", MISSING),
    "range without stop": ("/indices/stop", MISSING),
    "exit_status 'failed'": (
        "/exit_status",
        '"failed" is none of "success", "abort", "fail"',
    ),
    "num_events float": ("/num_events/p", "1.5 is not of type integer"),
}


def test_the_field_named_is_the_one_that_is_wrong_and_why() -> None:
    told = {}
    for name, body, why, _ in INVALID:
        fault = VALIDATOR.fault(document(name, body), 0)
        assert fault is not None
        assert (fault.name, fault.uid) == (name, body.get("uid", ""))
        told[why] = (fault.field, fault.reason)
    assert told == TOLD


@pytest.mark.parametrize(
    ("name", "body", "field", "reason"),
    [
        (
            "stop",
            {"uid": "u", "run_start": "r", "time": 1, "exit_status": "failed"},
            "/exit_status",
            '"failed" is none of "success", "abort", "fail"',
        ),
        ("start", {"uid": 5, "time": 1}, "/uid", "5 is not of type string"),
        (
            "start",
            {"uid": "u", "time": 1, "scan_id": float("-inf")},
            "/scan_id",
            "-inf is not a finite number: it is not of type integer",
        ),
        ("bulk_events", {"a\n": 3}, "/a\n", "line break"),
        ("bulk_events", {"": [1]}, "//0", "1 is not of type object"),
        ("bulk_events", {"": [{"uid": "u"}]}, "//0/data", "missing"),
        ("bulk_events", {"": [], "a": 3}, "/a", "3 is not of type array"),
        ("start", {"uid": "u", "": {"a": 1}}, "/time", "missing"),
        ("start", {"uid": ["ü"], "time": 1}, "/uid", '["ü"] is not of type string'),
        # What is left over because another part is wrong, is not what is told.
        ("event", {**EVENT, "uid": 5, "x": 1}, "/uid", "5 is not of type string"),
        (
            "descriptor",
            {
                "uid": "u",
                "run_start": "r",
                "time": 1,
                "data_keys": {},
                "configuration": {
                    "": {"data_keys": {"x": {**KEY, "dtype": 5}}},
                    "data_keys": {},
                },
            },
            "/configuration//data_keys/x/dtype",
            "5 is not of type string",
        ),
        ("bulk_events", {"a": [{"uid": "u"}]}, "/a/0/data", "missing"),
        ("datum", {"datum_id": "d", "resource": "r"}, "/datum_kwargs", "missing"),
    ],
)
def test_the_reason_names_value_and_rule(
    name: str, body: dict[str, Any], field: str, reason: str
) -> None:
    fault = VALIDATOR.fault(document(name, body), 0)
    assert fault is not None
    assert fault.field == field
    assert reason in fault.reason


LOW = "/data_keys/x/limits/control/low"


def descriptor_with(data_key: dict[str, Any]) -> Document:
    keys = {"x": {**KEY, **data_key}}
    body = {"uid": "u", "run_start": "r", "time": 1, "data_keys": keys}
    return document("descriptor", body)


@pytest.mark.parametrize(
    ("data_key", "field"),
    [
        ({"shape": [float("nan")]}, "/data_keys/x/shape/0"),
        ({"precision": float("nan")}, "/data_keys/x/precision"),
        ({"limits": {"control": {"low": float("nan"), "high": 1}}}, LOW),
        ({"limits": {"control": {"low": float("inf"), "high": "x"}}}, LOW),
        ({"limits": {"control": [0, 1]}}, "/data_keys/x/limits/control"),
        ({"dtype_numpy": "f8"}, "/data_keys/x/dtype_numpy"),
    ],
)
def test_a_data_key_is_refused_at_the_value_that_is_wrong(
    data_key: dict[str, Any], field: str
) -> None:
    fault = VALIDATOR.fault(descriptor_with(data_key), 0)
    assert fault is not None
    assert fault.field == field


def test_a_class_name_may_not_end_in_a_newline() -> None:
    body = {"uid": "u", "run_start": "r", "time": 1, "data_keys": {}}
    hints = {"NX_class": "NXdetector\n"}
    fault = VALIDATOR.fault(document("descriptor", {**body, "hints": hints}), 0)
    assert fault is not None
    assert fault.field == "/hints/NX_class"


SEEDS = [one for path in GOOD if "load" not in path.name for one in read(path)]
ODD_VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [None, True, 0, -1, 1.5, 2.0, "", "x", "NXx", "a.b", [], [1], [None], {}, {"a": 1}]
).map(deepcopy)


def places(value: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Return the paths of all values in a value."""
    items: list[tuple[Any, Any]] = []
    if isinstance(value, dict):
        items = list(value.items())
    elif isinstance(value, list):
        items = list(enumerate(value))
    found = [path] if path else []
    for key, item in items:
        found += places(item, (*path, key))
    return found


@settings(max_examples=250, deadline=None)
@given(st.data())
def test_it_agrees_with_event_model_on_what_is_nearly_right(
    data: st.DataObject,
) -> None:
    seed = data.draw(st.sampled_from(SEEDS))
    body = json.loads(json.dumps(seed.body))
    for _ in range(data.draw(st.integers(1, 3))):
        path = data.draw(st.sampled_from(places(body) or [("x",)]))
        parent = body
        for step in path[:-1]:
            parent = parent[step]
        match data.draw(st.sampled_from(["set", "drop", "add"])):
            case "drop" if isinstance(parent, dict):
                parent.pop(path[-1], None)
            case "add" if isinstance(parent, dict):
                parent[data.draw(st.sampled_from(["a.b", "a/b", "", "new"]))] = 1
            case _:
                parent[path[-1]] = data.draw(ODD_VALUES)
    schema = event_model.schema_validators[event_model.DocumentNames[seed.name.value]]
    fault = VALIDATOR.fault(document(seed.name.value, body), 0)
    assert (fault is None) == schema.is_valid(body)
