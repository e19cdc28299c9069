import random
from collections.abc import Collection, Iterable, Sequence
from itertools import permutations
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.documents.samples import GOOD, read

from quire.documents.document import Document
from quire.documents.identity import family, row_uids
from quire.documents.names import DocumentName
from quire.documents.references import run_of
from quire.runs.fold import fold, fold_all
from quire.runs.run import Finding, Run
from quire.testing.documents import (
    as_page,
    document,
    make_descriptor,
    make_event,
    make_run,
)


def sloppy_run() -> list[Document]:
    """Return a run that breaks each rule on its documents."""
    start, descriptor, *rest = make_run("sloppy", 4, keys=2)
    lacking = make_event("sloppy", 7, ["key0"])
    undeclared = make_event("sloppy", 8, ["key0", "key1", "key2"])
    untimed = {**make_event("sloppy", 9, ["key0", "key1"]), "timestamps": {}}
    page = as_page([make_event("sloppy", at, ["key0", "key1"]) for at in (10, 11)])
    page["seq_num"] = [10]
    again = {**make_event("sloppy", 2, ["key0", "key1"]), "uid": "again"}
    stop = {**rest[-1].body, "uid": "other", "time": 1e9}
    data = {
        "uid": "sd",
        "descriptor": descriptor.body["uid"],
        "stream_resource": "sr",
        "indices": {"start": 0, "stop": 1},
        "seq_nums": {"start": 9, "stop": 5},
    }
    return [
        start,
        descriptor,
        *rest,
        *(document("event", one) for one in (lacking, undeclared, untimed, again)),
        document("event_page", page),
        document("stop", stop),
        document("stream_datum", data),
        document("stream_datum", {**data, "seq_nums": {"start": 11, "stop": 13}}),
    ]


SLOPPY_RUN = sloppy_run()


class Store:
    """What a run has, as the store would tell the fold."""

    def __init__(self) -> None:
        self._rows: set[tuple[str, str]] = set()
        self._bulks: list[Document] = []

    def known(self, name: DocumentName, uids: Collection[str]) -> Collection[str]:
        return [uid for uid in uids if (name.value, uid) in self._rows]

    def bulks(self, uids: Collection[str]) -> Iterable[Document]:
        return [one for one in self._bulks if not set(uids).isdisjoint(row_uids(one))]

    def folded(self, run: Run, documents: Sequence[Document]) -> Run:
        """Return the run with these as well; they are in the store by then."""
        self._rows |= {
            (family(one.name), uid) for one in documents for uid in row_uids(one)
        }
        self._bulks += [
            one for one in documents if one.name is DocumentName.BULK_EVENTS
        ]
        arrived = [(one, ()) for one in documents]
        return fold_all(run, arrived, known=self.known, bulks=self.bulks)


