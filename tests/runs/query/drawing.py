"""Random checked trees over declared and open fields."""

from hypothesis import strategies as st

from quire.runs.query.tree import (
    And,
    Between,
    Compare,
    Exists,
    Glob,
    Literal,
    Missing,
    Not,
    OneOf,
    Operator,
    Or,
    Text,
    Tree,
)
from quire.runs.words import words_in

EQUALITY = (Operator.EQUAL, Operator.NOT_EQUAL)
_characters = st.characters(exclude_categories=["Cs"], exclude_characters="\0")
texts = st.one_of(
    st.sampled_from(
        ["scan", "true", "5", "2026-11-01", "now", "null", 'a"b', "''", ""]
    ),
    st.text(_characters, max_size=8),
)
integers = st.integers(1 - 2**63, 2**63 - 1)
numbers = st.one_of(integers, st.floats(allow_nan=False, allow_infinity=False))
moments = st.floats(-1e12, 1e12)
_open = st.one_of(
    st.sampled_from(
        ["start.and", "start.sample.name", "start.o`d", "stop.in", "her.x"]
    ),
    st.lists(st.text(_characters, max_size=4), min_size=1, max_size=3).map(
        lambda parts: "start." + ".".join(["x", *parts])
    ),
)


def _conditions(
    fields: st.SearchStrategy[str],
    equal: st.SearchStrategy[Literal],
    ordered: st.SearchStrategy[Literal],
) -> st.SearchStrategy[Tree]:
    return st.one_of(
        st.builds(
            Compare, field=fields, operator=st.sampled_from(EQUALITY), value=equal
        ),
        st.builds(
            Compare, field=fields, operator=st.sampled_from(Operator), value=ordered
        ),
        st.builds(
            lambda field, ends: Between(field=field, low=min(ends), high=max(ends)),
            fields,
            st.tuples(ordered, ordered),
        ),
        st.builds(Exists, field=fields),
        st.builds(Missing, field=fields),
    )


def _lists(
    fields: st.SearchStrategy[str], values: st.SearchStrategy[Literal]
) -> st.SearchStrategy[Tree]:
    several = st.lists(values, min_size=1, max_size=3).map(tuple)
    return st.builds(OneOf, field=fields, values=several)


_names = st.sampled_from(["plan_name", "owner", "flag.DCH", "start.group", "run_type"])
_whole = st.sampled_from(["scan_id", "events", "experiment"])
_real = st.sampled_from(["duration", "statistics.lumi_recorded"])
_anything = st.one_of(texts, numbers, st.booleans())
leaves: st.SearchStrategy[Tree] = st.one_of(
    _conditions(_names, texts, texts),
    _conditions(_whole, integers, integers),
    _conditions(_real, numbers, numbers),
    _conditions(st.sampled_from(["time", "stop_time"]), moments, moments),
    _conditions(_open, _anything, numbers),
    _conditions(_open, _anything, texts),
    _lists(_names, texts),
    _lists(_whole, integers),
    _lists(_open, _anything),
    st.builds(Glob, field=st.one_of(_names, _open), pattern=texts),
    st.text(_characters, max_size=20)
    .map(lambda text: tuple(dict.fromkeys(words_in(text))))
    .filter(bool)
    .map(lambda words: Text(words=words)),
)


def _junctions(inner: st.SearchStrategy[Tree]) -> st.SearchStrategy[Tree]:
    parts = st.lists(inner, min_size=2, max_size=4).map(tuple)
    return st.one_of(
        st.builds(And, parts=parts),
        st.builds(Or, parts=parts),
        st.builds(Not, part=inner),
    )


trees: st.SearchStrategy[Tree] = st.recursive(leaves, _junctions, max_leaves=12)
