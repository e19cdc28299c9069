"""Each rule: what breaks it, what it says then, and that it is silent otherwise."""

from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace
from tests.documents.samples import GOOD, read
from tests.runs.rule_cases import CASES, FOUR
from tests.runs.rule_runs import (
    DESCRIBED,
    DESCRIPTOR,
    EVENTS,
    KEYS,
    RUN,
    START,
    STOPPED,
    broken,
    bulk,
    described,
    event,
    folded,
    page,
    stop,
    stream_datum,
    streamed,
    values,
)

from quire.documents.document import Document
from quire.documents.legacy import upgraded
from quire.documents.names import DocumentName
from quire.runs.careful import fold_carefully
from quire.runs.findings import settled
from quire.runs.fold import fold_all
from quire.runs.run import Finding, Run, Severity, Status
from quire.testing.documents import as_page, document, make_run


@pytest.mark.parametrize(
    ("documents", "finding"),
    CASES,
    ids=[f"{case[1].rule}-{place}" for place, case in enumerate(CASES)],
)
def test_a_broken_rule_is_told(documents: list[Document], finding: Finding) -> None:
    run = folded(documents)
    assert [one for one in run.findings if one.rule == finding.rule] == [finding]
    others = {one.rule for one in run.findings} - {finding.rule}
    # An odd row may be odd in another way as well, and then it is told of that too.
    assert others <= {"num_events", "sequence_gap", "range"}
    one_by_one = Run(uid=RUN)
    for one in documents:
        one_by_one = fold_carefully(one_by_one, [(one, ())])
    assert one_by_one == run


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
        values("any", dtype="string", choices=[f"{at}" for at in range(101)]),
        [START, DESCRIBED, bulk(*EVENTS), STOPPED],
        [*FOUR, described("d2"), STOPPED],
        [*FOUR, stop(num_events={"primary": 3, "other": 0})],
        streamed(stream_datum("sr0", 1, 4), stream_datum("sr1", 1, 4)),
        [*FOUR, event(3, uid="rewound"), STOPPED],
        [*FOUR, event(filled={"key0": True}), stop(4)],
        [*FOUR, event(filled={"key0": True, "key1": False}), stop(4)],
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
    named = [event(at, data={"key0": f"res/{at}", "key1": 1.0}) for at in range(1, 3)]
    run = folded([START, described(key0={"external": "X:"}), *named, stop(2)])
    assert run.awaited == {"res/1": "datum", "res/2": "datum"}
    for left in ({"res/2": "datum"}, {}):
        at = 2 - len(left)
        body = {"datum_id": f"res/{at}", "resource": "res", "datum_kwargs": {}}
        run = fold_all(run, [(document("datum", body), ())])
        assert run.awaited == {"res": "resource", **left}
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


@pytest.mark.parametrize("backwards", [False, True])
def test_what_is_awaited_is_bounded_whatever_the_order(*, backwards: bool) -> None:
    datums = [f"res/{at:05}" for at in range(10_003)]
    pages = [
        page(data={"key0": some, "key1": [1.0, 2.0]})
        for some in (datums[:5000], datums[5000:])
    ]
    run = folded([START, described(key0={"external": "X:"})])
    for one in reversed(pages) if backwards else pages:
        run = fold_all(run, [(one, ())])
    assert list(run.awaited) == datums[:10_000]


def test_a_run_without_start_and_stop_may_be_interrupted() -> None:
    run = folded([DESCRIBED, *EVENTS])
    assert settled(replace(run, interrupted=True)).findings == ()


def test_what_tells_that_there_are_more_is_as_severe() -> None:
    announced = {f"stream{at}": 1 for at in range(150)}
    run = folded([*FOUR, stop(num_events={"primary": 3, **announced})])
    assert {(one.rule, one.severity) for one in run.findings} == {
        ("num_events", Severity.NOTE)
    }
    assert len(run.findings) == 101


def test_what_is_judged_of_a_run_goes_while_it_goes_on() -> None:
    for documents, _ in CASES:
        over = folded(documents)
        open_still = folded(
            one for one in documents if one.name is not DocumentName.STOP
        )
        again = settled(replace(over, exit_status=None))
        kept = [one for one in again.findings if one.rule != "two_stops"]
        assert kept == list(open_still.findings)


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
        one_by_one = Run(uid=RUN)
        for one in [START, *others, *rows]:
            one_by_one = fold_carefully(one_by_one, [(one, ())])
        assert one_by_one == alone
