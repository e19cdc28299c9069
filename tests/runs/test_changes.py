"""Annotations as the sum of a history in which entries are undone."""

import sys
from types import FrameType

from hypothesis import given
from hypothesis import strategies as st

from quire.runs.annotations import Annotations, Comment, Flag, SignOff, Span
from quire.runs.changes import (
    AddComment,
    Change,
    Entry,
    RemoveFlag,
    SetField,
    SetFlag,
    SetSignOff,
    Undo,
    WithdrawComment,
    annotations,
    undone,
)

_spans = st.sampled_from([None, Span(unit="event", first=1, last=2)])
_detectors = st.sampled_from(["DCH", "SVD"])
_plain: st.SearchStrategy[Change] = st.one_of(
    st.builds(
        SetFlag,
        detector=_detectors,
        value=st.sampled_from(["good", "bad"]),
        span=_spans,
    ),
    st.builds(RemoveFlag, detector=_detectors, span=_spans),
    st.builds(SetSignOff, state=st.sampled_from(SignOff)),
    st.builds(AddComment, text=st.sampled_from(["a", "b"])),
    st.builds(
        SetField,
        name=st.sampled_from(["run", "run_type", "quality_expert.DCH"]),
        value=st.sampled_from([None, 1, "physics"]),
    ),
)


def history(changes: list[Change]) -> list[Entry]:
    return [
        Entry(run="r", version=place, at=float(place), author="a", change=change)
        for place, change in enumerate(changes, start=1)
    ]


def without_version(found: Annotations) -> Annotations:
    return Annotations(
        fields=found.fields,
        flags=found.flags,
        sign_off=found.sign_off,
        signed_by=found.signed_by,
        comments=found.comments,
    )


@given(st.lists(_plain, min_size=1, max_size=8), st.data())
def test_undoing_is_as_if_it_had_never_been(
    changes: list[Change], data: st.DataObject
) -> None:
    gone = data.draw(st.integers(1, len(changes)))
    whole = history([*changes, Undo(version=gone)])
    kept = [entry for entry in history(changes) if entry.version != gone]
    left = Annotations() if not kept else annotations(kept)
    assert without_version(annotations(whole)) == without_version(left)
    assert annotations(whole).version == len(changes) + 1


@given(st.lists(_plain, min_size=1, max_size=8), st.data())
def test_undoing_the_undo_brings_it_back(
    changes: list[Change], data: st.DataObject
) -> None:
    gone = data.draw(st.integers(1, len(changes)))
    again = [*changes, Undo(version=gone), Undo(version=len(changes) + 1)]
    assert without_version(annotations(history(again))) == without_version(
        annotations(history(changes))
    )
    assert undone(history(again)) == {len(changes) + 1}


def test_a_flag_of_a_part_stands_beside_that_of_the_whole() -> None:
    part = Span(unit="time", first=1.0, last=2.0)
    found = annotations(
        history(
            [
                SetFlag(detector="DCH", value="good"),
                SetFlag(detector="DCH", value="bad", span=part),
                SetFlag(detector="DCH", value="odd"),
            ]
        )
    )
    assert [(flag.value, flag.span) for flag in found.flags] == [
        ("odd", None),
        ("bad", part),
    ]


def test_it_is_known_who_said_what_and_when() -> None:
    found = annotations(
        history(
            [
                SetFlag(detector="DCH", value="good", cause="c", comment="d"),
                AddComment(text="a"),
                AddComment(text="b"),
                SetSignOff(state=SignOff.SIGNED_OFF),
                SetField(name="run_type", value="physics"),
                SetField(name="run", value=1),
            ]
        )
    )
    flag = Flag(
        detector="DCH", value="good", cause="c", comment="d", author="a", at=1.0
    )
    assert found.flags == (flag,)
    assert found.comments == tuple(
        Comment(number=at, text=text, author="a", at=float(at))
        for at, text in ((2, "a"), (3, "b"))
    )
    assert (found.sign_off, found.signed_by) == (SignOff.SIGNED_OFF, "a")
    assert list(found.fields) == ["run", "run_type"]


def test_flags_stand_in_one_order() -> None:
    spans = [Span(unit="event", first=1, last=last) for last in (2, 3)]
    flags = [SetFlag(detector="DCH", value="bad", span=span) for span in spans]
    for order in (flags, flags[::-1]):
        found = annotations(history([*order, SetFlag(detector="A", value="good")]))
        assert [flag.span for flag in found.flags] == [None, *spans]


def test_a_long_history_takes_as_many_steps_for_each_entry_as_a_short_one() -> None:
    def steps(count: int) -> int:
        flags: list[Change] = [
            SetFlag(
                detector="DCH", value="bad", span=Span(unit="time", first=n, last=n)
            )
            for n in range(count)
        ]
        said, calls = history(flags), 0

        def called(_: FrameType, event: str, __: object) -> None:
            nonlocal calls
            calls += event == "call"

        sys.setprofile(called)
        try:
            found = annotations(said)
        finally:
            sys.setprofile(None)
        assert len(found.flags) == count
        return calls

    assert steps(400) <= 4 * steps(100) + 10


def test_a_withdrawn_comment_is_gone_and_its_number_stays_free() -> None:
    found = annotations(
        history([AddComment(text="a"), WithdrawComment(number=1), AddComment(text="b")])
    )
    assert [(comment.number, comment.text) for comment in found.comments] == [(3, "b")]


def test_nothing_was_said() -> None:
    assert annotations([]) == Annotations()
