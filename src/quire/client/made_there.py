"""Entries of a projection that only the server can make: read from a product of it."""

import io
import json
from typing import Any

from quire.client.connection import Connection
from quire.client.errors import JobFailed
from quire.client.progress import Listener
from quire.client.variables import alone, told_of, variable
from quire.errors import QuireError
from quire.products.projection.contents import Variable

_JOBS = "/api/v1/jobs"
_SECONDS = 600.0
_MOST_BYTES = 8 * 1024**3
_VALUES = b"quire.values"
_TIME = "time"


def with_values_of_product(
    connection: Connection, dataset: Any, name: str, keys: frozenset[str]
) -> Any:
    """Return a dataset with what the server makes of some entries.

    What the server cannot make either, or may not for this user, stays an issue.

    Parameters
    ----------
    dataset
        The others, as ``xarray.Dataset``.
    name
        Of the projection, as it was asked for.
    """
    if not keys:
        return dataset
    try:
        table = _product(connection, dataset.attrs["run"], name)
    except (QuireError, TimeoutError) as problem:
        words = [f"not made on the server either: {problem}"]
        return dataset.assign_attrs(issues=[*dataset.attrs["issues"], *words])
    made = {**_columns(dataset, table, keys), **_values(table, keys)}
    left = [
        words
        for words in dataset.attrs["issues"]
        if words.partition(": ")[0] not in made
    ]
    return dataset.assign(made).assign_attrs(issues=left)


def _product(connection: Connection, run: str, name: str) -> Any:
    import pyarrow.parquet as pq

    given = {"RUN": [run], "PROJECTION": name, "FORMAT": "parquet"}
    body = {"kind": "project", "parameters": given, "run": True}
    job = connection.post(_JOBS, body)["id"]
    with Connection(*connection.given) as listening:
        for _ in Listener(listening, job).events(_SECONDS):
            pass
    behind = connection.get(f"{_JOBS}/{job}")
    if not behind.get("product"):
        raise JobFailed(job, behind["phase"], "it made no product")
    told = connection.get(f"/api/v1/products/{behind['product']}")
    whole = connection.get_bytes(told["links"]["file"], most=_MOST_BYTES)
    return pq.read_table(io.BytesIO(whole or b""))


def _columns(dataset: Any, table: Any, keys: frozenset[str]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for field in table.schema:
        if field.name not in keys:
            continue
        told = {k.decode(): one.decode() for k, one in (field.metadata or {}).items()}
        about = Variable(
            key=field.name,
            stream=told.get("stream", ""),
            type=field.type,
            units=told.get("units", ""),
            encoding=told.get("encoding", ""),
            attributes={k: one for k, one in told.items() if k.startswith("callable")},
        )
        along = _along(dataset, table, about.stream)
        made[field.name] = variable(about, table.column(field.name), along)
        if along not in dataset.dims:
            number = along.replace(_TIME, "seq_num", 1)
            made[along] = (along, table.column(_TIME).to_numpy())
            made[number] = (along, table.column("seq_num").to_numpy())
    return made


def _along(dataset: Any, table: Any, stream: str) -> str:
    """Return the dimension of a stream: that of the dataset's first, if it is this."""
    own = f"{_TIME}_{stream}"
    if own in dataset.dims or _TIME not in dataset.dims:
        return own if own in dataset.dims else _TIME
    same = dataset[_TIME].size == table.num_rows and bool(
        (dataset[_TIME].to_numpy() == table.column(_TIME).to_numpy()).all()
    )
    return _TIME if same else own


def _values(table: Any, keys: frozenset[str]) -> dict[str, Any]:
    told = json.loads((table.schema.metadata or {}).get(_VALUES, b"{}"))
    made = {}
    for key, one in told.items():
        if key in keys:
            more = {k: each for k, each in one.items() if k.startswith("callable")}
            made[key] = ((), alone(one["value"]), told_of(one.get("units", ""), more))
    return made
