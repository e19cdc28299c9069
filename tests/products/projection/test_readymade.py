"""Projections that come with Quire."""

import pyarrow as pa

from quire.products.projection.facts import RunFacts, StreamFacts
from quire.products.projection.readymade import generic


def _stream(name: str) -> StreamFacts:
    return StreamFacts(name=name, columns={"x": pa.field("x", pa.float64())})


def test_primary_comes_first_for_formats_that_hold_one_stream() -> None:
    streams = {name: _stream(name) for name in ("baseline", "monitor", "primary")}
    entries = generic(RunFacts(uid="u", start={}, streams=streams)).entries
    linked = [entry.key for entry in entries if "/data" in entry.key]
    assert linked == [
        "/entry/data/x",
        "/entry/data_baseline/x",
        "/entry/data_monitor/x",
    ]
