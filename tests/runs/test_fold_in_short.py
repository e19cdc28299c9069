"""What the fold tells of a run in short."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.documents.samples import FOLDER, read

from quire.documents.document import Document
from quire.documents.names import DocumentName
from quire.runs.fold import fold, fold_all
from quire.runs.run import Run, Status
from quire.testing.documents import as_page, document, make_run

HEAD, ROWS = make_run("again", 3)[:2], [one.body for one in make_run("again", 3)[2:-1]]


ODD: st.SearchStrategy[Any] = st.sampled_from(
    [True, None, "7", 1.5, 1.0, -3, 10**400, 2**63, [], {}, float("nan"), "\x00"]
)


@given(st.fixed_dictionaries({"scan_id": ODD, "plan_name": ODD, "num_points": ODD}))
def test_odd_keys_of_a_start_never_fail_it(odd: dict[str, Any]) -> None:
    start = document("start", {"uid": "r", "time": 10**400, **odd})
    run = fold(Run(uid="r"), start)
    assert run.time is None
    assert run.scan_id is None or type(run.scan_id) is int
    assert run.plan_name is None or isinstance(run.plan_name, str)
    assert run.num_points is None or run.num_points > 0
    assert msgspec.msgpack.decode(msgspec.msgpack.encode(run), type=Run) == run


@pytest.mark.parametrize(
    ("said", "kept"),
    [
        ({"num_points": 1}, {"num_points": 1}),
        ({"num_points": 0}, {"num_points": None}),
        ({"num_points": -3}, {"num_points": None}),
        ({"scan_id": 2**53 + 1}, {"scan_id": 2**53 + 1}),
        ({"scan_id": 2**63}, {"scan_id": None}),
        ({"time": 7, "plan_name": "scan"}, {"time": 7.0, "plan_name": "scan"}),
    ],
)
def test_what_a_start_says_is_kept_as_views_can_have_it(
    said: dict[str, Any], kept: dict[str, Any]
) -> None:
    run = fold(Run(uid="r"), document("start", {"uid": "r", "time": 1.0, **said}))
    assert {name: getattr(run, name) for name in kept} == kept


def test_external_data_of_a_stream_counts_as_rows() -> None:
    documents = read(FOLDER / "external_stream_assets.jsonl")
    run = fold_all(Run(uid="x"), [(one, ()) for one in documents])
    assert run.findings == ()
    without = [one for one in documents if one.name is not DocumentName.EVENT]
    alone = fold_all(Run(uid="x"), [(one, ()) for one in without])
    assert alone.streams["primary"].seq_nums == run.streams["primary"].seq_nums
    assert alone.streams["primary"].events == 0


def test_a_scan_is_told_in_short() -> None:
    run = fold_all(Run(uid="x"), [(one, ()) for one in read(FOLDER / "scan.jsonl")])
    assert run.status is Status.SUCCESS
    assert run.plan_name == "scan"
    assert run.devices == ("det1", "det2", "motor1")
    stream = run.streams["primary"]
    assert stream.data_keys == ("det1", "det2", "motor1", "motor1_setpoint")
    assert stream.rows == stream.events == run.events == run.num_points == 21
    assert run.start_document()["plan_name"] == "scan"
    assert run.findings == ()


def test_a_rewind_counts_once() -> None:
    documents = read(FOLDER / "paused_rewound.jsonl")
    run = fold_all(Run(uid="x"), [(one, ()) for one in documents])
    stream = run.streams["primary"]
    assert stream.events - stream.rows == 2


@pytest.mark.parametrize(
    "rows",
    [
        [document("event", row) for row in ROWS],
        [document("event_page", as_page(ROWS))],
        [document("bulk_events", {"any": ROWS})],
    ],
    ids=["events", "page", "bulk"],
)
def test_repeated_rows_are_left_out(rows: list[Document]) -> None:
    once = fold_all(Run(uid="x"), [(one, ()) for one in [*HEAD, *rows]])
    assert once.streams["primary"].events == 3
    assert fold(once, rows[-1], (0, 1, 2)).streams == once.streams


def test_of_a_ragged_page_the_rows_count_that_all_columns_have() -> None:
    page = document("event_page", {**as_page(ROWS), "time": [1.0, 7.0]})
    stream = fold_all(Run(uid="x"), [(one, ()) for one in [*HEAD, page]]).streams
    assert (stream["primary"].events, stream["primary"].rows) == (2, 2)
    assert stream["primary"].last_time == 7.0
