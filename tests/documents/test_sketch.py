"""Documents without their data, against the whole ones."""

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.documents.samples import GOOD, read

from quire.documents.document import Document
from quire.documents.replay import References, replay_order
from quire.documents.sketch import Sketcher
from quire.testing.documents import document

KEYS: dict[str, Any] = {"i": {"external": "X:"}, "t": {}}
NAN = float("nan")
EVENT = {"uid": "e", "descriptor": "d", "data": {"i": "f/0", "t": "f/1", "n": NAN}}
OLD = [
    document("start", {"uid": "r"}),
    document("descriptor", {"uid": "d", "run_start": "r", "data_keys": KEYS}),
    document("resource", {"uid": "f"}),
    document("datum", {"datum_id": "f/0", "resource": "f"}),
    document("datum_page", {"datum_id": ["f/1", "f/2"], "resource": "f"}),
    document("bulk_datum", {"datum_ids": ["f/3"], "resource": "f"}),
    document("event", EVENT),
    document("event", {**EVENT, "descriptor": "lost"}),
    document(
        "event_page",
        {"uid": ["p"], "descriptor": "d", "data": {"i": [1, "f/2"], "t": ["f/3"]}},
    ),
    document("bulk_events", {"a": [EVENT, {**EVENT, "data": {"i": ["f/3", NAN]}}]}),
    document("stream_resource", {"uid": "s"}),
    document("stream_datum", {"uid": "s/0", "descriptor": "d", "stream_resource": "s"}),
    document("stop", {"uid": "z", "run_start": "r"}),
]
RUNS = {path.stem: read(path) for path in GOOD} | {"old": OLD}


@pytest.mark.parametrize("documents", RUNS.values(), ids=RUNS.keys())
@given(seed=st.integers(0, 2**32))
def test_sketches_are_ordered_like_the_documents(
    documents: list[Document], seed: int
) -> None:
    documents = random.Random(seed).sample(documents, len(documents))
    sketcher = Sketcher()
    sketches = [sketcher.sketch(one.name, one.raw) for one in documents]
    if sketcher.datums:
        sketches = [
            sketcher.with_data(one.name, one.raw)
            if one.name in {"event", "event_page"}
            else sketch
            for one, sketch in zip(documents, sketches, strict=True)
        ]
    assert replay_order(sketches) == replay_order(documents)
    kept, whole = References(sketches), References(documents)
    for place in range(len(documents)):
        assert kept.of(place) == whole.of(place)


def test_of_an_event_nothing_is_kept_but_its_descriptor() -> None:
    sketcher = Sketcher()
    one, other = (
        sketcher.sketch(each.name, each.raw) for each in OLD if each.name == "event"
    )
    assert one.body == {"descriptor": "d", "data": {}}
    assert other is not one
    assert sketcher.sketch(OLD[6].name, OLD[6].raw) is one
    plain = document("event", {**EVENT, "data": {"t": [1, None]}})
    assert sketcher.with_data(plain.name, plain.raw) is one
