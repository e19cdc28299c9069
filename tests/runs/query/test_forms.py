import json
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.runs.query.drawing import trees

from quire.runs.query.errors import QueryError, QueryTooLarge
from quire.runs.query.json_form import to_json
from quire.runs.query.parser import QueryParser
from quire.runs.query.registry import FieldRegistry
from quire.runs.query.text_form import to_text
from quire.runs.query.tree import And, Exists, Not, Or, Tree

PARSER = QueryParser(FieldRegistry())


@given(tree=trees)
def test_the_text_of_a_tree_parses_back_to_it(tree: Tree) -> None:
    # By repr too: 1 equals 1.0 and True in Python, and not in a query.
    found = PARSER.parse(to_text(tree))
    assert (found, repr(found)) == (tree, repr(tree))


@given(tree=trees)
def test_the_json_form_of_a_tree_reads_back_to_it(tree: Tree) -> None:
    form = json.loads(json.dumps(to_json(tree)))
    found = PARSER.from_json(form)
    assert (found, repr(found)) == (tree, repr(tree))


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ({"field": "plan_name", "op": "=", "value": "scan"}, "plan_name = scan"),
        ({"field": "scan_id", "op": "==", "value": 5}, "scan_id = 5"),
        (
            {"field": "scan_id", "op": "between", "low": 3000, "high": 3500},
            "scan_id in 3000..3500",
        ),
        (
            {"field": "plan_name", "op": "in", "values": ["scan", "count"]},
            "plan_name in [scan, count]",
        ),
        (
            {"field": "duration", "op": ">", "value": 2, "unit": "min"},
            "duration > 2 min",
        ),
        (
            {"field": "duration", "op": "in", "values": [1, 2], "unit": "h"},
            "duration in [1 h, 2 h]",
        ),
        ({"field": "time", "op": ">", "value": "now - 7 d"}, "time > now - 7 d"),
        ({"field": "time", "op": "=", "value": "2026-11-01"}, "time = 2026-11-01"),
        ({"field": "time", "op": "=", "value": "2026"}, "time = 2026"),
        ({"field": "time", "op": ">", "value": 2026}, "time > 2026.0"),
        ({"field": "a", "op": "=", "value": None}, "a = null"),
        ({"field": "a", "op": "=", "value": "5"}, "a = '5'"),
        ({"field": "a b.c", "op": "exists"}, "exists(`a b`.c)"),
        ({"field": "a", "op": "regex", "value": "^Cu"}, "a ~ 'Cu*'"),
        ({"text": "Copper foil"}, '"copper foil"'),
        ({"name": "@good"}, "@good"),
        (
            {
                "and": [
                    {"not": {"name": "good"}},
                    {"or": [{"text": "a"}, {"text": "b"}]},
                ]
            },
            "not @good and ('a' or text('b'))",
        ),
    ],
)
def test_both_forms_say_the_same(form: object, text: str) -> None:
    parser = PARSER.resolving({"good": "flag.DCH = good"})
    assert parser.from_json(form, now=1.8e9) == parser.parse(text, now=1.8e9)


@pytest.mark.parametrize(
    ("form", "place"),
    [
        (None, ""),
        ([], ""),
        ({}, ""),
        ({"and": [], "or": []}, ""),
        ({"and": []}, "/and"),
        ({"and": {}}, "/and"),
        ({"and": [{"text": "a"}, 5]}, "/and/1"),
        ({"not": {"or": [{"text": "!"}]}}, "/not/or/0/text"),
        ({"text": 5}, "/text"),
        ({"text": "a", "b/~": 1}, "/b~1~0"),
        ({"name": 5}, "/name"),
        ({"name": "nobody"}, "/name"),
        ({"text": "cop\0per"}, "/text"),
        ({"field": "a"}, "/op"),
        ({"field": "a", "op": 5}, "/op"),
        ({"field": "a", "op": "exsts"}, "/op"),
        ({"field": 5, "op": "exists"}, "/field"),
        ({"field": "", "op": "exists"}, "/field"),
        ({"field": "a\ud800", "op": "exists"}, "/field"),
        ({"field": "plan_nam", "op": "exists"}, "/field"),
        ({"field": "a", "op": "exists", "value": 1}, "/value"),
        ({"field": "a", "op": "exists", "unit": "s"}, "/unit"),
        ({"field": "a", "op": "="}, ""),
        ({"field": "a", "op": "between", "low": 1}, ""),
        ({"field": "a", "op": "between", "low": 2, "high": 1}, "/low"),
        ({"field": "a", "op": "=", "value": {}}, "/value"),
        ({"field": "a", "op": "=", "value": 10**5000}, "/value"),
        ({"field": "a", "op": "=", "value": float("nan")}, "/value"),
        ({"field": "a", "op": "=", "value": float("inf")}, "/value"),
        ({"field": "a", "op": "=", "value": "\ud800"}, "/value"),
        ({"field": "a", "op": "=", "value": 1, "unit": 5}, "/unit"),
        ({"field": "a", "op": "=", "value": 1, "unit": "s"}, "/value"),
        ({"field": "a", "op": "=", "value": "x", "unit": "s"}, "/value"),
        ({"field": "a", "op": "in", "values": []}, "/values"),
        ({"field": "a", "op": "in", "values": [1, []]}, "/values/1"),
        ({"field": "a", "op": "in", "values": [1] * 1001}, "/values/1000"),
        ({"field": "a", "op": "~", "value": 5}, "/value"),
        ({"field": "a", "op": "~", "value": "\0"}, "/value"),
        ({"field": "a", "op": "regex", "value": "[ab]"}, "/value"),
        ({"field": "a", "op": ">", "value": True}, "/value"),
        ({"field": "scan_id", "op": "=", "value": 1.5}, "/value"),
        ({"field": "scan_id", "op": "=", "value": "5"}, "/value"),
        ({"field": "status", "op": "=", "value": "opne"}, "/value"),
        ({"field": "time", "op": ">", "value": "soon"}, "/value"),
        ({"field": "duration", "op": "=", "value": 5, "unit": "K"}, "/value"),
    ],
)
def test_a_json_form_that_cannot_be_asked_is_refused(form: object, place: str) -> None:
    with pytest.raises(QueryError) as refused:
        PARSER.from_json(form, at="/tree")
    assert refused.value.field == f"/tree{place}"
    assert refused.value.column is None


