"""What the forms of a run's page send, read as changes of its quality."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.errors import Conflict, InputError
from quire.faces.dashboard.quality_forms import is_form, read_change, wrong
from quire.faces.dashboard.show import change_text, moment, span_json, span_text
from quire.runs.annotations import SignOff, Span
from quire.runs.changes import (
    AddComment,
    Change,
    RemoveFlag,
    SetField,
    SetFlag,
    SetSignOff,
    Undo,
    WithdrawComment,
)

FLAG = {"detector": " DCH ", "value": "bad"}
DAY = {"part": "time", "first": "2026-11-21", "last": "2026-11-21"}


@pytest.mark.parametrize(
    ("form", "sent", "change"),
    [
        ("flag", FLAG, SetFlag(detector="DCH", value="bad")),
        (
            "flag",
            {**FLAG, "cause": "HV", "part": "event", "first": "3", "last": " 7"},
            SetFlag(
                detector="DCH",
                value="bad",
                cause="HV",
                span=Span(unit="event", first=3, last=7),
            ),
        ),
        ("sign-off", {"state": "signed off"}, SetSignOff(state=SignOff.SIGNED_OFF)),
        ("comment", {"text": "a\r\nb "}, AddComment(text="a\nb")),
        ("withdraw", {"number": "4"}, WithdrawComment(number=4)),
        ("undo", {"version": "5"}, Undo(version=5)),
        ("remove-flag", {"detector": "DCH"}, RemoveFlag(detector="DCH")),
    ],
)
def test_a_form_is_a_change(form: str, sent: dict[str, str], change: Change) -> None:
    assert is_form(form)
    assert read_change(form, sent) == change


def test_a_day_is_meant_to_its_end() -> None:
    change = read_change("flag", FLAG | DAY)
    assert isinstance(change, SetFlag)
    assert change.span is not None
    assert moment(change.span.first) == "2026-11-21 00:00:00"
    assert change.span.last - change.span.first == pytest.approx(86_400)
    # Both ends are included: the next day's first instant is not meant.
    assert moment(change.span.last) == "2026-11-21 23:59:59"


@pytest.mark.parametrize(
    ("form", "sent", "field", "told"),
    [
        ("flag", {"part": "event", "first": "x", "last": "2"}, "first", "whole number"),
        ("flag", {"part": "event", "first": "1"}, "last", "whole number"),
        ("flag", {"part": "event", "first": "१", "last": "2"}, "first", "whole number"),
        ("flag", {"part": "time", "first": "noon"}, "first", "2026-11-21 20:18:05"),
        ("flag", {"part": "time", "first": "2026-02-31"}, "first", "no calendar has"),
        ("flag", {"part": "time", "first": "now"}, "first", "no meaning"),
        ("flag", {"part": "week"}, "part", "is unknown"),
        ("flag", {"first": "3"}, "part", "the whole run has no first and last"),
        ("sign-off", {"state": "maybe"}, "state", "open, signed off, complete"),
        ("undo", {"version": "-1"}, "", "whole number"),
        ("withdraw", {}, "", "whole number"),
        ("remove-flag", {"span": "{"}, "", "is none"),
    ],
)
def test_a_mistake_names_the_field_that_people_filled_in(
    form: str, sent: dict[str, str], field: str, told: str
) -> None:
    with pytest.raises(InputError) as refused:
        read_change(form, sent)
    shown = wrong(form, sent, refused.value)
    assert (shown.form, shown.field, shown.given) == (form, field, sent)
    assert told in shown.message


@pytest.mark.parametrize(
    ("error", "field"),
    [
        (InputError("detector", "is no name"), "detector"),
        (InputError("span/last", "1 stands before 2"), "last"),
        (InputError("span/unit", "is unknown"), "part"),
        (InputError("body", "is not UTF-8"), ""),
        (Conflict("run", "x", "its quality is complete"), ""),
    ],
)
def test_what_is_found_later_is_told_at_its_field_too(
    error: InputError | Conflict, field: str
) -> None:
    assert wrong("flag", FLAG, error).field == field


@given(
    st.builds(
        Span,
        unit=st.sampled_from(["event", "time"]),
        first=st.floats(allow_nan=False, allow_infinity=False),
        last=st.floats(allow_nan=False, allow_infinity=False),
    )
    | st.none()
)
def test_the_part_of_a_flag_comes_back_from_its_form_as_it_was(
    span: Span | None,
) -> None:
    sent = {"detector": "DCH", "span": span_json(span)}
    assert read_change("remove-flag", sent) == RemoveFlag(detector="DCH", span=span)
    assert span_text(span)


@given(st.text(max_size=300), st.text(min_size=1, max_size=12))
def test_a_mistyped_number_is_refused_or_kept_whole(text: str, number: str) -> None:
    try:
        change = read_change("undo", {"version": number})
    except InputError:
        assert (
            not number.strip().isascii()
            or not number.strip().isdecimal()
            or (len(number.strip()) > 9)
        )
    else:
        assert change == Undo(version=int(number))
    said = read_change("comment", {"text": text})
    assert isinstance(said, AddComment)
    assert said.text == text.replace("\r\n", "\n").strip()


def test_each_change_is_told_in_a_line() -> None:
    told: list[tuple[Change, str]] = [
        (
            SetFlag(detector="D", value="bad", cause="HV"),
            "flag D = bad (HV), whole run",
        ),
        (RemoveFlag(detector="D"), "flag D removed, whole run"),
        (SetSignOff(state=SignOff.OPEN), "sign-off: open"),
        (AddComment(text="one\ntwo"), "comment: one two"),
        (WithdrawComment(number=3), "comment 3 withdrawn"),
        (SetField(name="run", value=0), "run = 0"),
        (SetField(name="run", value=None), "run as the start document says"),
        (Undo(version=2), "change 2 undone"),
    ]
    assert [change_text(change) for change, _ in told] == [text for _, text in told]
    assert len(change_text(AddComment(text="word " * 99))) < 100
