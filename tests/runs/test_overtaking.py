"""What meets what of two judgements of one run."""

import pytest

from quire.runs.annotations import SignOff
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
)
from quire.runs.overtaking import judged_since_signed, overtaken

BAD = SetFlag(detector="DCH", value="bad")
GOOD = SetFlag(detector="DCH", value="good")
OTHER = SetFlag(detector="SVD", value="bad")
FIELD = SetField(name="quality_expert.DCH", value="GOOD")
LUMI = SetField(name="statistics.lumi_recorded", value=3.0)
SIGNED = SetSignOff(state=SignOff.SIGNED_OFF)
OPEN = SetSignOff(state=SignOff.OPEN)
COMMENT = AddComment(text="all quiet")


def history(*changes: Change) -> list[Entry]:
    return [
        Entry(run="u", version=n, at=float(n), author="ann", change=change)
        for n, change in enumerate(changes, 1)
    ]


@pytest.mark.parametrize(
    ("since", "mine", "meets"),
    [
        ((BAD,), GOOD, True),
        ((BAD,), RemoveFlag(detector="DCH"), True),
        ((BAD,), OTHER, False),
        ((BAD,), FIELD, True),
        ((LUMI,), BAD, False),
        ((LUMI,), LUMI, True),
        ((BAD,), SIGNED, True),
        ((LUMI,), SIGNED, True),
        ((SIGNED,), BAD, True),
        ((COMMENT,), SIGNED, False),
        ((COMMENT, WithdrawComment(number=2)), BAD, False),
        ((SIGNED,), COMMENT, False),
        ((Undo(version=1),), GOOD, True),
        ((Undo(version=1),), OTHER, False),
        ((COMMENT, Undo(version=2)), SIGNED, False),
        ((), GOOD, False),
    ],
)
def test_what_meets_what(since: tuple[Change, ...], mine: Change, meets: bool) -> None:
    found = overtaken(history(BAD, *since), 1, mine)
    assert (found is not None) == meets
    assert overtaken(history(BAD, *since), 1 + len(since), mine) is None


@pytest.mark.parametrize(
    ("changes", "otherwise"),
    [
        ((BAD, SIGNED), False),
        ((BAD, SIGNED, GOOD), True),
        ((BAD, SIGNED, FIELD), True),
        ((BAD, SIGNED, LUMI, COMMENT), False),
        ((BAD, SIGNED, GOOD, SIGNED), False),
        ((BAD, SIGNED, GOOD, Undo(version=3)), False),
        ((BAD, SIGNED, Undo(version=1)), True),
        ((BAD, SIGNED, OPEN, GOOD, Undo(version=3)), True),
    ],
)
def test_what_was_judged_since_it_was_signed_off(
    changes: tuple[Change, ...],
    otherwise: bool,
) -> None:
    assert judged_since_signed(history(*changes)) == otherwise
