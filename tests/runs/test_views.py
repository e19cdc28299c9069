import csv
import io

import pyarrow as pa
from tests.documents.samples import FOLDER, read

from quire.documents.names import DocumentName
from quire.runs.arrow import to_arrow_bytes
from quire.runs.csv import to_csv
from quire.runs.table import Table, stream_table


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
