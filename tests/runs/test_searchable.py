"""What a run is searched by: the same as a plain walk over all that it holds."""

import json
import math
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from quire.runs.annotations import Annotations, Comment, Flag
from quire.runs.run import Finding, Run, Stream
from quire.runs.searchable import FACETS, Leaves, flatten, searchable

MOST_LEAVES = 2_000
DEEPEST = 50


def walked(value: Any, path: str, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield all scalars of a value in the order in which they are taken."""
    if isinstance(value, dict):
        if depth < DEEPEST:
            for key, item in reversed(value.items()):
                dot = "." if depth else ""
                yield from walked(item, f"{path}{dot}{key}", depth + 1)
    elif isinstance(value, list):
        if depth < DEEPEST:
            for item in value:
                yield from walked(item, path, depth + 1)
    else:
        yield path, value


def comparable(value: Any) -> bool:
    match value:
        case bool():
            return True
        case str():
            return len(value) <= 1_000 and "\0" not in value
        case int():
            return -(2**63) <= value < 2**63
        case float():
            return math.isfinite(value)
    return False


def plain(value: dict[str, Any], path: str) -> Leaves:
    """Return the leaves of an object by the plainest way that there is."""
    leaves: Leaves = {}
    for place, one in walked(value, path):
        if len(leaves) == MOST_LEAVES:
            break
        held = leaves.get(place, ())
        if comparable(one) and one not in held:
            leaves[place] = (*held, one)
    return leaves


_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, 1.0, 2**63, -(2**63), 2**63 - 1, math.nan, math.inf]),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["a\0b", "x" * 1_000, "x" * 1_001]),
)
_keys = st.sampled_from(["a", "b", "a.b", "plan_name", "group", "data_groups", ""])
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner),
    max_leaves=20,
)
_objects = st.dictionaries(_keys, _values)


@given(_objects)
def test_an_object_is_flattened_as_by_a_plain_walk(value: dict[str, Any]) -> None:
    leaves: Leaves = {}
    flatten(value, "start.", leaves)
    expected = plain(value, "start.")
    # In the same order, too, and 1 is not taken for 1.0.
    assert repr([*leaves.items()]) == repr([*expected.items()])


@settings(max_examples=20)
@given(st.integers(DEEPEST - 3, DEEPEST + 3), st.booleans())
def test_what_lies_too_deep_is_left_out(depth: int, in_lists: bool) -> None:
    value: Any = "deep"
    for _ in range(depth):
        value = [value] if in_lists else {"k": value}
    leaves: Leaves = {}
    flatten({"top": value, "flat": 1}, "", leaves)
    assert leaves == plain({"top": value, "flat": 1}, "")
    assert (len(leaves) == 2) is (depth < DEEPEST)


def test_of_too_many_leaves_the_last_ones_are_kept() -> None:
    wide = {f"k{place}": [place, {"n": place}] for place in range(MOST_LEAVES)}
    leaves: Leaves = {}
    flatten(wide, "", leaves)
    assert len(leaves) == MOST_LEAVES
    assert leaves == plain(wide, "")
    assert "k0" not in leaves


@given(
    start=_objects,
    scan_id=st.none() | st.integers(),
    time=st.none() | st.floats(allow_nan=False, allow_infinity=False),
    names=st.lists(st.text(max_size=3), max_size=3, unique=True),
    flags=st.lists(st.sampled_from(["good", "bad"]), max_size=2),
)
def test_facets_and_view_are_made_of_the_leaves(
    start: dict[str, Any],
    scan_id: int | None,
    time: float | None,
    names: list[str],
    flags: list[str],
) -> None:
    run = Run(
        uid="u",
        owner="me",
        start=json.dumps(start).encode(),
        scan_id=scan_id,
        time=time,
        streams={name: Stream() for name in names},
        devices=tuple(names),
        findings=tuple(Finding(rule=name, uid="u", message="m") for name in names),
        annotations=Annotations(
            flags=tuple(
                Flag(detector=f"d{place}", value=value, author="me", at=1.0)
                for place, value in enumerate(flags)
            ),
            comments=(Comment(number=1, text="seen", author="me", at=1.0),),
        ),
    )
    found = searchable(run)
    for path, values in plain(start, "start.").items():
        assert repr(found.leaves[path]) == repr(values)
    assert found.leaves.get("scan_id", (None,)) == (
        (scan_id,) if scan_id is not None and comparable(scan_id) else (None,)
    )
    assert found.leaves.get("streams", ()) == tuple(filter(comparable, names))
    assert found.leaves["comments"] == ("seen",)
    assert found.facets == tuple(
        sorted(
            (field, str(value))
            for field in FACETS
            for value in found.leaves.get(field, ())[:20]
            if len(str(value)) <= 200
        )
    )
    assert found.view() == {
        path: values[0] if len(values) == 1 else [*values]
        for path, values in found.leaves.items()
        if path != "events"
    }
    assert [*found.view()] == [path for path in found.leaves if path != "events"]
