"""`/api/v1/runs`: listing, looking at and reading runs."""

import asyncio
from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.lookup import By, Lookup, Order
from quire.errors import InputError
from quire.faces.catalog.wire import detail, summary
from quire.runs.arrow import to_arrow_bytes
from quire.runs.csv import to_csv
from quire.runs.table import Table
from quire.web.body import choice, integer
from quire.web.gate import Gate
from quire.web.json import json_response, plain
from quire.web.paging import from_cursor, to_cursor

_PAGE = 50
_LARGEST_PAGE = 1000
_FORMATS = ("arrow", "csv", "json")


class CatalogRoutes:
    """Runs out."""

    def __init__(self, lookup: Lookup) -> None:
        self._lookup = lookup

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        one = "/api/v1/runs/{which}"
        handlers = {
            "/api/v1/runs": self.page,
            one: self.run,
            f"{one}/documents": self.documents,
            f"{one}/streams/{{name}}": self.stream,
        }
        return [
            gate.route(path, handler, needs=Scope.RUNS_READ, methods=["GET"])
            for path, handler in handlers.items()
        ]

    async def page(self, request: Request, principal: Principal) -> Response:
        """Return runs, newest first."""
        limit = integer(request, "limit", _PAGE, least=1, most=_LARGEST_PAGE) or _PAGE
        cursor = request.query_params.get("cursor")
        before = from_cursor(cursor, tuple[float | None, str])
        runs = await self._lookup.newest(principal, limit=limit + 1, before=before)
        shown = runs[:limit]
        more = len(runs) > limit
        following = to_cursor((shown[-1].time, shown[-1].uid)) if more else None
        return json_response({"runs": list(map(summary, shown)), "next": following})

    async def run(self, request: Request, principal: Principal) -> Response:
        """Return one run."""
        which, by = _which(request)
        return json_response(detail(await self._lookup.run(which, principal, by=by)))

    async def documents(self, request: Request, principal: Principal) -> Response:
        """Return a run's documents as NDJSON, in their own bytes."""
        which, by = _which(request)
        order = choice(request, "order", Order) or Order.REPLAY
        documents = await self._lookup.documents(which, principal, by=by, order=order)
        # A line break can only stand between JSON's tokens, where a space does.
        lines = (
            b'["%b",%b]\n'
            % (one.name.encode(), one.raw.replace(b"\n", b" ").replace(b"\r", b" "))
            for one in documents
        )
        return Response(b"".join(lines), media_type="application/x-ndjson")

    async def stream(self, request: Request, principal: Principal) -> Response:
        """Return one stream as a table."""
        which, by = _which(request)
        name = request.path_params["name"]
        wanted = _format(request)
        after = integer(request, "after", None, least=0, most=2**63 - 1)
        limit = integer(request, "limit", None, least=1, most=10**9)
        table = await self._lookup.table(which, name, principal, by=by)
        columns = request.query_params.get("columns")
        names = columns.split(",") if columns is not None else None
        table = table.part(after=after, limit=limit, columns=names)
        return await asyncio.to_thread(_rendered, table, wanted)


def _which(request: Request) -> tuple[str, By | None]:
    return request.path_params["which"], choice(request, "by", By)


def _format(request: Request) -> str:
    given = request.query_params.get("format")
    if given is None:
        accept = request.headers.get("accept", "")
        given = next((one for one in _FORMATS if one in accept), "json")
    if given not in _FORMATS:
        known = ", ".join(_FORMATS)
        raise InputError("format", f"{given[:40]!r} is unknown", f"one of {known}")
    return given


def _rendered(table: Table, wanted: str) -> Response:
    match wanted:
        case "arrow":
            return Response(
                to_arrow_bytes(table),
                media_type="application/vnd.apache.arrow.stream",
            )
        case "csv":
            return Response(to_csv(table), media_type="text/csv")
        case _:
            return json_response(
                {
                    "rows": len(table.seq_num),
                    "seq_num": table.seq_num,
                    "time": table.time,
                    "data": plain(table.data),
                    "timestamps": plain(table.timestamps),
                }
            )
