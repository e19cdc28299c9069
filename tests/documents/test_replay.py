import random
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.documents.samples import FOLDER, GOOD, read

from quire.documents.names import DocumentName
from quire.documents.references import anchor, parents
from quire.documents.replay import References, replay_order
from quire.testing.documents import document


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_targets_come_before_references(path: Path) -> None:
    documents = read(path)
    random.Random(3).shuffle(documents)
    ordered = [documents[at] for at in replay_order(documents)]
    assert sorted(map(id, ordered)) == sorted(map(id, documents))
    known = {anchor(one) for one in documents} - {""}
    seen: set[str] = set()
    for one in ordered:
        assert not (set(parents(one)) & known) - seen
        seen.add(anchor(one))
    ranks = [
        {DocumentName.START: 0, DocumentName.STOP: 2}.get(one.name, 1)
        for one in ordered
    ]
    assert ranks == sorted(ranks)


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_what_is_in_order_stays(path: Path) -> None:
    documents = read(path)
    if "nested" in path.name:
        return
    assert replay_order(documents) == list(range(len(documents)))


@given(st.data())
def test_what_is_moved_is_moved_for_a_reference(data: st.DataObject) -> None:
    name = data.draw(st.sampled_from(["scan", "external_resource_datum"]))
    received = read(FOLDER / f"{name}.jsonl")
    documents = data.draw(st.permutations(received))
    order = replay_order(documents)
    assert sorted(order) == list(range(len(documents)))
    references = References(documents)
    place_in = {at: place for place, at in enumerate(order)}
    for at in order:
        assert all(place_in[target] < place_in[at] for target in references.of(at))
    # Those to which nothing refers stay in the order in which they were received.
    targets = {target for at in order for target in references.of(at)}
    ends = {DocumentName.START, DocumentName.STOP}
    free = [at for at in order if at not in targets and documents[at].name not in ends]
    assert all(one < other for one, other in pairwise(free))
    again = [documents[at] for at in order]
    assert replay_order(again) == list(range(len(again)))


def test_a_datum_comes_before_the_event_that_names_it() -> None:
    descriptor = document(
        "descriptor",
        {"uid": "d", "run_start": "r", "data_keys": {"i": {"external": "FILESTORE:"}}},
    )
    event = document("event", {"uid": "e", "descriptor": "d", "data": {"i": "f/0"}})
    page = document(
        "event_page", {"uid": ["p"], "descriptor": "d", "data": {"i": ["f/1"]}}
    )
    datum = document("datum", {"datum_id": "f/0", "resource": "f"})
    bulk = document("bulk_datum", {"datum_ids": ["f/1"], "resource": "f"})
    resource = document("resource", {"uid": "f"})
    stop = document("stop", {"uid": "s"})
    documents = [stop, page, event, datum, bulk, resource, descriptor]
    assert replay_order(documents) == [6, 5, 4, 1, 3, 2, 0]


def test_text_that_is_no_reference_moves_nothing() -> None:
    descriptor = document(
        "descriptor", {"uid": "d", "run_start": "r", "data_keys": {"t": {}}}
    )
    event = document("event", {"uid": "e", "descriptor": "d", "data": {"t": "f/0"}})
    datum = document("datum", {"datum_id": "f/0", "resource": "f"})
    assert replay_order([descriptor, event, datum]) == [0, 1, 2]