def in_pieces(run: Run, documents: Sequence[Document], cuts: Iterable[int]) -> Run:
    """Return the run folded a piece at a time.

    Descriptors come first: who calls the fold holds events back until theirs is here.
    """
    store = Store()
    left = sorted(documents, key=lambda one: one.name is not DocumentName.DESCRIPTOR)
    for cut in cuts:
        run, left = store.folded(run, left[:cut]), left[cut:]
    return store.folded(run, left)


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
    expected = in_pieces(whole, documents, ())
    dice = random.Random(5)
    for _ in range(20):
        mixed = dice.sample(documents, len(documents))
        cuts = [dice.randint(1, 1 + len(mixed) // 2) for _ in range(4)]
        assert in_pieces(whole, mixed, cuts) == expected


@given(st.data())
def test_a_sloppy_run_is_the_same_in_any_order(data: st.DataObject) -> None:
    expected = in_pieces(Run(uid="x"), SLOPPY_RUN, ())
    mixed = data.draw(st.permutations(SLOPPY_RUN))
    cuts = data.draw(st.lists(st.integers(1, len(mixed)), max_size=6))
    run = in_pieces(Run(uid="x"), mixed, cuts)
    assert run == expected
    assert {finding.rule for finding in run.findings} == {
        "data_keys",
        "num_events",
        "ragged_page",
        "range",
        "sequence_gap",
        "two_stops",
        "unequal_keys",
        "unequal_width",
        "unknown_reference",
    }


def bulked_run() -> list[Document]:
    """Return a run of `bulk_events` alone, whose events break rules on themselves."""
    start, described, *_, stop = make_run("bulk", 6, keys=2)
    other = make_descriptor(start.body["uid"], "other", ["image", "mode"])
    other["name"] = "other"
    common = other["data_keys"]["image"]
    other["data_keys"] = {
        "image": {**common, "dtype": "array", "external": "FILESTORE:"},
        "mode": {**common, "dtype": "string", "choices": ["a", "b"]},
    }
    own = [make_event("bulk", number, ["key0", "key1"]) for number in range(1, 7)]
    own[1]["data"] |= {"key1": "text"}
    own[2]["timestamps"] = {}
    second = [
        {
            **make_event("other", number, ["image", "mode"]),
            "descriptor": "other",
            "data": {"image": f"res/{number}", "mode": "c"},
        }
        for number in (1, 2, 4)
    ]
    second[2]["filled"] = {"what": False}
    return [
        start,
        described,
        document("descriptor", other),
        document("bulk_events", {"primary": own[:2], "other": second[:1]}),
        document("bulk_events", {"all": [*second[1:], *own[2:4]]}),
        document("bulk_events", {"primary": own[4:], "lost": [event_of_nothing()]}),
        stop,
    ]


def event_of_nothing() -> dict[str, Any]:
    return {**make_event("lost", 1, ["key0"]), "descriptor": "lost"}


@given(st.data())
def test_bulks_are_judged_whenever_their_descriptors_come(data: st.DataObject) -> None:
    documents = bulked_run()
    expected = fold_all(Run(uid="x"), [(one, ()) for one in documents])
    mixed = data.draw(st.permutations(documents))
    cuts = data.draw(st.lists(st.integers(1, len(mixed)), max_size=6))
    run, store = Run(uid="x"), Store()
    for cut in [*cuts, len(mixed)]:
        run, mixed = store.folded(run, mixed[:cut]), mixed[cut:]
    assert run == expected
    assert {finding.rule for finding in run.findings} == {
        "choices",
        "dtype",
        "filled_keys",
        "num_events",
        "sequence_gap",
        "unequal_keys",
        "unknown_reference",
    }
    assert set(run.awaited) == {"res/1", "res/2", "res/4"}
    assert run.unjudged == {"lost": (event_of_nothing()["uid"],)}


def test_what_waits_for_its_descriptor_is_bounded_whatever_the_order() -> None:
    uids = [f"{at:04}" for at in range(1002)]
    row = event_of_nothing()
    bulks = [document("bulk_events", {"x": [{**row, "uid": uid}]}) for uid in uids]
    for order in (bulks, bulks[::-1]):
        run = Run(uid="x")
        for some in (order[:501], order[501:]):
            run = fold_all(run, [(one, ()) for one in some])
        assert run.unjudged == {"lost": tuple(uids[:1000])}


def test_rows_before_their_descriptor_count_once_it_comes() -> None:
    documents = make_run("late", 5)
    run = Run(uid="x")
    for one in reversed(documents):
        run = fold(run, one)
    assert run == fold_all(Run(uid="x"), [(one, ()) for one in documents])
    assert run.streams["primary"].rows == 5
    assert not run.unplaced


def test_of_several_stops_the_earliest_is_effective() -> None:
    stops = [
        document("stop", {"uid": uid, "run_start": "r", "time": time, "exit_status": s})
        for uid, time, s in (
            ("b", 5, "fail"),
            ("a", 5.0, "abort"),
            ("c", 9, "success"),
            ("d", 10**400, "fail"),
        )
    ]
    for order in permutations(stops):
        run = fold_all(Run(uid="r"), [(one, ()) for one in order])
        assert (run.stop_uid, run.exit_status, run.stops) == ("a", "abort", 4)
        losers = [one.uid for one in run.findings if one.rule == "two_stops"]
        assert losers == ["b", "c", "d"]


def test_findings_of_a_rule_are_bounded_whatever_the_order() -> None:
    bad = [
        document("event", {**make_event("many", at, ["key0"]), "seq_num": 2**60})
        for at in range(150)
    ]
    first, *_ = make_run("many", 0, exit_status=None)
    there = fold_all(Run(uid="x"), [(one, ()) for one in (first, *bad)])
    back = fold_all(Run(uid="x"), [(one, ()) for one in (*reversed(bad), first)])
    assert there == back
    assert 50 < len(there.findings) <= 200
    one_by_one = Run(uid="x")
    for one in (*bad[::2], first, *bad[1::2]):
        one_by_one = fold(one_by_one, one)
    assert one_by_one == there
    told = [one for one in there.findings if one.rule == "seq_num"]
    assert [one.message for one in told if not one.uid] == [
        "it is broken more often: only 100 of these are listed"
    ]
    assert len(told) == 101


def test_as_many_findings_as_are_listed_are_all() -> None:
    bad = [
        document("event", {**make_event("many", at, ["key0"]), "seq_num": 2**60})
        for at in range(100)
    ]
    run = fold_all(Run(uid="x"), [(one, ()) for one in bad])
    assert len(run.findings) == 100
    assert all(one.uid for one in run.findings)


def test_that_there_are_more_goes_with_them() -> None:
    start, described, *_, stop = make_run("away", 0)
    rows = [make_event("away", at, ["key0"]) for at in range(1, 201)]
    for row in rows:
        row["data"] = {"key0": f"res/{row['seq_num']}"}
    body = make_descriptor(start.body["uid"], described.body["uid"], ["key0"])
    body["data_keys"]["key0"] |= {"dtype": "array", "external": "FILESTORE:"}
    store = Store()
    named = [start, document("descriptor", body), stop]
    run = store.folded(
        Run(uid="x"), [*named, *(document("event", row) for row in rows)]
    )
    missing = [one for one in run.findings if one.rule == "unknown_reference"]
    assert (len(missing), missing[0].uid) == (101, "")
    datums = {"resource": "res", "datum_kwargs": {}}
    came = [f"res/{number}" for number in range(1, 201)]
    run = store.folded(run, [document("datum_page", {**datums, "datum_id": came})])
    missing = [one for one in run.findings if one.rule == "unknown_reference"]
    assert [one.uid for one in missing] == ["res"]


def test_what_others_found_stays() -> None:
    conflict = Finding(rule="conflict", uid="e", message="other content")
    run = Run(uid="x", findings=(conflict,))
    assert conflict in fold(run, make_run()[0]).findings


def test_no_document_gives_the_same_run() -> None:
    run = Run(uid="x")
    assert fold_all(run, []) is run


def test_pages_and_bulks_fold_as_their_events_do() -> None:
    singles = make_run("p", 7, exit_status=None)
    rows = [one.body for one in singles if one.name is DocumentName.EVENT]
    paged = make_run("p", 7, page=3, exit_status=None)
    bulk = [*singles[:2], document("bulk_events", {"primary": rows})]
    folded = [
        fold_all(Run(uid="x"), [(one, ()) for one in each])
        for each in (singles, paged, bulk)
    ]
    assert folded[0].streams == folded[1].streams == folded[2].streams
