"""Each hostile query is refused with its place, and without much work.

A line of `hostile.txt` is JSON: how it is refused, at which column, and the query; a
list is of pieces, each with how many times it is repeated. Work is counted in calls,
which no load of the machine changes; the longest query that is allowed costs less than
the bound too.
"""

import json
import sys
from pathlib import Path
from typing import Any, Self

import pytest

from quire.runs.query import errors
from quire.runs.query.errors import QueryError
from quire.runs.query.parser import QueryParser
from quire.runs.query.registry import FieldRegistry

_LINES = Path(__file__).with_name("hostile.txt").read_text("utf-8").splitlines()
_MOST_CALLS = 150_000
_NAMED = {
    "self": "@self",
    "ping": "@pong",
    "pong": "x = 1 and @ping",
    **{f"d{depth}": f"@d{depth + 1}" for depth in range(1, 6)},
    "d6": "x = 1",
    "wide": " and ".join(["@w1"] * 21),
    "w1": " and ".join(["x = 1"] * 21),
}
_PARSER = QueryParser(FieldRegistry(), _NAMED)
_PARSER.parse("x = 1")


def _written(query: str | list[list[Any]]) -> str:
    return query if isinstance(query, str) else "".join(p * n for p, n in query)


class Calls:
    """Counts the calls of Python and C functions within it."""

    def __init__(self) -> None:
        self.made = 0

    def __enter__(self) -> Self:
        self._former = sys.getprofile()
        sys.setprofile(self._count)
        return self

    def __exit__(self, *_: object) -> None:
        sys.setprofile(self._former)

    def _count(self, _: object, event: str, __: object) -> None:
        self.made += event in ("call", "c_call")


@pytest.mark.parametrize("line", _LINES)
def test_it_is_refused_with_its_place(line: str) -> None:
    hostile = json.loads(line)
    text = _written(hostile["query"])
    with Calls() as calls, pytest.raises(QueryError) as refused:
        _PARSER.parse(text, now=1.8e9)
    assert calls.made < _MOST_CALLS
    assert type(refused.value) is getattr(errors, hostile["refused"])
    assert (refused.value.field, refused.value.column) == ("q", hostile["column"])
    assert len(str(refused.value)) < 500


def test_the_corpus_is_large() -> None:
    assert len(_LINES) >= 60


@pytest.mark.parametrize(
    "text",
    [
        " or ".join(["x=1"] * 250),
        "x in [" + ",".join(["1"] * 490) + "]",
        "(" * 49 + "x = 1" + ")" * 49,
        "not " * 48 + "x = 1",
        " or ".join(["(x=1)"] * 60),
        "x=1 and (x=1 or (" * 24 + "x=1" + "))" * 24,
        "x ~ '" + "*?" * 250 + "'",
        "@d2",
    ],
)
def test_what_is_just_allowed_costs_little(text: str) -> None:
    with Calls() as calls:
        _PARSER.parse(text)
    assert calls.made < _MOST_CALLS
