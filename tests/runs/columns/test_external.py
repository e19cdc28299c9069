"""What documents say of data in files."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.documents.samples import FOLDER, read

from quire.documents.names import DocumentName
from quire.runs.columns.external import (
    Span,
    counted_on,
    external_of,
    places_of_spans,
    row_shape,
    told_by,
)
from quire.testing.documents import document


def test_streams_tell_spans() -> None:
    documents = read(FOLDER / "external_stream_assets.jsonl")
    uids = [one.body["uid"] for one in documents if one.name == DocumentName.DESCRIPTOR]
    found = external_of(told_by(documents), uids)
    assert set(found.spans) == {"cam_image", "cam_sum"}
    places = places_of_spans(found.spans["cam_image"])
    assert places.seq_num.tolist() == [1, 2, 3, 4, 5]
    assert places.begin.tolist() == [0, 1, 2, 3, 4]
    asset = found.assets[places.assets[0]]
    assert asset.format == "application/x-hdf5"
    assert asset.parameters["dataset"] == "/entry/data/data"
    assert not external_of(told_by(documents), ["another"]).spans


def test_the_order_of_documents_is_not_seen() -> None:
    documents = read(FOLDER / "external_resource_datum.jsonl")
    expected = external_of(told_by(documents), [])
    assert len(expected.datums) == 4
    random.Random(3).shuffle(documents)
    found = external_of(told_by(documents), [])
    assert (found.datums, found.assets) == (expected.datums, expected.assets)


def test_datums_alone_in_pages_and_in_bulk_are_one() -> None:
    kwargs = [{"index": 0}, {"index": 1}]
    ids = ["r/0", "r/1"]
    alone = [
        document("datum", {"resource": "r", "datum_id": i, "datum_kwargs": k})
        for i, k in zip(ids, kwargs, strict=True)
    ]
    page = {"resource": "r", "datum_id": ids, "datum_kwargs": {"index": [0, 1]}}
    bulk = {"resource": "r", "datum_ids": ids, "datum_kwarg_list": kwargs}
    expected = told_by(alone).datums
    assert told_by([document("datum_page", page)]).datums == expected
    assert told_by([document("bulk_datum", bulk)]).datums == expected


@pytest.mark.parametrize(
    ("seq_nums", "indices", "count"),
    [
        ((1, 4), (0, 3), 3),
        ((1, 4), (0, 2), 2),
        ((4, 1), (0, 3), 0),
        ((1, 4), (-1, 2), 0),
        ((1.0, 4.0), (0.0, 3.0), 3),
        ((1, 10**400), (0, 10**400), 0),
        ((1, 1e300), (0, 1e300), 0),
    ],
)
def test_spans_hold_rows_or_none(seq_nums: Any, indices: Any, count: int) -> None:
    resource = {
        "uid": "r",
        "data_key": "x",
        "mimetype": "image/tiff",
        "uri": "",
        "parameters": {},
    }
    datum = {
        "uid": "r/0",
        "stream_resource": "r",
        "descriptor": "d",
        "seq_nums": dict(zip(("start", "stop"), seq_nums, strict=True)),
        "indices": dict(zip(("start", "stop"), indices, strict=True)),
    }
    documents = [document("stream_resource", resource), document("stream_datum", datum)]
    found = external_of(told_by(documents), ["d"])
    assert sum(span.count for span in found.spans.get("x", ())) == count


SPANS = st.builds(
    Span,
    uid=st.text(max_size=3),
    asset=st.sampled_from("ab"),
    seq_num=st.integers(1, 12),
    index=st.integers(0, 12),
    count=st.integers(1, 5),
)


@given(st.lists(SPANS, max_size=6, unique_by=lambda one: one.uid))
def test_each_row_has_the_place_farthest_on(spans: list[Span]) -> None:
    spans.sort(key=lambda one: one.uid)
    held: dict[int, list[tuple[int, str, str]]] = {}
    for span in spans:
        for row in range(span.count):
            place = (span.index + row, span.uid, span.asset)
            held.setdefault(span.seq_num + row, []).append(place)
    best = {number: max(places) for number, places in held.items()}
    expected = {number: (asset, index) for number, (index, _, asset) in best.items()}
    found = places_of_spans(spans)
    assert found.seq_num.tolist() == sorted(expected)
    told = [
        (found.assets[which], begin)
        for which, begin in zip(found.which, found.begin, strict=True)
    ]
    assert told == [expected[number] for number in sorted(expected)]


@pytest.mark.parametrize(
    ("told", "starts"),
    [
        ([("a", 0, 3), ("b", 3, 2), ("c", 5, 4)], {"a": 0, "b": 3, "c": 5}),
        (
            [("c", 0, 3), ("a", 3, 1), ("a", 4, 1), ("b", 5, 1)],
            {"c": 0, "a": 3, "b": 5},
        ),
        ([("a", 0, 3)], None),
        ([("a", 0, 3), ("b", 0, 3)], None),
        ([("a", 0, 3), ("b", 4, 3)], None),
        ([("a", 1, 3), ("b", 4, 3)], None),
    ],
)
def test_files_are_counted_on_where_each_begins_at_the_end_of_another(
    told: list[tuple[str, int, int]], starts: dict[str, int] | None
) -> None:
    spans, seq_num = [], 1
    for asset, index, count in told:
        span = Span(
            uid=str(seq_num), asset=asset, seq_num=seq_num, index=index, count=count
        )
        spans.append(span)
        seq_num += count
    places = places_of_spans(spans)
    found = counted_on(places)
    if found is None:
        assert starts is None
    else:
        assert {places.assets[at]: one for at, one in found.items()} == starts


@pytest.mark.parametrize(
    ("declared", "frame", "frames", "expected"),
    [
        ([1, 4, 5], (4, 5), None, (1, (1, 4, 5))),
        ([4, 5], (4, 5), None, (1, (4, 5))),
        ([3, 4, 5], (4, 5), None, (3, (3, 4, 5))),
        ([3, 4, 5], (3, 4, 5), None, (1, (3, 4, 5))),
        ([4, 5], (4, 5), 3, (3, (3, 4, 5))),
        ([1], (), None, (1, ())),
        ([], (), None, (1, ())),
        ([], (1,), None, (1, ())),
        ([5, 4], (4, 5), None, (1, (4, 5))),
        ([None, 5], (4, 5), None, (1, (4, 5))),
        (None, (4, 5), 2, (2, (2, 4, 5))),
        ([0], (4,), None, (1, (4,))),
    ],
)
def test_a_row_has_the_declared_shape_where_the_file_agrees(
    declared: Any, frame: Any, frames: int | None, expected: Any
) -> None:
    assert row_shape(declared, frame, frames) == expected
