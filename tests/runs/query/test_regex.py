"""Regular expressions of other clients: a glob that says the same, or none."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quire.runs.query.evaluate import pattern_of
from quire.runs.query.regex import glob_of


@pytest.mark.parametrize(
    ("expression", "glob"),
    [
        ("", "**"),
        ("Cu", "*Cu*"),
        ("^Cu", "Cu*"),
        ("Cu$", "*Cu"),
        ("^Cu$", "Cu"),
        ("^a.c.*d.+$", "a?c*d?*"),
        (r"a\.b\-c\$", "*a.b-c$*"),
        (r"a\*", None),
        (r"\d", None),
        ("a\\", None),
        ("a|b", None),
        ("a+", None),
        ("(a)", None),
        ("[ab]", None),
        ("a{2}", None),
        ("a^", None),
        ("a$b", None),
        (".*?", None),
    ],
)
def test_a_glob_says_the_same_or_there_is_none(
    expression: str, glob: str | None
) -> None:
    assert glob_of(expression) == glob


@settings(max_examples=300)
@given(
    st.lists(st.sampled_from(["a", "b", ".", ".*", ".+", "^", "$", "\\", "*", "-"])),
    st.text("ab.$^\\-", max_size=5),
)
def test_what_a_search_finds_its_glob_matches(parts: list[str], text: str) -> None:
    expression = "".join(parts)
    glob = glob_of(expression)
    if glob is not None:
        found = re.search(expression, text) is not None
        assert (pattern_of(glob).fullmatch(text) is not None) is found
