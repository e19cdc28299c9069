"""Flags and facility fields that may be set, and those that may not."""

import math
from typing import Any

import pytest

from quire.errors import InputError
from quire.runs.changes import RemoveFlag, SetField, SetFlag
from quire.runs.query.fields import FieldDeclaration, FieldType
from quire.runs.query.registry import FieldRegistry
from quire.runs.settable import check_field, check_flag, check_reason

FIELDS = FieldRegistry().declare(
    [
        FieldDeclaration(
            name="run_type", type=FieldType.STRING, choices=("beam", "cosmic")
        ),
        FieldDeclaration(name="flag.PXD", type=FieldType.STRING, choices=("ok", "bad")),
        FieldDeclaration(name="hlt.on", type=FieldType.BOOLEAN),
    ]
)
LAST = 2**63 - 1


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("run", 5),
        ("run", LAST - 1),
        ("run", None),
        ("run_type", "cosmic"),
        ("hlt.on", False),
        ("her.filled", LAST),
        ("her.filled", -LAST),
        ("her.current", -1.5),
        ("her.fill", "x" * 10_000),
        ("statistics.lumi_recorded", 1),
    ],
)
def test_a_facility_field_takes_what_it_holds(name: str, value: Any) -> None:
    check_field(FIELDS, SetField(name=name, value=value))


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("plan_name", "scan", "no facility field"),
        ("plan_name.x", "scan", "no facility field"),
        ("her", 1, "no facility field"),
        ("her.", 1, "no facility field"),
        ("her..current", 1, "no facility field"),
        ("plan_name", None, "no facility field"),
        ("run", "5", "takes integer"),
        ("run", True, "takes integer"),
        ("run", LAST, f"at most {LAST - 1}"),
        ("run", -LAST, "too large"),
        ("run_type", "cosmics", "did you mean 'cosmic'"),
        ("run_type", "x", "one of beam, cosmic"),
        ("hlt.on", 1, "takes boolean"),
        ("her.current", math.nan, "not finite"),
        ("her.current", -math.inf, "not finite"),
        ("her.filled", LAST + 1, f"at most {LAST}"),
        ("her.fill", "x" * 10_001, "too long"),
    ],
)
def test_a_facility_field_refuses_what_it_cannot_hold(
    name: str, value: Any, words: str
) -> None:
    with pytest.raises(InputError, match=words) as refused:
        check_field(FIELDS, SetField(name=name, value=value))
    assert refused.value.field == name


def test_a_flag_is_a_name_and_a_value_of_bounded_length() -> None:
    long = "x" * 1_000
    check_flag(
        FIELDS, SetFlag(detector="D" * 100, value=long, cause=long, comment=long)
    )
    check_flag(FIELDS, SetFlag(detector="PXD", value="bad"))
    check_flag(FIELDS, RemoveFlag(detector="PXD"))


@pytest.mark.parametrize(
    ("change", "field"),
    [
        (SetFlag(detector="a b", value="bad"), "detector"),
        (SetFlag(detector="D" * 101, value="bad"), "detector"),
        (SetFlag(detector="", value="bad"), "detector"),
        (RemoveFlag(detector="a b"), "detector"),
        (SetFlag(detector="DCH", value=" "), "value"),
        (SetFlag(detector="DCH", value="x" * 1_001), "value"),
        (SetFlag(detector="DCH", value="bad", cause="x" * 1_001), "cause"),
        (SetFlag(detector="DCH", value="bad", comment="x" * 1_001), "comment"),
        (SetFlag(detector="PXD", value="good"), "value"),
    ],
)
def test_a_flag_that_cannot_be_is_refused(
    change: SetFlag | RemoveFlag, field: str
) -> None:
    with pytest.raises(InputError) as refused:
        check_flag(FIELDS, change)
    assert refused.value.field == field


def test_a_reason_is_of_bounded_length() -> None:
    check_reason("x" * 10_000)
    with pytest.raises(InputError, match="at most 10000") as refused:
        check_reason("x" * 10_001, "note")
    assert refused.value.field == "note"
