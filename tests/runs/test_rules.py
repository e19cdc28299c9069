"""Each rule: what breaks it, what it says then, and that it is silent otherwise."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.documents.samples import GOOD, read
from tests.runs.rule_cases import (
    CASES,
    DESCRIBED,
    DESCRIPTOR,
    EVENTS,
    FOUR,
    KEYS,
    RUN,
    START,
    STOPPED,
    broken,
    bulk,
    described,
    event,
    folded,
    stop,
    stream_datum,
    streamed,
    values,
)

from quire.documents.document import Document
from quire.documents.legacy import upgraded
from quire.documents.names import DocumentName
from quire.runs.fold import fold_all
from quire.runs.run import Finding, Severity, Status
from quire.testing.documents import as_page, document, make_run


@pytest.mark.parametrize(
    ("documents", "finding"),
    CASES,
    ids=[f"{case[1].rule}-{place}" for place, case in enumerate(CASES)],
)
def test_a_broken_rule_is_told(documents: list[Document], finding: Finding) -> None:
    run = folded(documents)
    assert finding in run.findings
    others = {one.rule for one in run.findings} - {finding.rule}
    # An odd row may be odd in another way as well, and then it is told of that too.
    assert others <= {"num_events", "sequence_gap", "range"}


@pytest.mark.parametrize(
    "documents",
    [
        [*FOUR, STOPPED],
        make_run("paged", 7, page=3),
        values(1, 2.5, None, dtype="number"),
        values([], [[1, 2.5], [3]], None, dtype="array"),
        values("a", None, dtype="string"),
        values("a", None, "b", dtype="string", choices=["a", "b"]),
        values(["a"], [], dtype="array", choices=["a", "b"]),
        values(1, 0, dtype="integer", choices=["a", "b"]),
        values("any", dtype="string", choices=[]),
        [START, DESCRIBED, bulk(*EVENTS), STOPPED],
        [*FOUR, described("d2"), STOPPED],
        streamed(stream_datum("sr0", 1, 4), stream_datum("sr1", 1, 4)),
        [*FOUR, event(3, uid="rewound"), STOPPED],
        [*FOUR, event(filled={"key0": True}), stop(4)],
    ],
)
def test_nothing_is_told_of_what_keeps_the_rules(documents: list[Document]) -> None:
    assert folded(documents).findings == ()


@pytest.mark.parametrize("path", GOOD, ids=lambda path: path.stem)
def test_real_producers_keep_the_rules_but_for_what_they_are_known_for(
    path: Any,
) -> None:
    documents = read(path)
    starts = [one for one in documents if one.name is DocumentName.START]
    if len(starts) == 1:
        told = {(one.rule, one.severity) for one in folded(documents).findings}
        # A rewind counts twice; simulated devices declare integers and send others.
        assert told <= {("num_events", Severity.NOTE), ("dtype", Severity.MINOR)}


def test_what_is_missing_is_told_only_once_the_run_is_over() -> None:
    documents = [START, DESCRIBED, EVENTS[0], EVENTS[2]]
    run = folded(documents)
    assert (run.status, run.findings) == (Status.OPEN, ())
    run = fold_all(run, [(stop(2), ())])
    assert [one.rule for one in run.findings] == ["sequence_gap"]
    run = fold_all(run, [(EVENTS[1], ())])
    assert "sequence_gap" not in {one.rule for one in run.findings}


def test_a_reference_is_no_longer_told_once_its_target_comes() -> None:
    named = event(1, data={"key0": "res/0", "key1": 1.0})
    run = folded([START, described(key0={"external": "X:"}), named, stop(1)])
    assert run.awaited == {"res/0": "datum"}
    body = {"datum_id": "res/0", "resource": "res", "datum_kwargs": {}}
    run = fold_all(run, [(document("datum", body), ())])
    assert run.awaited == {"res": "resource"}
    resource = {
        "uid": "res",
        "run_start": RUN,
        "spec": "s",
        "root": "",
        "resource_path": "",
        "resource_kwargs": {},
    }
    run = fold_all(run, [(document("resource", resource), ())])
    assert (run.awaited, run.findings) == ({}, ())


def test_a_datum_of_its_uid_is_not_the_resource_that_is_referred_to() -> None:
    run = folded([START, DESCRIBED, STOPPED])
    for datum_id, resource in (("x/1", "x"), ("x", "y")):
        body = {"datum_id": datum_id, "resource": resource, "datum_kwargs": {}}
        run = fold_all(run, [(document("datum", body), ())])
    assert run.awaited == {"x": "resource", "y": "resource"}
    told = [one.uid for one in run.findings if one.rule == "unknown_reference"]
    assert told == ["x", "y"]


@pytest.mark.parametrize(
    ("filled", "wanted"),
    [({}, "a"), ({"key0": False}, "a"), ({"key0": "b"}, "b"), ({"key0": True}, None)],
)
def test_filled_tells_where_the_datum_is_named(
    filled: dict[str, Any], wanted: str | None
) -> None:
    one = event(1, data={"key0": "a", "key1": 1.0}, filled=filled)
    run = folded([START, described(key0={"external": "X:"}), one])
    assert list(run.awaited) == ([] if wanted is None else [wanted])


def test_what_an_import_changed_is_noted() -> None:
    rows = [one.body for one in EVENTS]
    (made,) = upgraded(document("bulk_events", {"primary": rows}))
    run = folded([START, DESCRIBED, made, STOPPED])
    assert run.findings == (
        broken(
            "legacy", rows[0]["uid"], "bulk_events became event_page", Severity.NOTE
        ),
    )
    assert run.streams["primary"].rows == 3


ROWS: Sequence[Document] = [one for case in CASES for one in case[0]]


@given(st.lists(st.sampled_from(ROWS), max_size=12, unique_by=lambda one: one.raw))
def test_a_page_breaks_what_its_rows_break(documents: list[Document]) -> None:
    rows = [one.body for one in documents if one.name is DocumentName.EVENT]
    rows = [row for row in rows if sorted(row["data"]) == KEYS and "filled" not in row]
    rows = [row for row in rows if row["descriptor"] == DESCRIPTOR]
    rows = [row for row in rows if sorted(row["timestamps"]) == KEYS]
    rows = list({row["uid"]: row for row in rows}.values())
    if rows:
        alone = folded([START, DESCRIBED, *(document("event", row) for row in rows)])
        paged = folded([START, DESCRIBED, document("event_page", as_page(rows))])
        assert alone.findings == paged.findings
        assert alone.streams == paged.streams


@given(st.lists(st.sampled_from(ROWS), max_size=12, unique_by=lambda one: one.raw))
def test_a_bulk_breaks_what_its_events_break(documents: list[Document]) -> None:
    rows = [one for one in documents if one.name is DocumentName.EVENT]
    rows = list({row.body["uid"]: row for row in rows}.values())
    others = [one for one in documents if one.name is DocumentName.DESCRIPTOR]
    if rows:
        alone = folded([START, *others, *rows])
        together = folded([START, *others, bulk(*rows)])
        assert alone.findings == together.findings
        assert alone.streams == together.streams
        assert alone.awaited == together.awaited
