"""A run's projection as a dataset: the same values as the product's file."""

from collections.abc import Mapping
from typing import Any

from quire.client.connection import Connection
from quire.client.made_there import with_values_of_product
from quire.client.run_reader import RunOverHttp
from quire.client.site import site_of
from quire.client.variables import alone, told_of, variable
from quire.errors import NotFound
from quire.products.projection.builtin import built_in
from quire.products.projection.calculating import DirectCalculator
from quire.products.projection.choosing import chosen
from quire.products.projection.contents import Outcome
from quire.products.projection.executing import EntryLost, Execution
from quire.products.projection.facts import RunFacts
from quire.products.projection.functions import Function
from quire.products.projection.resolving import Resolved, resolve

_DIMENSION = "time"
_UNKNOWN = "unknown_callable"


def projected(
    connection: Connection,
    uid: str,
    name: str = "",
    *,
    functions: Mapping[str, Function] | None = None,
) -> Any:
    """Return a run's projection as an ``xarray.Dataset``.

    Parameters
    ----------
    name
        Of the projection; empty for the only one, ``*`` for all of them.
    functions
        What calculated entries may call, beside the built-in ones. They run in this
        process.

    What neither has, but the server's site, is worked out there, in a job.

    Returns
    -------
    xarray.Dataset
        A variable an entry, named by its key: along ``time`` those of the first
        stream, along ``time_<stream>`` those of others; values of their own without a
        dimension. ``attrs["issues"]`` tells of the entries that could not be made.

    Raises
    ------
    NotFound, Ambiguous
        The run has no such projection, or several and none was named.
    """
    reader = RunOverHttp(connection, uid)
    facts, streams = reader.run()
    try:
        facts, projections = chosen(facts, streams, name, reader.stream)
    except NotFound:
        own = site_of(connection).projections
        facts, projections = chosen(facts, streams, name, reader.stream, own)
    registry = {**built_in(), **(functions or {})}
    prefixed = len(projections) > 1
    resolved = resolve(projections, facts, registry, prefixed=prefixed)
    dataset = _executed(reader, facts, resolved, registry)
    if _UNKNOWN not in {one.code for one in resolved.outcomes.values()}:
        return dataset
    known = site_of(connection).functions
    there = resolve(projections, facts, known, prefixed=prefixed).made
    missing = frozenset(there.keys() - resolved.made.keys())
    return with_values_of_product(connection, dataset, name, missing)


def _executed(
    reader: RunOverHttp,
    facts: RunFacts,
    resolved: Resolved,
    registry: Mapping[str, Function],
) -> Any:
    lost: list[EntryLost] = []
    while True:
        execution = Execution(
            resolved,
            lambda stream, fields: reader.rows(
                stream, fields, facts.streams[stream].rows
            ),
            DirectCalculator(registry),
        )
        for one in lost:
            execution.drop(one.key, one.code, one.reason)
        try:
            return _dataset(execution, facts)
        except EntryLost as problem:
            lost.append(problem)


def _dataset(execution: Execution, facts: RunFacts) -> Any:
    import pyarrow as pa
    import xarray

    variables = {one.key: one for one in execution.variables()}
    made: dict[str, Any] = {}
    coordinates: dict[str, Any] = {}
    for place, stream in enumerate(execution.streams):
        suffix = f"_{stream}" if place else ""
        blocks = list(execution.blocks(stream))
        along = _DIMENSION + suffix
        for name in ("time", "seq_num"):
            rows = [getattr(block, name).tolist() for block in blocks]
            whole = [one for each in rows for one in each]
            dtype = "f8" if name == "time" else "i8"
            coordinates[name + suffix] = (along, _numbers(whole, dtype))
        for key, about in variables.items():
            if about.stream == stream:
                parts = [block.columns[key] for block in blocks]
                column = pa.chunked_array(parts, about.type)
                made[key] = variable(about, column, along)
    for one in (*execution.scalars(), *execution.results()):
        made[one.key] = ((), alone(one.value), told_of(one.units, one.attributes))
    issues = [_in_words(one) for one in execution.outcomes.values() if one.code]
    told = {"run": facts.uid, "complete": int(not facts.partial), "issues": issues}
    return xarray.Dataset(made, coords=coordinates, attrs=told)


def _numbers(values: list[Any], dtype: str) -> Any:
    import numpy as np

    return np.array(values, dtype)


def _in_words(one: Outcome) -> str:
    return f"{one.key}: {one.code}: {one.issue}"
