from collections.abc import Iterator, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quire.products.projection.arrays import has_inner_gaps, packed, unpacked
from quire.products.projection.builtin import built_in
from quire.products.projection.calculating import DirectCalculator
from quire.products.projection.entries import read_projection
from quire.products.projection.executing import Execution, rebatched
from quire.products.projection.facts import RunFacts, StreamFacts
from quire.products.projection.functions import Function, Works
from quire.products.projection.resolving import resolve

NUMBER = st.none() | st.floats(allow_nan=False)
CUTS = st.lists(st.integers(1, 7), min_size=1, max_size=6)


@settings(deadline=None)  # the first one loads libraries
@given(st.lists(NUMBER, max_size=20))
def test_numbers_and_gaps_survive_numpy(values: list[float | None]) -> None:
    found, missing = unpacked(pa.array(values, pa.float64()))
    assert packed(found, missing).to_pylist() == values


@given(st.lists(st.none() | st.lists(st.integers(-9, 9), min_size=6, max_size=6)))
def test_arrays_and_gaps_survive_numpy(values: list[list[int] | None]) -> None:
    kind = pa.list_(pa.list_(pa.int64(), 3), 2)
    nested: list[Any] = [one and [one[:3], one[3:]] for one in values]
    array = pa.array(nested, kind)
    found, missing = unpacked(array)
    assert found.shape == (len(values), 2, 3)
    assert packed(found, missing).to_pylist() == nested
    assert not has_inner_gaps(array)


@given(CUTS, st.integers(1, 4))
def test_blocks_do_not_tell_how_rows_came(cuts: Sequence[int], skipped: int) -> None:
    table = pa.table({"seq_num": np.arange(sum(cuts) + skipped)}).slice(skipped)
    places = np.cumsum([0, *cuts])
    parts = [table.slice(a, b - a) for a, b in pairwise(places)]
    blocks = list(rebatched(parts))
    assert len(blocks) == 1
    assert (
        blocks[0].column("seq_num").to_pylist() == table.column("seq_num").to_pylist()
    )


class Rows:
    """Some rows of a stream, in blocks as they are wanted."""

    def __init__(self, **columns: Any) -> None:
        arrays = {f"data/{key}": pa.array(one) for key, one in columns.items()}
        (count,) = {len(one) for one in arrays.values()}
        fixed = {"seq_num": np.arange(count), "time": np.arange(count) + 0.5}
        self.table = pa.table({**fixed, **arrays})
        fields = {key: self.table.schema.field(f"data/{key}") for key in columns}
        stream = StreamFacts(name="s", rows=count, columns=fields)
        self.facts = RunFacts(uid="u", start={}, stop={}, streams={"s": stream})

    def read(self, _: str, fields: tuple[str, ...]) -> Iterator[Any]:
        names = ["seq_num", "time", *(f"data/{one}" for one in fields)]
        yield self.table.select(names)

    def project(self, registry: dict[str, Function], **entries: Any) -> Execution:
        projection = read_projection({"projection": entries})
        resolved = resolve([projection], self.facts, registry)
        return Execution(resolved, self.read, DirectCalculator(registry))


def calculated(name: str, *args: Any, field: str = "a") -> dict[str, Any]:
    call = {"callable": name, "args": list(args), "kwargs": {}}
    place = {"stream": "s", "field": field}
    return {"type": "calculated", "location": "event", **place, "calculation": call}


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=50), st.integers(1, 9))
def test_statistics_are_those_of_all_rows_at_once(
    values: list[float], step: int
) -> None:
    whole = np.array(values)
    for name in ("mean", "sum", "min", "max", "std", "var", "count"):
        fold = built_in()[f"stats:{name}"].call()
        for begin in range(0, len(whole), step):
            fold.feed(whole[begin : begin + step])
        wanted = len(whole) if name == "count" else getattr(np, name)(whole)
        assert fold.result() == pytest.approx(wanted, rel=1e-6, abs=1e-6)


def test_gaps_stay_gaps_and_are_left_out_of_statistics() -> None:
    rows = Rows(a=[1.0, None, 3.0], b=[1, 2, None])
    made = rows.project(
        built_in(),
        sum=calculated("numpy:add", "a", "b"),
        mean=calculated("stats:mean"),
        count=calculated("stats:count"),
        each=calculated("frame:mean"),
    )
    variables = {one.key: one for one in made.variables()}
    (block,) = made.blocks("s")
    assert block.columns["sum"].to_pylist() == [2.0, None, None]
    assert block.columns["each"].to_pylist() == [1.0, None, 3.0]
    assert set(variables) == {"sum", "each"}
    assert {one.key: one.value for one in made.results()} == {"mean": 2.0, "count": 2}


def test_a_gap_in_an_array_of_integers_is_never_taken_for_zero() -> None:
    pairs = pa.array([[1, None], [3, 4]], pa.list_(pa.int64(), 2))
    rows = Rows(a=pairs, b=pairs.cast(pa.list_(pa.float64(), 2)))
    made = rows.project(
        built_in(),
        sum=calculated("stats:sum"),
        each=calculated("frame:sum"),
        known=calculated("frame:sum", field="b"),
    )
    made.variables()
    (block,) = made.blocks("s")
    assert {key: one.code for key, one in made.outcomes.items() if one.code} == {
        "sum": "bad_arguments",
        "each": "bad_arguments",
    }
    assert str(block.columns["known"].to_pylist()) == "[nan, 7.0]"


def test_images_are_scaled_by_a_number_an_event() -> None:
    images = np.arange(12.0).reshape(2, 2, 3)
    rows = Rows(a=packed(images), b=[1.0, 10.0])
    made = rows.project(
        built_in(),
        scaled=calculated("numpy:multiply", "a", "b"),
        half=calculated("numpy:divide", "a", 2),
        frame=calculated("frame:sum"),
        picture=calculated("stats:sum"),
    )
    made.variables()
    (block,) = made.blocks("s")
    scaled = unpacked(block.columns["scaled"])[0]
    assert np.array_equal(scaled, images * np.array([1, 10]).reshape(2, 1, 1))
    assert np.array_equal(unpacked(block.columns["half"])[0], images / 2)
    assert block.columns["frame"].to_pylist() == [15.0, 51.0]
    (picture,) = made.results()
    assert np.array_equal(picture.value, images.sum(axis=0))


def test_a_function_of_all_rows_gets_them_at_once() -> None:
    def ranks(values: Any) -> Any:
        return values.argsort().argsort()

    registry = {"r": Function(name="r", call=ranks, works=Works.WHOLE)}
    made = Rows(a=[3.0, 1.0, 2.0]).project(registry, k=calculated("r"))
    made.variables()
    (block,) = made.blocks("s")
    assert block.columns["k"].to_pylist() == [2, 0, 1]


def test_a_function_that_gives_other_rows_is_an_issue() -> None:
    registry = {"r": Function(name="r", call=lambda values: values[:1])}
    made = Rows(a=[3.0, 1.0]).project(registry, k=calculated("r"))
    assert made.variables() == ()
    assert made.outcomes["k"].code == "callable_failed"
