from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quire.errors import InputError
from quire.jobs.parameters import Parameter, ParameterType, Upload
from quire.jobs.templates import Template, check_template, check_values, fill

GIVEN = {"folder": "/f", "job": "j", "attempt": "1"}


def filled(template: Template, **values: Any) -> list[str]:
    return fill(template, values, GIVEN, data_folder="/data")


@pytest.mark.parametrize(
    ("template", "values", "arguments"),
    [
        (("a", "{X}"), {"X": "b c; rm *"}, ["a", "b c; rm *"]),
        (("a", "{X}"), {}, ["a"]),
        ((("-x", "{X}"),), {}, []),
        ((("-x", "{X}"),), {"X": 2.5}, ["-x", "2.5"]),
        ((("-x", "{X}"),), {"X": [1, 2]}, ["-x", "1", "-x", "2"]),
        (("{X}",), {"X": []}, []),
        (("{X}",), {"X": ["a", "b"]}, ["a", "b"]),
        (("--x={X}",), {"X": True}, ["--x=true"]),
        (("--fast{X?}", "b"), {"X": True}, ["--fast", "b"]),
        (("--fast{X?}", "b"), {"X": False}, ["b"]),
        ((("{X?}", "--fast"),), {"X": True}, ["--fast"]),
        (("{folder}/o", "{job}.{attempt}"), {}, ["/f/o", "j.1"]),
        (("{X}",), {"X": "{folder}"}, ["{folder}"]),
        (("{X}",), {"X": ""}, [""]),
        (("{X}",), {"X": {"a": 1}}, ['{"a": 1}']),
        (("{X}",), {"X": Upload(path="p", size=1, sha256="")}, ["/data/p"]),
    ],
)
def test_values_fill_their_places(
    template: Template, values: dict[str, Any], arguments: list[str]
) -> None:
    assert filled(template, **values) == arguments


@given(text=st.text())
def test_a_value_is_one_argument_whatever_is_in_it(text: str) -> None:
    assert filled(("{X}", "end"), X=text) == [text, "end"]
    assert filled(("--x={X}",), X=text) == [f"--x={text}"]


@pytest.mark.parametrize(
    ("template", "values"),
    [
        (("{X}",), {"X": "-rf"}),
        (("{X}",), {"X": ["a", "--b"]}),
        ((("-x", "{X}"),), {"X": "-y"}),
        (("--x={X}",), {"X": "a\0b"}),
        (("--x={X}",), {"X": "é" * 60_000}),
        (("{X}",), {"X": ["a"] * 5000}),
    ],
)
def test_values_that_would_do_something_else_are_refused(
    template: Template, values: dict[str, Any]
) -> None:
    with pytest.raises(InputError) as refusal:
        check_values(template, values)
    assert refusal.value.field == "X"


@pytest.mark.parametrize(
    ("template", "values"),
    [
        (("--x={X}",), {"X": "-y"}),
        (("{X}",), {"X": -5}),
        (("a",), {"X": "-y\0"}),
        (("{X?}",), {"X": "-y"}),
    ],
)
def test_others_are_not(template: Template, values: dict[str, Any]) -> None:
    check_values(template, values)


def test_a_template_has_a_parameter_for_every_place() -> None:
    known = [
        Parameter(name="A", multiple=True),
        Parameter(name="B", multiple=True),
        Parameter(name="C", type=ParameterType.NUMBER),
    ]
    check_template(("{A}", "{B}{C}", "{folder}"), known)
    with pytest.raises(InputError, match="'D'"):
        check_template(("{D}",), known)
    with pytest.raises(InputError, match="A and B"):
        check_template((("{A}", "{B}"),), known)
