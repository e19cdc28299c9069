"""Good-run lists: parts that are cut out, and the forms in which they leave."""

import sys
from types import FrameType

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from quire.errors import Conflict
from quire.runs.annotations import Annotations, Flag, Span
from quire.runs.run import Run, Stream
from quire.runs.run_list import (
    Member,
    RunList,
    data_version,
    difference,
    golden,
    in_order,
    member,
    ranges,
    rows,
    state,
)

_BAD = frozenset({"bad"})
_numbers = st.integers(1, 30)


def flagged(*spans: Span | None, value: str = "bad") -> Run:
    flags = tuple(Flag(detector="D", value=value, span=span) for span in spans)
    return Run(
        uid="u",
        time=100.0,
        stop_time=130.0,
        streams={"primary": Stream(seq_nums=((1, 30),), events=30)},
        annotations=Annotations(flags=flags),
    )


@given(st.lists(st.tuples(_numbers, _numbers).map(sorted), max_size=4))
def test_what_is_left_are_the_numbers_in_no_bad_span(pairs: list[list[int]]) -> None:
    spans = [Span(unit="event", first=a, last=b) for a, b in pairs]
    found = member(flagged(*spans), 0, 1, _BAD)
    left = {n for first, last in found.events for n in range(first, last + 1)}
    assert left == {n for n in range(1, 31) if not any(a <= n <= b for a, b in pairs)}
    assert found.cut == (("event",) if spans else ())


def in_gaps(pairs: list[list[int]]) -> Run:
    run = flagged(*(Span(unit="event", first=a, last=b) for a, b in pairs))
    parts = ((2, 5), (7, 7), (12, 20), (22, 29))
    return replace(run, streams={"primary": Stream(seq_nums=parts, events=18)})


@given(st.lists(st.tuples(_numbers, _numbers).map(sorted), max_size=6))
def test_numbers_that_the_run_lacks_do_not_come_back(pairs: list[list[int]]) -> None:
    whole = member(in_gaps([]), 0, 1, _BAD).events
    found = member(in_gaps(pairs), 0, 1, _BAD).events
    kept = {n for first, last in whole for n in range(first, last + 1)}
    left = [n for first, last in found for n in range(first, last + 1)]
    good = kept - {n for a, b in pairs for n in range(a, b + 1)}
    assert left == sorted(good)


@given(st.lists(st.tuples(_numbers, _numbers).map(sorted), max_size=6))
def test_times_that_are_left_lie_in_no_bad_span(pairs: list[list[int]]) -> None:
    spans = [Span(unit="time", first=100 + a, last=100 + b) for a, b in pairs]
    found = member(flagged(*spans), 0, 1, _BAD).times
    assert all(first < last for first, last in found)
    for moment in (100.5 + n for n in range(30)):
        is_bad = any(span.first < moment < span.last for span in spans)
        assert any(a <= moment <= b for a, b in found) is not is_bad


def test_many_bad_spans_are_cut_out_in_one_way_through_them() -> None:
    def steps(count: int) -> int:
        spans = [Span(unit="time", first=100 + n, last=100.5 + n) for n in range(count)]
        run, calls = replace(flagged(*spans), stop_time=1e6), 0

        def called(_: FrameType, event: str, __: object) -> None:
            nonlocal calls
            calls += event == "call"

        sys.setprofile(called)
        try:
            found = member(run, 0, 1, _BAD)
        finally:
            sys.setprofile(None)
        assert len(found.times) == count
        return calls

    assert steps(400) <= 4 * steps(100) + 10


def test_a_part_with_another_flag_stays() -> None:
    span = Span(unit="event", first=2, last=3)
    assert member(flagged(span, value="good"), 0, 1, _BAD).events == ((1, 30),)


def test_a_flag_of_the_whole_run_cuts_nothing_and_an_open_run_has_no_times() -> None:
    found = member(replace(flagged(None), stop_time=None), 0, 1, _BAD)
    assert (found.events, found.times, found.cut) == (((1, 30),), (), ())
    assert golden([found]) == {"1": [[1, 30]]}
    with pytest.raises(Conflict, match=r"no stop.*unit=event"):
        golden([found], unit="time")


def test_a_span_between_numbers_cuts_what_lies_in_it() -> None:
    """As it was kept before such spans were refused."""
    found = member(flagged(Span(unit="event", first=1.5, last=2.5)), 0, 1, _BAD)
    assert found.events == ((1, 1), (3, 30))


