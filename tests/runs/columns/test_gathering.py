"""A stream's documents into columns, and columns into Arrow and CSV."""

import csv
import io
import json
import random
from collections.abc import Sequence
from itertools import chain
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.documents.samples import FOLDER, read

from quire.documents.document import Document
from quire.documents.names import DocumentName
from quire.errors import InputError
from quire.runs.arrow import arrow_schema, ipc_stream
from quire.runs.columns.gathering import column_view
from quire.runs.columns.layout import DATA, ColumnView, data_keys
from quire.runs.columns.plain import lists
from quire.runs.columns.selection import Selection, select
from quire.runs.csv import csv_stream
from quire.testing.documents import as_page, document, make_event, make_run

EVERYTHING = Selection()


def view(documents: Sequence[Document], stream: str = "primary") -> ColumnView:
    return column_view(stream, [(one, ()) for one in documents])


def part(found: ColumnView, selection: Selection = EVERYTHING) -> Any:
    """Return the wanted part as one table in the kept form."""
    names = [
        name
        for name in selection.names(found.table.schema)
        if name != "superseded" or selection.superseded
    ]
    empty = found.table.select(names).slice(0, 0)
    return pa.concat_tables([empty, *select([found.table], selection)])


def arrow(found: ColumnView, selection: Selection = EVERYTHING) -> Any:
    """Return the wanted part as a client reads it."""
    table = part(found, selection)
    schema = arrow_schema(table.schema, found.configuration, table.num_rows)
    raw = b"".join(chain.from_iterable(ipc_stream(schema, [table])))
    with pa.ipc.open_stream(raw) as reader:
        return reader.read_all()


def data(found: ColumnView, key: str) -> list[Any]:
    return lists(part(found))[key]


def with_values(*values: Any, dtype: str = "number") -> list[Document]:
    """Return a run of events that hold these values under ``x``; ... for none."""
    start, descriptor, *_ = make_run(0, 0)
    keys = {"x": {"dtype": dtype, "shape": [], "source": "test"}}
    described = document("descriptor", {**descriptor.body, "data_keys": keys})
    events = []
    for number, value in enumerate(values, 1):
        body = make_event(0, number, [])
        if value is not ...:
            body["data"], body["timestamps"] = {"x": value}, {"x": 1.0}
        events.append(document("event", body))
    return [start, described, *events]


def test_a_rewind_leaves_one_row_a_number_the_last() -> None:
    documents = read(FOLDER / "paused_rewound.jsonl")
    found = part(view(documents))
    numbers = found["seq_num"].to_pylist()
    assert numbers == sorted(set(numbers))
    events = [one.body for one in documents if one.name is DocumentName.EVENT]
    newest = max(
        (one for one in events if one["seq_num"] == 5), key=lambda one: one["time"]
    )
    assert found["time"].to_pylist()[numbers.index(5)] == newest["time"]


def test_superseded_rows_are_reachable_and_marked() -> None:
    documents = read(FOLDER / "paused_rewound.jsonl")
    descriptors = [
        one.body["uid"]
        for one in documents
        if one.name is DocumentName.DESCRIPTOR and one.body["name"] == "primary"
    ]
    events = [
        one.body
        for one in documents
        if one.name is DocumentName.EVENT and one.body["descriptor"] in descriptors
    ]
    selection = Selection(superseded=True, uids=True)
    found = part(view(documents), selection)
    assert found.num_rows == len(events)
    assert sorted(found["uid"].to_pylist()) == sorted(one["uid"] for one in events)
    marked = {
        uid
        for uid, mark in zip(
            found["uid"].to_pylist(), found["superseded"].to_pylist(), strict=True
        )
        if mark
    }
    newest = {one["seq_num"]: one["uid"] for one in events}
    assert marked == {one["uid"] for one in events} - set(newest.values())
    assert marked


def test_of_rewound_events_of_one_time_the_greatest_uid_counts() -> None:
    one, two = (make_event(0, 1, ["key0"]) for _ in range(2))
    one["uid"], two["uid"] = "b", "a"
    two["data"] = {"key0": 7.0}
    documents = [*make_run(0, 0)[:2], document("event", one), document("event", two)]
    for order in (documents, documents[::-1]):
        found = part(view(order), Selection(uids=True))
        assert found["uid"].to_pylist() == ["b"]


def test_pages_become_rows() -> None:
    documents = read(FOLDER / "flyer_event_pages.jsonl")
    names = {
        one.body["name"] for one in documents if one.name is DocumentName.DESCRIPTOR
    }
    for name in names:
        found = part(view(documents, name))
        assert found["seq_num"].to_pylist() == list(range(1, found.num_rows + 1))
        assert found.num_rows


