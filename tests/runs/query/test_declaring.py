"""A facility's fields, as its configuration gives them."""

from typing import Any

import pytest

from quire.errors import InputError
from quire.runs.query.declaring import declared_fields
from quire.runs.query.parser import QueryParser
from quire.runs.query.registry import FieldRegistry
from quire.runs.query.tree import Compare, Operator


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        ({}, "is missing"),
        ({"type": "float"}, "'float'"),
        ({"type": ["number"]}, "none"),
    ],
)
def test_a_type_that_is_none_is_refused_with_those_that_are(
    table: dict[str, Any], reason: str
) -> None:
    with pytest.raises(InputError) as refused:
        declared_fields({"energy": table})
    assert refused.value.field == "fields.energy.type"
    assert reason in refused.value.reason
    assert "string, integer, number" in refused.value.mend


def test_a_declared_key_of_the_start_is_the_same_under_both_its_names() -> None:
    table = {"exposure": {"type": "number", "unit": "s"}}
    parser = QueryParser(FieldRegistry().declare(declared_fields(table)))
    short = parser.parse("exposure > 2 ms", now=0)
    assert parser.parse("start.exposure > 2 ms", now=0) == short


def test_a_declared_family_of_the_start_is_the_same_under_both_its_names() -> None:
    table = {"motor.*": {"type": "number", "unit": "mm"}}
    registry = FieldRegistry().declare(declared_fields(table))
    parser = QueryParser(registry)
    short = parser.parse("motor.x > 2 um", now=0)
    assert parser.parse("start.motor.x > 2 um", now=0) == short
    assert [each.name for each in registry if "motor." in each.name] == ["motor.*"]


def test_a_field_that_lies_elsewhere_leaves_the_key_of_its_name_alone() -> None:
    table = {"energy": {"type": "number", "path": "start.scan.energy"}}
    parser = QueryParser(FieldRegistry().declare(declared_fields(table)))
    tree = parser.parse("start.energy = text", now=0)
    assert tree == Compare(field="start.energy", operator=Operator.EQUAL, value="text")