def test_a_refused_value_is_shown_as_it_was_given() -> None:
    with pytest.raises(QueryError) as refused:
        PARSER.from_json({"field": "plan_name", "op": "=", "value": 5})
    assert refused.value.reason == "plan_name is text, not 5"
    assert refused.value.mend == "write a string"


_member = st.sampled_from(
    [
        "and",
        "or",
        "not",
        "field",
        "op",
        "value",
        "values",
        "low",
        "high",
        "unit",
        "text",
    ]
)
_text = st.sampled_from(
    ["=", "in", "between", "exists", "~", "<", "scan_id", "time", "a.b", "keV", "", "x"]
)
_json = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), _text),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(_member, inner, max_size=4)
    ),
)
_condition = st.fixed_dictionaries(
    {"field": _text, "op": _text},
    optional=dict.fromkeys(("value", "values", "low", "high", "unit"), _json),
)


@given(form=st.one_of(_json, _condition, st.fixed_dictionaries({"not": _condition})))
def test_no_json_breaks_it(form: object) -> None:
    try:
        found = PARSER.from_json(form, now=1.8e9)
    except QueryError as error:
        refused = error.field.startswith("/") or not error.field
        if not refused:
            raise
        return
    assert PARSER.from_json(to_json(found)) == found


def test_lark_is_loaded_by_the_first_text_and_not_before() -> None:
    program = (
        "import sys\n"
        "from quire.runs.query.parser import QueryParser\n"
        "from quire.runs.query.registry import FieldRegistry\n"
        "parser = QueryParser(FieldRegistry())\n"
        "parser.from_json({'text': 'a'})\n"
        "assert 'lark' not in sys.modules\n"
        "parser.parse('a = 1')\n"
        "assert 'lark' in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True)


@pytest.mark.parametrize("word", ["not", "or"])
def test_a_json_form_is_at_most_50_deep(word: str) -> None:
    deep: object = {"field": "a", "op": "exists"}
    for depth in range(2, 60):
        deep = {word: deep if word == "not" else [deep]}
        if depth <= 50:
            PARSER.from_json(deep)
        else:
            with pytest.raises(QueryTooLarge):
                PARSER.from_json(deep)


def test_a_json_form_has_at_most_400_conditions() -> None:
    for condition in ({"field": "a", "op": "exists"}, {"text": "a"}):
        PARSER.from_json({"and": [condition] * 400})
        with pytest.raises(QueryTooLarge):
            PARSER.from_json({"and": [condition] * 401})


def test_a_json_form_has_at_most_5_000_values_and_words() -> None:
    values = {"field": "a", "op": "in", "values": [*range(1000)]}
    words = {"text": " ".join(f"w{place}" for place in range(1000))}
    PARSER.from_json({"and": [values, values, words, words, words]})
    with pytest.raises(QueryTooLarge) as refused:
        PARSER.from_json({"and": [values] * 4 + [words, {"text": "a"}]}, at="/tree")
    assert refused.value.field == "/tree/and/5/text"
    for form in (values, words):
        named = PARSER.resolving({"saved": PARSER.from_json(form)})
        named.parse(" or ".join(["@saved"] * 5))
        with pytest.raises(QueryTooLarge, match=r"5,000 values and words"):
            named.parse(" or ".join(["@saved"] * 5 + ["a = 1"]))


def test_each_time_of_a_list_is_a_condition() -> None:
    for most, held in ((400, [*range(400)]), (399, ["2026-11-01"] * 399)):
        form = {"field": "time", "op": "in", "values": held}
        PARSER.from_json(form)
        joined = {"and": [form, *[{"field": "a", "op": "exists"}] * (401 - most)]}
        with pytest.raises(QueryTooLarge, match="400 conditions"):
            PARSER.from_json(joined)


def test_what_no_query_can_say_has_no_form() -> None:
    for tree in (And(parts=()), Not(part=Or(parts=())), Or(parts=(And(parts=()),))):
        with pytest.raises(ValueError, match="without parts"):
            to_text(tree)
        with pytest.raises(ValueError, match="without parts"):
            to_json(tree)
    assert to_text(Or(parts=(Exists(field="a"),))) == "exists(a)"
