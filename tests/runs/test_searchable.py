"""What a run is searched by: the same as a plain walk over all that it holds."""

import json
import math
from collections.abc import Iterator
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from quire.runs import leaves as gathering
from quire.runs.annotations import Annotations, Comment, Flag
from quire.runs.leaves import DEEPEST, MOST_LEAVES, Gathering, Leaves
from quire.runs.query.evaluate import type_of
from quire.runs.run import Finding, Run, Stream
from quire.runs.searchable import FACETS, facet_value, searchable

LONGEST = 65_536


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
            return len(value) <= LONGEST and "\0" not in value
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
        alike = [
            each for each in held if isinstance(each, bool) is isinstance(one, bool)
        ]
        if comparable(one) and one not in alike:
            leaves[place] = (*held, one)
    return leaves


_scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from([0, 1, 1.0, 2**63, -(2**63), 2**63 - 1, math.nan, math.inf]),
    st.integers(),
    st.floats(),
    st.text(max_size=5),
    st.sampled_from(["a\0b", "x" * 1_001, "x" * LONGEST, "x" * (LONGEST + 1)]),
)
_keys = st.sampled_from(["a", "b", "a.b", "plan_name", "group", "data_groups", ""])
_values = st.recursive(
    _scalars,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(_keys, inner),
    max_leaves=20,
)
_objects = st.dictionaries(_keys, _values)


def gathered(value: dict[str, Any], path: str) -> Leaves:
    found = Gathering()
    found.add_object(value, path)
    return found.leaves()


def taken(leaves: Leaves) -> Leaves:
    return {path: held for path, held in leaves.items() if path != "unsearched"}


def left_out(value: dict[str, Any], path: str) -> set[str]:
    return {
        place
        for place, one in walked(value, path)
        if one is not None and not comparable(one)
    }


@given(_objects)
def test_an_object_is_flattened_as_by_a_plain_walk(value: dict[str, Any]) -> None:
    leaves = taken(gathered(value, "start."))
    expected = plain(value, "start.")
    # In the same order, too, and 1 is not taken for 1.0.
    assert repr([*leaves.items()]) == repr([*expected.items()])


@settings(max_examples=20)
@given(st.integers(DEEPEST - 3, DEEPEST + 3), st.booleans())
def test_what_lies_too_deep_is_left_out(depth: int, in_lists: bool) -> None:
    value: Any = "deep"
    for _ in range(depth):
        value = [value] if in_lists else {"k": value}
    leaves = gathered({"top": value, "flat": 1}, "")
    assert taken(leaves) == plain({"top": value, "flat": 1}, "")
    assert (len(taken(leaves)) == 2) is (depth < DEEPEST)
    assert ("unsearched" in leaves) is (depth >= DEEPEST)


def test_of_too_many_leaves_the_last_ones_are_kept() -> None:
    wide = {f"k{place}": [place, {"n": place}] for place in range(MOST_LEAVES)}
    leaves = gathered(wide, "")
    assert len(taken(leaves)) == MOST_LEAVES
    assert taken(leaves) == plain(wide, "")
    assert "k0" not in leaves
    assert len(leaves["unsearched"]) > 0


@given(_objects)
def test_fields_of_which_a_value_is_left_out_are_named(value: dict[str, Any]) -> None:
    named = gathered(value, "start.").get("unsearched", ())
    assert {*named} == left_out(value, "start.")


def test_so_many_fields_are_named_and_each_is_cut() -> None:
    odd = {f"{place}\0{'x' * 300}": math.nan for place in range(200)}
    named = gathered(odd, "")["unsearched"]
    assert named[0] == "199" + "x" * 196
    assert (len(named), {len(str(name)) for name in named}) == (100, {199})


def test_a_run_is_found_by_all_that_its_record_says() -> None:
    bad = Flag(detector="DCH", value="bad", cause="trip")
    good = Flag(detector="PXD", value="good")
    run = Run(
        uid="u",
        owner="me",
        time=5.0,
        stop_time=7.5,
        plan_name="scan",
        scan_id=3,
        stop_uid="s",
        exit_status="success",
        reason="done",
        products=("p",),
        annotations=Annotations(flags=(bad, good), lists=("good@1",)),
    )
    assert searchable(run).leaves == {
        "duration": (2.5,),
        "products": ("p",),
        "events": (0,),
        "reason": ("done",),
        "exit_status": ("success",),
        "stop_time": (7.5,),
        "time": (5.0,),
        "plan_name": ("scan",),
        "scan_id": (3,),
        "sign_off": ("open",),
        "status": ("success",),
        "owner": ("me",),
        "uid": ("u",),
        "quality_expert.DCH": ("bad",),
        "quality_expert.PXD": ("good",),
        "flag.DCH": ("bad",),
        "flag.PXD": ("good",),
        "flag_cause.DCH": ("trip",),
        "run_lists": ("good@1",),
    }
    assert "reason" not in searchable(Run(uid="u", owner="me")).leaves


