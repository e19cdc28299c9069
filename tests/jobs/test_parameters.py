import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.errors import InputError, ManyInputErrors
from quire.jobs.parameters import (
    Parameter,
    ParameterType,
    Upload,
    as_text,
    merged,
    read_parameters,
    restored,
    uploads_of,
)

UPLOAD = Upload(path="jobs/1/uploads/a", size=1, sha256="ab")
DECLARED = (
    Parameter(name="TEXT"),
    Parameter(name="NUMBER", type=ParameterType.NUMBER, least=0, most=10, default=1.0),
    Parameter(name="INTEGER", type=ParameterType.INTEGER, least=-(2**62)),
    Parameter(name="BOOLEAN", type=ParameterType.BOOLEAN),
    Parameter(name="OBJECT", type=ParameterType.OBJECT),
    Parameter(name="FILE", type=ParameterType.FILE),
    Parameter(name="CHOICE", choices=("a", "b"), default="a"),
    Parameter(name="MANY", type=ParameterType.NUMBER, multiple=True),
)


def read(**given: Any) -> dict[str, Any]:
    return read_parameters(DECLARED, given)


@pytest.mark.parametrize(
    ("name", "value", "typed"),
    [
        ("TEXT", "a", "a"),
        ("Text", ("a",), "a"),
        ("NUMBER", "2.5", 2.5),
        ("NUMBER", 10, 10.0),
        ("INTEGER", "7", 7),
        ("INTEGER", 2**60 + 1, 2**60 + 1),
        ("BOOLEAN", "TRUE", True),
        ("BOOLEAN", "0", False),
        ("OBJECT", {"a": 1}, {"a": 1}),
        ("OBJECT", '{"a": 1}', '{"a": 1}'),
        ("FILE", UPLOAD, UPLOAD),
        ("CHOICE", "b", "b"),
        ("MANY", "1", [1.0]),
        ("MANY", ("1", "2"), [1.0, 2.0]),
        ("MANY", [3], [3.0]),
        ("MANY", None, []),
        ("MANY", ("",), []),
    ],
)
def test_values_are_read_by_their_type(name: str, value: Any, typed: Any) -> None:
    found = read(**{name: value})[name.upper()]
    assert found == typed
    assert type(found) is type(typed)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TEXT", 5),
        ("TEXT", ("a", "b")),
        ("TEXT", "x" * 2_000_000),
        ("NUMBER", "x"),
        ("NUMBER", -1),
        ("NUMBER", 11),
        ("NUMBER", math.nan),
        ("NUMBER", True),
        ("NUMBER", 10**400),
        ("INTEGER", "2.5"),
        ("INTEGER", "1e999"),
        ("BOOLEAN", "maybe"),
        ("BOOLEAN", 1),
        ("OBJECT", 5),
        ("FILE", "/etc/passwd"),
        ("FILE", {"path": "quire.sqlite", "size": 1, "sha256": ""}),
        ("CHOICE", "c"),
        ("MANY", ["x"]),
        ("MANY", [1] * 1001),
        ("NONE", 1),
    ],
)
def test_others_are_refused_by_name(name: str, value: Any) -> None:
    with pytest.raises(InputError) as refusal:
        read(**{name: value})
    assert refusal.value.field == name
    assert refusal.value.reason


def test_all_that_is_wrong_is_told_at_once() -> None:
    needed = (*DECLARED, Parameter(name="NEEDED", required=True, description="It is"))
    with pytest.raises(ManyInputErrors) as refusal:
        read_parameters(needed, {"NUMBR": 1, "text": 1, "TEXT": 2}, at="/p/")
    told = {one.field: str(one) for one in refusal.value.errors}
    assert set(told) == {"/p/NUMBR", "/p/text", "/p/TEXT", "/p/NEEDED"}
    assert "did you mean NUMBER?" in told["/p/NUMBR"]
    assert "twice" in told["/p/TEXT"]


def test_defaults_fill_what_is_not_given() -> None:
    assert read() == {"NUMBER": 1.0, "CHOICE": "a", "MANY": []}


VALUES = st.fixed_dictionaries(
    {},
    optional={
        "TEXT": st.text(max_size=20),
        "NUMBER": st.floats(0, 10),
        "INTEGER": st.integers(-(2**53), 2**53),
        "BOOLEAN": st.booleans(),
        "CHOICE": st.sampled_from("ab"),
        "MANY": st.lists(st.floats(allow_nan=False, allow_infinity=False), max_size=5),
    },
)


@given(values=VALUES)
def test_reading_again_changes_nothing(values: dict[str, Any]) -> None:
    once = read_parameters(DECLARED, values)
    assert read_parameters(DECLARED, once) == once


@given(values=VALUES)
def test_a_form_gives_the_same_as_typed_values(values: dict[str, Any]) -> None:
    form = {
        name.lower(): tuple(map(as_text, value if isinstance(value, list) else [value]))
        for name, value in values.items()
    }
    form = {name: given for name, given in form.items() if given}
    assert read_parameters(DECLARED, form) == read_parameters(DECLARED, values)


def test_uploads_survive_the_store() -> None:
    stored = {"FILE": {"path": "p", "size": 1, "sha256": "a"}, "TEXT": "b"}
    back = restored(DECLARED, stored)
    assert back["FILE"] == Upload(path="p", size=1, sha256="a")
    assert uploads_of(back) == {"FILE": back["FILE"]}
    assert merged({"A": 1, "B": 2}, {"a": 3}, without=["b"]) == {"a": 3}
