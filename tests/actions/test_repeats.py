"""What is repeated of a delivery, and at what cost."""

import json
import tracemalloc
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.actions.repeats import Clash, Seen
from quire.documents.document import Document
from quire.documents.identity import row_keys
from quire.ports.document_records import StoredDocument
from quire.testing.documents import document

Rows = list[tuple[str, float]]
ROWS = st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([1.0, 2.0])))


def page(rows: Rows) -> Document:
    values = [value for _, value in rows]
    body: dict[str, Any] = {
        "descriptor": "d",
        "uid": [uid for uid, _ in rows],
        "seq_num": [1] * len(rows),
        "time": [0.0] * len(rows),
        "data": {"x": values},
        "timestamps": {"x": values},
    }
    return document("event_page", body)


def seen(*documents: Document) -> Seen:
    known: dict[int, list[StoredDocument]] = {}
    for number, one in enumerate(documents, 1):
        keys = row_keys(one)
        stored = StoredDocument(number=number, name=one.name, raw=one.raw, keys=keys)
        for key in dict.fromkeys(keys):
            known.setdefault(key, []).append(stored)
    return Seen(known)


@given(ROWS.filter(bool), ROWS.filter(bool))
def test_rows_are_repeated_where_one_of_their_uid_is_the_same(
    there: Rows, came: Rows
) -> None:
    one = page(came)
    known = {uid for uid, _ in there}
    if any(row[0] in known and row not in there for row in came):
        with pytest.raises(Clash):
            seen(page(there)).repeated_rows(one, row_keys(one))
    else:
        found = seen(page(there)).repeated_rows(one, row_keys(one))
        assert found == tuple(at for at, row in enumerate(came) if row in there)


@pytest.mark.parametrize("indent", [None, 0])
def test_a_long_page_is_read_once_to_be_known_again(indent: int | None) -> None:
    rows = [(f"event {number}", 0.5 * number) for number in range(500)]
    first = page(rows)
    raw = json.dumps(first.body, indent=indent).encode()
    again = Document(name=first.name, body=first.body, raw=raw)
    keys = row_keys(again)
    tracemalloc.start()
    try:
        found = seen(first).repeated_rows(again, keys)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert len(found) == len(rows)
    assert most < 20 * len(raw)


class Counted(dict[str, Any]):
    """A value that counts how often all of it is looked at."""

    looks = 0

    def values(self) -> Any:
        self.looks += 1
        return super().values()


def test_a_long_bulk_is_looked_through_once_for_all_its_rows() -> None:
    common = {"descriptor": "d", "seq_num": 1, "time": 0.0}
    rows = [
        {"uid": f"event {number}", **common, "data": {}, "timestamps": {}}
        for number in range(500)
    ]
    there = document("bulk_events", {"primary": rows})
    body = Counted(primary=rows[::-1])
    came = Document(name=there.name, body=body, raw=json.dumps(body).encode())
    keys = row_keys(came)
    assert seen(there).repeated_rows(came, keys) == tuple(range(500))
    assert body.looks < 10