def test_bad_times_are_cut_from_the_times() -> None:
    found = member(flagged(Span(unit="time", first=110, last=120)), 0, 7, _BAD)
    assert found.times == ((100.0, 110.0), (120.0, 130.0))
    assert golden([found], unit="time") == {"7": [[100.0, 110.0], [120.0, 130.0]]}
    with pytest.raises(Conflict, match="unit=time"):
        golden([found])
    assert list(rows([found]))[1:] == [
        [0, 7, "u", "time", 100.0, 110.0],
        [0, 7, "u", "time", 120.0, 130.0],
    ]


def test_bad_times_beyond_the_run_cut_nothing_there() -> None:
    bad = [(90, 105), (125, 130), (129, 140), (80, 85), (200, 210)]
    spans = [Span(unit="time", first=first, last=last) for first, last in bad]
    assert member(flagged(*spans), 0, 7, _BAD).times == ((105.0, 125.0),)


def test_members_stand_by_their_numbers_and_those_without_one_last() -> None:
    numbers = [(0, 0), (0, 1), (0, None), (1, 0), (1, 2), (None, 0), (None, None)]
    members = [
        Member(uid=uid, experiment=experiment, run=run)
        for experiment, run in numbers
        for uid in ("a", "b")
    ]
    assert in_order(reversed(members)) == tuple(members)


def test_a_form_that_would_say_it_wrong_is_refused() -> None:
    one = Member(uid="a", experiment=1, run=1, events=((1, 2),))
    other = Member(uid="b", experiment=2, run=1, events=((1, 2),))
    nameless = Member(uid="c", experiment=1)
    with pytest.raises(Conflict, match=r"run list 'golden@2'.*experiment="):
        golden([one, other], label="golden@2")
    with pytest.raises(Conflict, match="no number"):
        golden([one, nameless])
    twin = Member(uid="d", experiment=1, run=1, events=((2, 5),))
    assert golden([one, twin]) == {"1": [[1, 5]]}
    assert ranges([one, other]) == {"1": [[1, 1]], "2": [[1, 1]]}
    with pytest.raises(Conflict, match=r"golden@2.*no number"):
        ranges([one, other, nameless], label="golden@2")
    part = replace(one, cut=("event",))
    with pytest.raises(Conflict, match="ask for json or csv"):
        ranges([part, other])
    with pytest.raises(Conflict, match="runs a and d have one number"):
        golden([part, twin])
    same = replace(part, uid="e")
    assert golden([part, same]) == {"1": [[1, 2]]}


def test_runs_of_one_number_are_good_once() -> None:
    """However their events and times lie to one another."""
    runs = [
        Member(uid=uid, run=1, events=(numbers,), times=(times,))
        for uid, numbers, times in (
            ("a", (4, 6), (20.0, 30.0)),
            ("b", (1, 3), (0.0, 10.0)),
            ("c", (5, 5), (5.0, 15.0)),
            ("d", (9, 9), (22.0, 25.0)),
        )
    ]
    assert golden(runs) == {"1": [[1, 6], [9, 9]]}
    assert golden(runs, unit="time") == {"1": [[0.0, 15.0], [20.0, 30.0]]}
    twice = replace(runs[0], cut=("time",))
    found = golden([twice, replace(twice, uid="e")], unit="time")
    assert found == {"1": [[20.0, 30.0]]}


def test_lists_differ_in_runs_and_in_their_parts() -> None:
    def made(*members: Member) -> RunList:
        return RunList(
            name="l",
            version=1,
            query="",
            author="a",
            at=0.0,
            members=members,
            data_version="",
        )

    part = Member(uid="b", events=((1, 2),))
    whole = Member(uid="b", events=((1, 3),))
    ours = [Member(uid=uid) for uid in "qaxd"]
    theirs = [Member(uid=uid) for uid in "ypcz"]
    same = Member(uid="s", events=((1, 2),), times=((0.5, 1.5),))
    found = difference(made(same, *ours, part), made(whole, *theirs, same))
    assert found.only_first == ("a", "d", "q", "x")
    assert found.only_second == ("c", "p", "y", "z")
    assert found.other_parts == ("b",)
    longer = replace(same, times=((0.5, 2.5),))
    assert difference(made(same), made(longer)).other_parts == ("s",)
    assert (made().kept_by, replace(made(), owner="o").kept_by) == ("a", "o")


def test_the_data_version_follows_the_data() -> None:
    run = Run(uid="u", documents=3)
    grown = Run(uid="u", documents=4)
    same, other = data_version([state(run)]), data_version([state(grown)])
    assert same == data_version([state(run)]) != other
    both = [state(run), ("v", 1, 2)]
    assert data_version(both) == data_version(both[::-1])