@pytest.mark.parametrize("name", ["scan", "good_pages_all_types", "paused_rewound"])
def test_arrow_holds_what_the_events_said(name: str) -> None:
    documents = read(FOLDER / f"{name}.jsonl")
    found = view(documents)
    table = arrow(found)
    rows = table["data"].to_pylist()
    for key, column in lists(part(found)).items():
        field = table.schema.field("data").type.field(key)
        read_back = [row[key] for row in rows]
        if (field.metadata or {}).get(b"encoding"):
            assert [row is None for row in read_back] == [one is None for one in column]
        else:
            assert repr(read_back) == repr(column)
    descriptor = next(
        one
        for one in documents
        if one.name is DocumentName.DESCRIPTOR and one.body["name"] == "primary"
    )
    told = json.loads(table.schema.metadata[b"configuration"])
    assert told[0]["configuration"] == descriptor.body["configuration"]


def test_the_order_of_arrival_is_not_seen() -> None:
    documents = read(FOLDER / "multi_stream_configure.jsonl")
    expected = view(documents)
    for seed in range(20):
        shuffled = list(documents)
        random.Random(seed).shuffle(shuffled)
        found = view(shuffled)
        assert found.table.equals(expected.table, check_metadata=True)
        assert found.configuration == expected.configuration


def test_a_second_descriptor_is_told_for_each_row() -> None:
    documents = read(FOLDER / "multi_stream_configure.jsonl")
    found = part(view(documents), Selection(descriptors=True))
    assert set(found["descriptor"].to_pylist()) == {0, 1}


@pytest.mark.parametrize(
    ("values", "kind", "read_back"),
    [
        ([1, 2.5, ...], pa.float64(), [1.0, 2.5, None]),
        ([1, "a", ...], pa.string(), [1, "a", None]),
        ([1, 2**63, -(2**70)], pa.string(), [1, 2**63, -(2**70)]),
        ([2**53 + 1, 0.5], pa.string(), [2**53 + 1, 0.5]),
        ([True, 1], pa.string(), [True, 1]),
        ([True, False, ...], pa.bool_(), [True, False, None]),
        (["none", "poisson"], pa.string(), ["none", "poisson"]),
        ([[1, 2], [3, 4]], pa.list_(pa.int64(), 2), [[1, 2], [3, 4]]),
        ([[1, 2], ..., [3, 4]], pa.list_(pa.int64(), 2), [[1, 2], None, [3, 4]]),
        (
            [[[1.0, 2.0]], [[3.0, 4.0]]],
            pa.list_(pa.list_(pa.float64(), 2), 1),
            [[[1.0, 2.0]], [[3.0, 4.0]]],
        ),
        ([[1], [2, 3], []], pa.large_list(pa.int64()), [[1], [2, 3], []]),
        ([[1], 2], pa.string(), [[1], 2]),
        ([{"a": 1}, 2], pa.string(), [{"a": 1}, 2]),
        ([..., ...], pa.float64(), [None, None]),
    ],
)
def test_a_column_takes_the_type_of_its_values(
    values: list[Any], kind: Any, read_back: list[Any]
) -> None:
    found = view(with_values(*values, dtype="number"))
    assert found.table.schema.field(DATA + "x").type == kind
    shown = data(found, "x")
    assert repr(shown) == repr(read_back)


def test_a_type_is_one_over_all_blocks() -> None:
    integers = [document("event_page", as_page(_rows(range(1, 70_001), int)))]
    floats = [document("event_page", as_page(_rows(range(70_001, 70_101), float)))]
    found = view([*make_run(0, 0, keys=1)[:2], *integers, *floats])
    assert found.table.schema.field(DATA + "key0").type == pa.float64()
    assert found.rows == 70_100


def _rows(numbers: range, kind: Any) -> list[dict[str, Any]]:
    return [
        {**make_event(0, number, ["key0"]), "data": {"key0": kind(number)}}
        for number in numbers
    ]


def test_nan_and_infinities_are_kept() -> None:
    found = data(view(with_values(float("nan"), float("inf"), -0.0)), "x")
    assert repr(found) == repr([float("nan"), float("inf"), -0.0])


