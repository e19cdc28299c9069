import csv
import io
from typing import Any

import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st
from tests.documents.samples import FOLDER, read

from quire.documents.names import DocumentName
from quire.runs.arrow import to_arrow_bytes
from quire.runs.csv import to_csv
from quire.runs.table import Table, stream_table
from quire.testing.documents import as_page, document, make_event, make_run


def table(name: str, stream: str = "primary") -> Table:
    documents = read(FOLDER / f"{name}.jsonl")
    return stream_table(stream, [(one, ()) for one in documents])


def test_a_rewind_leaves_one_row_a_number_the_last() -> None:
    documents = read(FOLDER / "paused_rewound.jsonl")
    found = stream_table("primary", [(one, ()) for one in documents])
    assert found.seq_num == sorted(set(found.seq_num))
    events = [one.body for one in documents if one.name is DocumentName.EVENT]
    newest = max(
        (one for one in events if one["seq_num"] == 5), key=lambda one: one["time"]
    )
    assert found.time[found.seq_num.index(5)] == newest["time"]


def test_pages_become_rows() -> None:
    documents = read(FOLDER / "flyer_event_pages.jsonl")
    names = {
        one.body["name"] for one in documents if one.name is DocumentName.DESCRIPTOR
    }
    for name in names:
        found = stream_table(name, [(one, ()) for one in documents])
        assert found.seq_num == list(range(1, len(found.seq_num) + 1))
        assert all(len(column) == len(found.seq_num) for column in found.data.values())


def test_arrow_reads_back() -> None:
    found = table("scan")
    with pa.ipc.open_stream(to_arrow_bytes(found)) as reader:
        read_back = reader.read_all()
    assert read_back["seq_num"].to_pylist() == found.seq_num
    rows = read_back["data"].to_pylist()
    for key, column in found.data.items():
        assert [row[key] for row in rows] == column


def test_a_type_that_was_a_lie_is_widened() -> None:
    mixed = Table(
        seq_num=[1, 2, 3],
        time=[1.0, 2.0, 3.0],
        data={"x": [1, 2.5, None], "y": [1, "a", None], "z": [2**63, 1.5, 0]},
        timestamps={"x": [1.0] * 3, "y": [1.0] * 3, "z": [1.0] * 3},
    )
    with pa.ipc.open_stream(to_arrow_bytes(mixed)) as reader:
        rows = reader.read_all()["data"].to_pylist()
    assert [row["x"] for row in rows] == [1.0, 2.5, None]
    assert [row["y"] for row in rows] == ["1", '"a"', "null"]
    assert rows[0]["z"] == str(2**63)


def test_csv_is_safe_for_spreadsheets() -> None:
    risky = Table(
        seq_num=[1, 2],
        time=[1.0, 2.0],
        data={"=x": ["=1+1", -5]},
        timestamps={"=x": [1.0, 1.0]},
    )
    rows = list(csv.reader(io.StringIO(to_csv(risky))))
    assert rows == [
        ["seq_num", "time", "'=x"],
        ["1", "1.0", "'=1+1"],
        ["2", "2.0", "-5"],
    ]


def test_parts_of_a_table() -> None:
    found = table("scan")
    part = found.part(after=2, limit=2, columns=["motor"])
    assert part.seq_num == [3, 4]
    assert set(part.data) <= {"motor"}


def test_data_that_no_descriptor_declares_is_shown() -> None:
    odd = document("event", make_event(0, 4, ["key0", "surprise"]))
    found = stream_table("primary", [(one, ()) for one in [odd, *make_run(0, 3)]])
    assert found.seq_num == [1, 2, 3, 4]
    assert list(found.data) == ["key0", "key1", "surprise"]
    assert found.data["surprise"][:3] == [None] * 3
    assert found.data["key1"][3] is None


def test_data_in_files_of_a_stream_has_no_column() -> None:
    found = table("external_stream_assets")
    assert found.seq_num
    assert not [
        key
        for key, one in found.data_keys.items()
        if str(one.get("external")).startswith("STREAM:")
    ]


def test_repeated_rows_of_a_page_are_left_out() -> None:
    first, descriptor, *_ = make_run(0, 0)
    page = as_page([make_event(0, at, ["key0"]) for at in (1, 2, 3)])
    documents = [(first, ()), (descriptor, ()), (document("event_page", page), (1,))]
    assert stream_table("primary", documents).seq_num == [1, 3]


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


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "seq_num": st.integers() | st.just(2.0) | st.just(10**400),
                "time": st.floats(allow_nan=False, allow_infinity=False)
                | st.just(10**400),
                "data": st.dictionaries(st.text(), VALUES, max_size=2),
                "timestamps": st.dictionaries(st.text(), VALUES, max_size=2),
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
    found = stream_table("primary", [(one, ()) for one in documents])
    with pa.ipc.open_stream(to_arrow_bytes(found)) as reader:
        assert reader.read_all().num_rows == len(found.seq_num)
    rows = list(csv.reader(io.StringIO(to_csv(found), newline="")))
    assert len(rows) == len(found.seq_num) + 1
    assert all(
        not cell.startswith(("=", "+", "@", "\t", "\r")) for row in rows for cell in row
    )
