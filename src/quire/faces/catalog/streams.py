"""`/api/v1/runs/{which}/streams/{name}`: streams as columns."""

import asyncio
import json
from collections.abc import Generator, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.columns import ColumnViews, OpenStream
from quire.actions.lookup import By
from quire.errors import InputError
from quire.faces.catalog.streaming import begun
from quire.runs.arrow import MEDIA_TYPE, arrow_schema, ipc_stream
from quire.runs.columns.layout import DATA, TIMESTAMPS, data_keys
from quire.runs.columns.plain import lists
from quire.runs.columns.selection import Selection
from quire.runs.csv import csv_stream
from quire.web.body import choice, integer
from quire.web.description import Operation, Parameter
from quire.web.gate import Gate
from quire.web.json import json_response, plain
from quire.web.vectored import Pieces, VectoredBody

_FORMATS = ("arrow", "csv", "json")
_MEDIA = (MEDIA_TYPE, "text/csv", "application/json")
_BY = Parameter(says="How the run is named, where both could be meant", type=By)
_PART = {
    "format": Parameter(says="arrow, csv or json; else as Accept says"),
    "columns": Parameter(says="Data keys between commas, or as JSON", many=True),
    "after": Parameter(says="Only rows with a greater sequence number", type=int),
    "limit": Parameter(says="At most so many rows", type=int),
    "timestamps": Parameter(says="With the time of each value; true", type=bool),
    "uids": Parameter(says="With the event's uid and descriptor", type=bool),
    "descriptors": Parameter(says="With the event's descriptor", type=bool),
    "superseded": Parameter(says="With the rows that were rewound", type=bool),
    "assets": Parameter(says="With all data in files, or none", type=bool),
}
_WHY = b"unreadable"
# As Python's objects and as text it takes several times as much memory.
_MOST_JSON_BYTES = 256_000_000
_FLAGS = {"true": True, "1": True, "false": False, "0": False}


class StreamRoutes:
    """Streams out."""

    def __init__(self, columns: ColumnViews) -> None:
        self._columns = columns

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        stream = "/api/v1/runs/{which}/streams/{name:path}"
        by = {"by": _BY}
        told = {"exact": Parameter(says="Numbers as they came", type=bool)}
        handlers = [
            (f"{stream}/configuration", self.configuration, Operation(query=by | told)),
            (stream, self.stream, Operation(query=_PART | by, answer_types=_MEDIA)),
        ]
        return [
            gate.route(
                path, handler, needs=Scope.RUNS_READ, methods=["GET"], describes=told
            )
            for path, handler, told in handlers
        ]

    async def stream(self, request: Request, principal: Principal) -> Response:
        """Return one stream as a table: Arrow, CSV or JSON."""
        which, by = request.path_params["which"], choice(request, "by", By)
        wanted = _format(request)
        opened = await self._columns.open(
            which,
            request.path_params["name"],
            principal,
            by=by,
            selection=selection(request),
        )
        if wanted == "json":
            return json_response(await asyncio.to_thread(_as_json, opened))
        parts, media = (
            (_arrow(opened), MEDIA_TYPE)
            if wanted == "arrow"
            else (_csv(opened), "text/csv")
        )
        return VectoredBody(await begun(parts), media_type=media)

    async def configuration(self, request: Request, principal: Principal) -> Response:
        """Return what the descriptors of a stream say, one entry a descriptor."""
        which, by = request.path_params["which"], choice(request, "by", By)
        name = request.path_params["name"]
        found = await self._columns.configuration(which, name, principal, by=by)
        if flag(request, "exact"):
            # Numbers as they came are no standard JSON, but Python reads them.
            told = json.dumps({"descriptors": found.descriptors})
            return Response(told, media_type="application/json")
        return json_response({"descriptors": plain(found.descriptors)})


def selection(request: Request) -> Selection:
    """Return the part of a stream that a request's parameters name.

    Raises
    ------
    InputError
        One of them cannot be used.
    """
    return Selection(
        columns=columns(request),
        after=integer(request, "after", None, least=0, most=2**63 - 1),
        limit=integer(request, "limit", None, least=1, most=10**9),
        timestamps=flag(request, "timestamps", default=True),
        uids=flag(request, "uids"),
        descriptors=flag(request, "descriptors"),
        superseded=flag(request, "superseded"),
        assets=flag(request, "assets") if "assets" in request.query_params else None,
    )


def columns(request: Request) -> tuple[str, ...] | None:
    """Return the data keys that are named: between commas, or as a JSON list.

    Raises
    ------
    InputError
        It begins as a JSON list and is none of strings.
    """
    given = request.query_params.getlist("columns")
    names: list[str] = []
    for each in given:
        if not each.startswith("["):
            names += each.split(",")
            continue
        try:
            names += msgspec.json.decode(each, type=list[str])
        except msgspec.MsgspecError as error:
            raise InputError("columns", f"is no JSON list: {error}") from None
    return tuple(names) if given else None


def flag(request: Request, name: str, *, default: bool = False) -> bool:
    """Return a query parameter as a boolean.

    Raises
    ------
    InputError
        It is neither true nor false.
    """
    text = request.query_params.get(name)
    if text is None:
        return default
    if text not in _FLAGS:
        raise InputError(name, f"{text[:40]!r} is no boolean", "true or false")
    return _FLAGS[text]


def _format(request: Request) -> str:
    given = request.query_params.get("format")
    if given is None:
        accept = request.headers.get("accept", "")
        given = next((one for one in _FORMATS if one in accept), "json")
    if given not in _FORMATS:
        known = ", ".join(_FORMATS)
        raise InputError("format", f"{given[:40]!r} is unknown", f"one of {known}")
    return given


def _arrow(opened: OpenStream) -> Generator[Pieces, None, None]:
    schema = arrow_schema(opened.schema, opened.configuration, opened.events)
    yield from ipc_stream(schema, opened.tables())


def _csv(opened: OpenStream) -> Generator[Pieces, None, None]:
    keys, fixed = data_keys(opened.schema), _fixed(opened.schema)
    for text in csv_stream(keys, opened.tables(), fixed=fixed):
        yield [memoryview(text)]


def _fixed(schema: Any) -> list[str]:
    """Return the names of the columns that are of the event itself."""
    return [name for name in schema.names if not name.startswith((DATA, TIMESTAMPS))]


def _as_json(opened: OpenStream) -> dict[str, Any]:
    import pyarrow as pa

    # Without rows there is no table; with a schema there is an empty one all the same.
    table = pa.concat_tables([opened.schema.empty_table(), *_few(opened)])
    fixed = {
        name: plain(table.column(name).to_pylist()) for name in _fixed(table.schema)
    }
    unreadable = {
        field.name.removeprefix(DATA): field.metadata[_WHY].decode()
        for field in opened.schema
        if _WHY in (field.metadata or {})
    }
    return {
        "rows": table.num_rows,
        **fixed,
        "data": plain(lists(table)),
        "timestamps": plain(lists(table, TIMESTAMPS)),
        **({"unreadable": unreadable} if unreadable else {}),
    }


def _few(opened: OpenStream) -> Generator[Any, None, None]:
    """Yield the tables of a stream that may be held as a whole.

    Raises
    ------
    InputError
        It is larger than that.
    """
    size = 0
    for table in opened.tables():
        size += table.nbytes
        if size > _MOST_JSON_BYTES:
            fault = f"JSON is of {_MOST_JSON_BYTES:,} bytes of values at most"
            raise InputError("format", fault, "arrow, csv, or a smaller limit")
        yield table
