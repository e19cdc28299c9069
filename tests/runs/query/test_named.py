import pytest

from quire.runs.query.errors import (
    QueryError,
    QuerySyntaxError,
    QueryTooLarge,
    UnknownField,
    UnknownName,
)
from quire.runs.query.named import Meaning, Written
from quire.runs.query.parser import QueryParser
from quire.runs.query.registry import FieldRegistry
from quire.runs.query.tree import And, Exists, Not, Or, Tree

PLAIN = QueryParser(FieldRegistry())


def _chain(length: int) -> dict[str, Written]:
    """Return q1, which names q2, which names q3..."""
    names: dict[str, Written] = {f"q{n}": f"@q{n + 1}" for n in range(1, length)}
    return {**names, f"q{length}": "run = 1"}


def test_names_stand_for_parts_of_the_tree_and_not_for_text() -> None:
    names: dict[str, Written] = {
        "either": "a = 1 or b = 2",
        "either_long": {"field": "c", "op": "exists"},
        "tree": Exists(field="start.d"),
    }
    found = PLAIN.resolving(names).parse("not @either and @either_long and @tree")
    both = PLAIN.parse("not (a = 1 or b = 2) and exists(c) and exists(d)")
    assert found == both


def test_five_names_may_stand_in_each_other() -> None:
    assert PLAIN.resolving(_chain(5)).parse("@q1") == PLAIN.parse("run = 1")
    with pytest.raises(QueryTooLarge, match="more than 5 deep") as refused:
        PLAIN.resolving(_chain(6)).parse("run = 2 or @q1")
    assert refused.value.column == 12


@pytest.mark.parametrize("length", [1, 2, 3, 4, 5])
def test_a_circle_is_refused(length: int) -> None:
    names: dict[str, Written] = {
        f"q{n}": f"run = 1 and @q{n % length + 1}" for n in range(1, length + 1)
    }
    with pytest.raises(UnknownName, match="@q1 contains itself"):
        PLAIN.resolving(names).parse("@q1")


def test_a_name_may_be_used_twice() -> None:
    names: dict[str, Written] = {"a": "run = 1", "b": "@a or @a"}
    one = PLAIN.parse("run = 1")
    both = Or(parts=(one, one))
    assert PLAIN.resolving(names).parse("@b and @a") == And(parts=(both, one))


def test_an_unknown_name_suggests_the_nearest() -> None:
    parser = PLAIN.resolving({"production": "run = 1"})
    with pytest.raises(UnknownName, match="did you mean @production") as refused:
        parser.parse("run = 1 and @prodction")
    assert refused.value.column == 13
    with pytest.raises(UnknownName, match="nobody saved"):
        PLAIN.parse("@x")


@pytest.mark.parametrize(
    ("query", "kind"),
    [
        ("plan_nam = x", UnknownField),
        ("run =", QuerySyntaxError),
        ({"field": "run", "op": "?"}, QuerySyntaxError),
        ("run = 1 or run = 1", None),
    ],
)
def test_an_error_within_tells_the_name_and_where_it_is_used(
    query: Written, kind: type[QueryError] | None
) -> None:
    parser = PLAIN.resolving({"inner": query, "outer": "@inner"})
    if kind is None:
        parser.parse("run = 1 and @outer")
        return
    with pytest.raises(kind, match="in @outer: in @inner: ") as refused:
        parser.parse("run = 1 and @outer")
    assert (refused.value.field, refused.value.column) == ("q", 13)


def test_what_named_queries_add_is_limited() -> None:
    many = " or ".join(["x=1"] * 200)
    wide = PLAIN.resolving({"half": many})
    wide.parse("@half or @half")
    with pytest.raises(QueryTooLarge, match="400 conditions"):
        wide.parse("@half or @half or @half")
    long: dict[str, Written] = {f"q{n}": f"x = '{'a' * 3900}'" for n in range(6)}
    with pytest.raises(QueryTooLarge, match="20,000 characters"):
        PLAIN.resolving(long).parse(" or ".join(f"@{name}" for name in long))
    with pytest.raises(QueryTooLarge, match="nested more than 50"):
        PLAIN.resolving({"deep": "not " * 30 + "x = 1"}).parse("not " * 30 + "@deep")


def test_a_checked_tree_is_held_to_the_same_limits() -> None:
    one = Exists(field="start.a")
    deep: Tree = one
    for _ in range(60):
        deep = Not(part=deep)
    wide = And(parts=(one,) * 401)
    for tree in (deep, wide):
        with pytest.raises(QueryTooLarge):
            PLAIN.resolving({"t": tree}).parse("@t")


def test_names_within_are_looked_up_where_their_query_says() -> None:
    theirs: dict[str, Written] = {"base": "@inner", "inner": "run = 1"}

    def look_theirs(name: str) -> Meaning | None:
        query = theirs.get(name)
        return None if query is None else Meaning(query=query, key=f"their {name}")

    def look(name: str) -> Meaning | None:
        known: dict[str, Meaning] = {
            "base": Meaning(query="@shared", key="my base"),
            "shared": Meaning(query="@base", key="shared", names=look_theirs),
        }
        return known.get(name)

    # `base` in `shared` is theirs, so that this is no circle.
    assert PLAIN.resolving(look).parse("@base") == PLAIN.parse("run = 1")
