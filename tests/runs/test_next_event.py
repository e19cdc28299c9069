"""The short fold of one event, against the fold."""

import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.documents.streams import streams

from quire.documents.document import Document
from quire.runs.careful import fold_carefully
from quire.runs.fold import fold, fold_all
from quire.runs.next_event import with_next_event
from quire.runs.run import Run
from quire.runs.values import EXACT
from quire.testing.documents import document, make_descriptor, make_run

DTYPES = ["number", "integer", "string", "array", "boolean"]
EXTERNAL = ["", "", "", "STREAM:", "FILESTORE:"]
CHOICES = [[], [], ["a"], ["", "a", "x", "datum/1"]]
ODD: dict[str, list[Any]] = {
    "seq_num": [0, -1, 2, 2.0, True, 2**53, 2**60],
    "time": [1.0, 7, math.nan, -math.inf, 2**70],
    "filled": [{"x": False}, {"other": "d/1"}],
    "timestamps": [{}, {"x": 1.0, "other": 2.0}],
    "data": [{}, {"x": {}}, {"other": 1}],
    "descriptor": ["unknown"],
}


def plain(events: int = 3) -> tuple[Run, list[Document]]:
    """Return an open run without events, and its events."""
    start, descriptor, *rows = make_run("next", events, exit_status=None)
    run = Run(uid=start.body["uid"])
    return fold_all(run, [(start, ()), (descriptor, ())]), rows


def test_what_follows_is_folded_as_ever() -> None:
    run, (first, *others) = plain(9)
    run = fold(run, first)
    for one in others:
        after = with_next_event(run, one.body)
        assert after is not None
        assert after == fold(run, one)
        run = after
    assert (run.events, run.documents) == (9, 11)


def test_what_is_more_than_the_next_row_is_left_to_the_fold() -> None:
    run, (first, second, third) = plain()
    assert with_next_event(run, first.body) is None
    run = fold(run, first)
    assert with_next_event(run, third.body) is None
    for name, values in ODD.items():
        for value in values:
            if (name, value) != ("seq_num", 2) and (name, value) != ("time", 1.0):
                odd = {**second.body, name: value}
                assert with_next_event(run, odd) is None, (name, value)


@pytest.mark.parametrize(
    "numbers",
    [[1, 3, 2, 5, 4], [-2, -1, 0, 1, 2], [EXACT - 1, EXACT, EXACT + 1], [4, 4, 3]],
)
def test_whatever_number_comes_it_is_the_fold(numbers: list[int]) -> None:
    run, (first, *_) = plain()
    for place, number in enumerate(numbers):
        time = 9.0 - place if place else 10**400
        row = {"uid": f"e{place}", "seq_num": number, "time": time}
        one = document("event", {**first.body, **row})
        expected = fold(run, one)
        assert fold_carefully(run, [(one, ())]) == expected
        run = expected


def test_a_row_that_the_run_has_and_one_of_old_are_left_to_the_fold() -> None:
    run, (first, second, _) = plain()
    run = fold(run, first)
    assert fold_carefully(run, [(second, (0,))]) == fold(run, second, (0,))
    bulk = json.dumps(["bulk_events", {"primary": [second.body]}]).encode()
    old = Document(name=second.name, body=second.body, raw=second.raw, original=bulk)
    found = fold_carefully(run, [(old, ())])
    assert found == fold(run, old)
    assert found.findings


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_event_by_event_it_is_the_fold(data: st.DataObject) -> None:
    rows = data.draw(streams(4))
    keys = {
        key: (data.draw(st.sampled_from(DTYPES)), data.draw(st.sampled_from(EXTERNAL)))
        for key in rows[0]["data"]
    }
    body = make_descriptor("r", "d", keys)
    for key, (dtype, external) in keys.items():
        told = {"dtype": dtype, "choices": data.draw(st.sampled_from(CHOICES))}
        told |= {"external": external} if external else {}
        body["data_keys"][key] = {**body["data_keys"][key], **told}
    run = fold_all(Run(uid="r"), [(document("descriptor", body), ())])
    closing = data.draw(st.sampled_from([None, 1, 2]))
    for place, row in enumerate(rows):
        name = data.draw(st.sampled_from([None, None, *ODD]))
        one = document(
            "event",
            row
            if name is None
            else {**row, name: data.draw(st.sampled_from(ODD[name]))},
        )
        if place == closing:
            stop = {"uid": "s", "run_start": "r", "time": 9.0, "exit_status": "success"}
            run = fold(run, document("stop", {**stop, "num_events": {"": 7}}))
        expected = fold(run, one)
        assert fold_carefully(run, [(one, ())]) == expected
        run = expected