def test_unicode_and_clashing_keys_are_no_harm() -> None:
    keys = ["time", "seq_num", "ts_x", "x", "µ-energy", "a/b", "50%", "A", "a"]
    start, descriptor, *_ = make_run(0, 0)
    told = {key: {"dtype": "number", "shape": [], "source": ""} for key in keys}
    described = document("descriptor", {**descriptor.body, "data_keys": told})
    event = document("event", make_event(0, 1, keys))
    table = arrow(view([start, described, event]))
    assert table["data"].to_pylist()[0] == event.body["data"]
    assert table["timestamps"].to_pylist()[0] == event.body["timestamps"]


def test_csv_is_safe_for_spreadsheets() -> None:
    documents = with_values("=1+1", -5, [1, 2])
    table = part(view(documents))
    names = [name.replace("x", "=x") for name in data_keys(table.schema)]
    text = b"".join(csv_stream(names, [table])).decode()
    assert list(csv.reader(io.StringIO(text, newline=""))) == [
        ["seq_num", "time", "'=x"],
        ["1", "1700000001.0", "'=1+1"],
        ["2", "1700000002.0", "-5"],
        ["3", "1700000003.0", "[1, 2]"],
    ]


def test_parts_of_a_stream() -> None:
    found = view(read(FOLDER / "scan.jsonl"))
    table = part(found, Selection(after=2, limit=2, columns=("motor1",)))
    assert table["seq_num"].to_pylist() == [3, 4]
    assert data_keys(table.schema) == ["motor1"]
    with pytest.raises(InputError, match="'nothing' is no column"):
        part(found, Selection(columns=("nothing",)))


def test_data_that_no_descriptor_declares_is_shown() -> None:
    odd = document("event", make_event(0, 4, ["key0", "surprise"]))
    found = view([odd, *make_run(0, 3)])
    assert part(found)["seq_num"].to_pylist() == [1, 2, 3, 4]
    assert found.keys == ["key0", "key1", "surprise"]
    assert data(found, "surprise")[:3] == [None] * 3
    assert data(found, "key1")[3] is None


def test_data_in_files_of_a_stream_has_no_column() -> None:
    found = view(read(FOLDER / "external_stream_assets.jsonl"))
    assert found.rows == 5
    assert "cam_image" in found.configuration.data_keys
    assert "cam_image" not in found.keys


def test_repeated_rows_of_a_page_are_left_out() -> None:
    first, descriptor, *_ = make_run(0, 0)
    page = as_page([make_event(0, at, ["key0"]) for at in (1, 2, 3)])
    found = column_view(
        "primary",
        [(first, ()), (descriptor, ()), (document("event_page", page), (1,))],
    )
    assert part(found)["seq_num"].to_pylist() == [1, 3]


def test_a_ragged_page_lacks_its_last_values() -> None:
    first, descriptor, *_ = make_run(0, 0)
    page = as_page([make_event(0, at, ["key0", "key1"]) for at in (1, 2, 3)])
    page["data"]["key1"].pop()
    found = view([first, descriptor, document("event_page", page)])
    assert data(found, "key1") == [1.1, 2.1, None]


VALUES: st.SearchStrategy[Any] = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.just(10**400)
    | st.floats()
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner),
    max_leaves=5,
)
COLUMNS = st.dictionaries(st.text(), VALUES, max_size=2)


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "seq_num": st.integers() | st.just(2.0) | st.just(10**400),
                "time": st.floats(allow_nan=False, allow_infinity=False)
                | st.just(10**400),
                "data": COLUMNS,
                "timestamps": COLUMNS,
            }
        ),
        max_size=5,
    )
)
def test_whatever_the_schema_lets_through_can_be_shown(
    events: list[dict[str, Any]],
) -> None:
    documents = make_run(0, 0)
    for number, body in enumerate(events):
        whole = {**make_event(0, number, []), **body}
        documents.append(document("event", whole))
    found = view(documents)
    table = part(found)
    assert arrow(found).num_rows == table.num_rows == found.rows
    text = b"".join(csv_stream(data_keys(table.schema), [table])).decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert len(rows) == table.num_rows + 1
    assert all(
        not cell.startswith(("=", "+", "@", "\t", "\r")) for row in rows for cell in row
    )


@given(st.lists(VALUES, max_size=6))
def test_values_come_back_whatever_they_are(values: list[Any]) -> None:
    documents = with_values(*values)
    events = documents[2:]
    pages = (
        [document("event_page", as_page([one.body for one in events]))]
        if events
        else []
    )
    for found in (view(documents), view([*documents[:2], *pages])):
        shown = data(found, "x") if "x" in found.keys else []
        assert len(shown) == len(values)
        for one, original in zip(shown, values, strict=True):
            assert repr(one) == repr(original) or one == original
