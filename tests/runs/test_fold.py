import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.documents.samples import FOLDER, GOOD, read

from quire.documents.document import Document
from quire.documents.names import DocumentName
from quire.documents.references import run_of
from quire.runs.fold import fold, fold_all
from quire.runs.intervals import gaps, union
from quire.runs.run import Run, Status

FIRST = {DocumentName.DESCRIPTOR}


def runs_of(path: Path) -> tuple[list[Document], list[Document]]:
    documents = read(path)
    starts = [one for one in documents if one.name is DocumentName.START]
    return documents, starts


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_order_and_grouping_do_not_matter(path: Path) -> None:
    documents, starts = runs_of(path)
    if len({one.body["uid"] for one in starts}) != 1 or "duplicates" in path.name:
        return
    whole = Run(uid=run_of(starts[0]) or "")
    expected = fold_all(whole, [(one, ()) for one in documents])
    dice = random.Random(5)
    for _ in range(20):
        mixed = documents[:]
        dice.shuffle(mixed)
        # The caller holds back what comes before its descriptor.
        mixed.sort(key=lambda one: one.name not in FIRST)
        run = whole
        while mixed:
            cut = dice.randint(1, len(mixed))
            run = fold_all(run, [(one, ()) for one in mixed[:cut]])
            mixed = mixed[cut:]
        assert run == expected


def test_a_scan_is_told_in_short() -> None:
    run = fold_all(Run(uid="x"), [(one, ()) for one in read(FOLDER / "scan.jsonl")])
    assert run.status is Status.SUCCESS
    assert run.plan_name == "scan"
    assert run.streams["primary"].rows == run.streams["primary"].events
    assert run.start_document()["plan_name"] == "scan"
    assert run.findings == ()


def test_a_rewind_counts_once() -> None:
    documents = read(FOLDER / "paused_rewound.jsonl")
    run = fold_all(Run(uid="x"), [(one, ()) for one in documents])
    stream = run.streams["primary"]
    assert stream.events - stream.rows == 2


def test_repeated_rows_are_left_out() -> None:
    documents = read(FOLDER / "scan.jsonl")
    run = fold_all(Run(uid="x"), [(one, ()) for one in documents])
    event = next(one for one in documents if one.name is DocumentName.EVENT)
    again = fold(run, event, (0,))
    assert again.streams == run.streams


SPANS = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 5)).map(
        lambda pair: (pair[0], pair[0] + pair[1])
    )
)


@given(SPANS, SPANS)
def test_intervals_are_sets(
    one: list[tuple[int, int]], other: list[tuple[int, int]]
) -> None:
    merged = union(union((), one), other)
    members = {n for a, b in [*one, *other] for n in range(a, b + 1)}
    assert {n for a, b in merged for n in range(a, b + 1)} == members
    assert all(a <= b for a, b in merged)
    assert all(b + 1 < c for (_, b), (c, _) in pairwise(merged))
    missing = {n for a, b in gaps(merged, start=0) for n in range(a, b + 1)}
    assert missing == set(range(max(members, default=-1) + 1)) - members
