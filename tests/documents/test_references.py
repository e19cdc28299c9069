from typing import Any

import pytest

from quire.documents.references import anchor, awaited_by, names, parents, run_of
from quire.testing.documents import document

CASES: list[tuple[str, dict[str, Any], str, str | None, tuple[str, ...]]] = [
    ("start", {"uid": "r"}, "", "r", ()),
    ("stop", {"uid": "s", "run_start": "r"}, "", "r", ()),
    ("descriptor", {"uid": "d", "run_start": "r"}, "d", "r", ()),
    ("resource", {"uid": "f", "run_start": "r"}, "f", "r", ()),
    ("resource", {"uid": "f"}, "f", None, ()),
    ("stream_resource", {"uid": "f", "run_start": ""}, "f", None, ()),
    ("event", {"uid": "e", "descriptor": "d"}, "", None, ("d",)),
    ("event_page", {"uid": ["e"], "descriptor": "d"}, "", None, ("d",)),
    ("datum", {"datum_id": "f/0", "resource": "f"}, "", None, ("f",)),
    ("datum_page", {"datum_id": ["f/0"], "resource": "f"}, "", None, ("f",)),
    ("bulk_datum", {"datum_ids": ["f/0"], "resource": "f"}, "", None, ("f",)),
    (
        "stream_datum",
        {"uid": "f/0", "stream_resource": "f", "descriptor": "d"},
        "",
        None,
        ("d",),
    ),
    (
        "bulk_events",
        {"a": [], "b": [{"descriptor": "d"}, {"descriptor": "other"}]},
        "",
        None,
        ("d",),
    ),
    ("bulk_events", {}, "", None, ()),
]


@pytest.mark.parametrize(("name", "body", "known_as", "run", "told_by"), CASES)
def test_what_documents_say_of_each_other(
    name: str,
    body: dict[str, Any],
    known_as: str,
    run: str | None,
    told_by: tuple[str, ...],
) -> None:
    one = document(name, body)
    assert (anchor(one), run_of(one), parents(one)) == (known_as, run, told_by)
    assert awaited_by(one) == ("".join(told_by) or known_as)
    datums = ("f/0",) if "datum_id" in body or "datum_ids" in body else ()
    assert names(one) == (datums or ((known_as,) if known_as else ()))
