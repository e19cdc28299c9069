import random
from pathlib import Path

import pytest
from tests.documents.samples import GOOD, read

from quire.documents.names import DocumentName
from quire.documents.references import anchor, parents
from quire.documents.replay import replay_order


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
