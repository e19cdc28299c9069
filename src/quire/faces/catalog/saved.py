"""`/api/v1/queries`: saved queries, used as ``@name`` in searches."""

from collections.abc import Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.saved_queries import QueryDraft, SavedQueries
from quire.faces.catalog.taking import taking
from quire.runs.saved_query import SavedQuery
from quire.web.body import integer, read_json
from quire.web.description import Operation, Parameter
from quire.web.gate import Gate
from quire.web.json import json_response
from quire.web.paging import from_cursor, to_cursor

_BODY = 64 * 1024
_PAGE = 100
_LARGEST_PAGE = 1000
_VERSIONS = 100
_OWNER = Parameter(says="Whose; else one's own, else the shared one.")
_LIMIT = Parameter(says="How many at most.", type=int)
_CURSOR = Parameter(says="`next` of the page before.")


class _Place(msgspec.Struct, frozen=True, kw_only=True, array_like=True):
    """Where a page ended."""

    name: str = ""
    owner: str = ""


class SavedQueryRoutes:
    """Saved queries."""

    def __init__(self, queries: SavedQueries) -> None:
        self._queries = queries

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        every, one = "/api/v1/queries", "/api/v1/queries/{name}"
        read, change = Scope.RUNS_READ, Scope.RUNS_ANNOTATE
        whose = Operation(query={"owner": _OWNER})
        return (
            gate.route(
                every,
                taking(self.listed, "limit", "cursor"),
                needs=read,
                methods=["GET"],
                describes=Operation(query={"limit": _LIMIT, "cursor": _CURSOR}),
            ),
            gate.route(
                one,
                taking(self.get, "owner"),
                needs=read,
                methods=["GET"],
                describes=whose,
            ),
            gate.route(
                f"{one}/versions",
                taking(self.versions, "owner"),
                needs=read,
                methods=["GET"],
                describes=whose,
            ),
            gate.route(
                one,
                taking(self.put),
                needs=change,
                methods=["PUT"],
                describes=Operation(
                    body=QueryDraft, answers={200: SavedQuery, 201: SavedQuery}
                ),
            ),
            gate.route(
                one,
                taking(self.delete, "owner"),
                needs=change,
                methods=["DELETE"],
                describes=Operation(query={"owner": _OWNER}, answers={204: None}),
            ),
        )

    async def listed(self, request: Request, principal: Principal) -> Response:
        """Return the saved queries that one may see, by name."""
        limit = integer(request, "limit", _PAGE, least=1, most=_LARGEST_PAGE) or _PAGE
        place = from_cursor(request.query_params.get("cursor"), _Place) or _Place()
        found = await self._queries.listed(
            principal, behind=(place.name, place.owner), limit=limit + 1
        )
        following = None
        if len(found) > limit:
            last = found[limit - 1]
            following = to_cursor(_Place(name=last.name, owner=last.owner))
        shown = [_shown(one) for one in found[:limit]]
        return json_response({"queries": shown, "next": following})

    async def get(self, request: Request, principal: Principal) -> Response:
        """Return a saved query."""
        name, owner = _named(request)
        return json_response(
            _shown(await self._queries.get(name, principal, owner=owner))
        )

    async def versions(self, request: Request, principal: Principal) -> Response:
        """Return the versions of a saved query, newest first."""
        name, owner = _named(request)
        found = await self._queries.versions(
            name, principal, owner=owner, limit=_VERSIONS
        )
        return json_response({"versions": [_shown(one) for one in found]})

    async def put(self, request: Request, principal: Principal) -> Response:
        """Save a query under a name of one's own."""
        draft = await read_json(request, QueryDraft, _BODY)
        saved = await self._queries.save(request.path_params["name"], draft, principal)
        status = HTTPStatus.CREATED if saved.version == 1 else HTTPStatus.OK
        return json_response(_shown(saved), status)

    async def delete(self, request: Request, principal: Principal) -> Response:
        """Take a saved query away; its versions are kept."""
        name, owner = _named(request)
        await self._queries.delete(name, principal, owner=owner)
        return Response(status_code=HTTPStatus.NO_CONTENT)


def _named(request: Request) -> tuple[str, str | None]:
    return request.path_params["name"], request.query_params.get("owner")


def _shown(query: SavedQuery) -> dict[str, Any]:
    return {
        "name": query.name,
        "owner": query.owner,
        "query": query.query,
        "visibility": query.visibility,
        "description": query.description,
        "version": query.version,
        "at": query.at,
        "deleted": query.deleted,
    }
