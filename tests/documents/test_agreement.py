"""Our verdict on a document beside event-model's own."""

import json
from pathlib import Path
from typing import Any

import event_model
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.documents.samples import GOOD, INVALID, read
from tests.documents.strategies import bodies

from quire.documents.document import Document
from quire.documents.names import DocumentName
from quire.documents.reading import read_items
from quire.documents.validation import Validator
from quire.testing.documents import document

VALIDATOR = Validator()
THOROUGH = settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)


def theirs(name: str, body: dict[str, Any]) -> bool:
    schema = event_model.schema_validators[event_model.DocumentNames[name]]
    return bool(schema.is_valid(body))


def ours(name: str, body: dict[str, Any]) -> bool:
    """Tell whether a body is taken, as a delivery over the wire is."""
    line = json.dumps([name, body]).encode()
    (item,) = read_items(line, media_type="application/x-ndjson")
    assert isinstance(item, Document)
    assert json.dumps(item.body) == json.dumps(body)  # NaN too
    judged = VALIDATOR.fault(item, 0) is None
    if item.sound:
        assert judged
    return judged


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_both_take_what_real_producers_send(path: Path) -> None:
    for one in read(path):
        assert theirs(one.name.value, one.body)
        assert VALIDATOR.fault(one, 0) is None


@pytest.mark.parametrize("case", INVALID, ids=lambda case: case[2].replace(" ", "-"))
def test_both_refuse_what_is_invalid(
    case: tuple[str, dict[str, Any], str, str],
) -> None:
    name, body, _, _ = case
    assert not theirs(name, body)
    assert not ours(name, body)


@pytest.mark.parametrize("name", list(DocumentName), ids=lambda name: name.value)
@THOROUGH
@given(data=st.data())
def test_both_judge_alike(name: DocumentName, data: st.DataObject) -> None:
    body = data.draw(bodies(name))
    assert ours(name.value, body) == theirs(name.value, body)


@pytest.mark.parametrize("name", list(DocumentName), ids=lambda name: name.value)
def test_the_strategies_make_both_right_and_wrong(name: DocumentName) -> None:
    verdicts: set[bool] = set()

    @settings(THOROUGH, database=None)
    @given(bodies(name))
    def judge(body: dict[str, Any]) -> None:
        verdicts.add(theirs(name.value, body))

    judge()
    assert verdicts == {True, False}


LIMITS = {"limits": {"control": {"low": float("nan"), "high": 1}}}
KEY = {"dtype": "number", "shape": [], "source": "s"}


def descriptor(**changes: Any) -> dict[str, Any]:
    body = {"uid": "u", "run_start": "r", "time": 1, "data_keys": {"x": KEY}}
    return {**body, **changes}


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("start", {"uid": "u", "time": float("nan")}),
        ("start", {"uid": "u", "time": float("inf")}),
        ("descriptor", descriptor(time=float("-inf"))),
        ("descriptor", descriptor(data_keys={"x": {**KEY, **LIMITS}})),
        (
            "event_page",
            {
                "uid": ["u"],
                "descriptor": "d",
                "seq_num": [1],
                "time": [float("nan")],
                "data": {},
                "timestamps": {},
            },
        ),
    ],
)
def test_first_difference_a_number_is_finite(name: str, body: dict[str, Any]) -> None:
    assert theirs(name, body)
    assert not ours(name, body)


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("descriptor", descriptor(hints={"NX_class": "NXdetector\n"})),
        ("bulk_events", {"primary\n": 3}),
    ],
)
def test_second_difference_a_pattern_ends_at_the_end(
    name: str, body: dict[str, Any]
) -> None:
    if name == "bulk_events":
        # There the pattern lets anything through behind the newline.
        assert theirs(name, {"a\nb": 3})
    else:
        assert theirs(name, body)
    assert VALIDATOR.fault(document(name, body), 0) is not None


def test_data_may_be_anything() -> None:
    event = {
        "uid": "u",
        "descriptor": "d",
        "seq_num": 1,
        "time": 1.0,
        "data": {"x": float("nan"), "y": [float("inf"), None, "a"], "z": {"a": 1}},
        "timestamps": {"x": float("nan")},
    }
    assert theirs("event", event)
    assert VALIDATOR.fault(document("event", event), 0) is None
