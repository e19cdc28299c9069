"""Runs as rows, and rows as CSV and JSON lines."""

import csv
import io
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.runs.exporting import csv_lines, json_lines, row


def test_a_row_has_one_value_alone_and_several_in_a_list() -> None:
    leaves = {"a": (1,), "b": (1, "x"), "c": (False,)}
    assert row(leaves, ["b", "nowhere", "c", "a"]) == [[1, "x"], None, False, 1]


@pytest.mark.parametrize(
    ("value", "cell"),
    [
        (None, ""),
        (True, "true"),
        (False, "false"),
        (-1.5, "-1.5"),
        ("", ""),
        ("a=b", "a=b"),
        ('say "x", y', '"say ""x"", y"'),
        (["ä", 1, True], '"[""ä"", 1, true]"'),
        ("=1+1", "'=1+1"),
        ("+1", "'+1"),
        ("-1", "'-1"),
        ("@x", "'@x"),
        ("\tx", "'\tx"),
        ("\rx", '"\'\rx"'),
        ("\nx", '"\'\nx"'),
    ],
)
def test_a_cell_is_no_formula(value: Any, cell: str) -> None:
    assert csv_lines([["u", value]]) == f"u,{cell}\r\n"


_texts = st.text(st.characters(exclude_categories=["Cs"]))


@given(st.lists(st.lists(_texts, min_size=2, max_size=2)))
def test_texts_are_read_back(rows: list[list[str]]) -> None:
    read = csv.reader(io.StringIO(csv_lines(rows), newline=""))
    for given_row, found in zip(rows, read, strict=True):
        for text, cell in zip(given_row, found, strict=True):
            assert cell in (text, f"'{text}")
    lines = json_lines(["a", "b"], rows).split("\n")
    assert lines.pop() == ""
    assert [list(json.loads(line).values()) for line in lines] == rows