def test_facility_fields_are_found_by_their_names_however_deep() -> None:
    start = {
        "run_type": ["physics", "cosmic"],
        "run": [1, 2],
        "statistics": {"lumi": {"recorded": 5.0}, "run_length": 60},
        "hlt": {"tags": ["a", "b"], "menu": {"version": 3}, "set": [1]},
    }
    said = Annotations(version=1, fields={"hlt.set": 2})
    run = Run(uid="u", owner="me", start=json.dumps(start).encode(), annotations=said)
    leaves = searchable(run).leaves
    assert leaves["statistics.lumi.recorded"] == (5.0,)
    assert (leaves["run_type"], leaves.get("run")) == (("physics", "cosmic"), None)
    assert leaves["statistics.run_length"] == (60,)
    assert leaves["hlt.tags"] == ("a", "b")
    assert leaves["hlt.menu.version"] == (3,)
    assert (leaves["hlt.set"], leaves["start.hlt.set"]) == ((2,), (1,))


@given(
    group=st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=3)
    | st.sampled_from(["\x1f", "\x1f1", "7"])
)
def test_a_counter_is_of_the_very_value(group: float | str) -> None:
    start = json.dumps({"uid": "u", "group": group}).encode()
    found = searchable(Run(uid="u", owner="me", start=start))
    counted = dict(found.facets).get("start.group")
    if isinstance(group, str) and "\0" in group:
        assert counted is None
        return
    assert counted is not None
    value = facet_value(counted)
    assert (type_of(value), value) == (type_of(group), group)


def test_one_number_has_one_counter() -> None:
    def counted(group: str | float) -> tuple[tuple[str, str], ...]:
        start = json.dumps({"uid": "u", "group": group}).encode()
        return searchable(Run(uid="u", owner="me", start=start)).facets

    assert counted(7) == counted(7.0)
    assert len({counted(one) for one in (1, "1", True, "True", "\x1f1")}) == 5


def test_true_is_another_value_than_1() -> None:
    args = gathered({"args": ["m", 1, 1.0, True, 0, False, True, 1]}, "")["args"]
    assert repr(args) == repr(("m", 1, True, 0, False))


def test_long_texts_are_searched_word_by_word_and_as_a_whole() -> None:
    notes = "word " * 10_000 + "platypus"
    start = json.dumps({"notes": notes, "too_long": "y " * LONGEST}).encode()
    found = searchable(Run(uid="u", owner="me", start=start))
    assert found.leaves["start.notes"] == (notes,)
    assert "platypus" in found.words()
    assert found.leaves["unsearched"] == ("start.too_long",)


def test_of_all_long_texts_of_a_run_so_much_is_taken() -> None:
    texts = {f"t{place}": f"{place}" * LONGEST for place in range(10)}
    most = gathering.MOST_LONG_TEXT // LONGEST
    twice = gathered({"a": texts, "b": texts}, "")
    assert len(taken(twice)) == most
    assert len(twice["unsearched"]) == 20 - most


def test_long_lists_are_taken_in_a_time_that_grows_with_their_length_alone() -> None:
    far = gathering.MOST_FURTHER * 20  # each value compared with each takes hours
    start = {"at": [*range(far)], "of": [{"x": place} for place in range(far)]}
    leaves = gathered(start, "start.")
    assert len(leaves["start.of.x"]) == gathering.MOST_FURTHER + 1
    assert {*leaves["unsearched"]} == {"start.of.x", "start.of", "start.at"}
    assert "start.at" not in leaves


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
    named = set(found.leaves.get("unsearched", ()))
    assert named >= left_out(start, "start.")
    assert found.leaves.get("scan_id", (None,)) == (
        (scan_id,) if scan_id is not None and comparable(scan_id) else (None,)
    )
    assert found.leaves.get("streams", ()) == tuple(filter(comparable, names))
    assert found.leaves["comments"] == ("seen",)
    assert [*found.facets] == sorted(found.facets)
    assert {(field, facet_value(value)) for field, value in found.facets} == {
        (field, value)
        for field in FACETS
        for value in found.leaves.get(field, ())[:500]
        if len(str(value)) <= 500
    }
    assert found.view() == {
        path: values[0] if len(values) == 1 else [*values]
        for path, values in found.leaves.items()
        if path != "events"
    }
    assert [*found.view()] == [path for path in found.leaves if path != "events"]
