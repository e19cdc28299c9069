"""`/api/v1/indexes`: what an operator has indexed."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.indexes import Indexes
from quire.web.gate import Gate
from quire.web.json import json_response


class IndexRoutes:
    """Indexes added, listed and dropped."""

    def __init__(self, indexes: Indexes) -> None:
        self._indexes = indexes

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        every, one, admin = (
            "/api/v1/indexes",
            "/api/v1/indexes/{field}",
            Scope.ADMIN_ALL,
        )
        return [
            gate.route(every, self.all, needs=Scope.RUNS_READ, methods=["GET"]),
            gate.route(one, self.add, needs=admin, methods=["PUT"]),
            gate.route(one, self.remove, needs=admin, methods=["DELETE"]),
        ]

    async def all(self, _: Request, __: Principal) -> Response:
        """Return the indexes, and whether searches use them already."""
        return json_response({"indexes": await self._indexes.listed()})

    async def add(self, request: Request, principal: Principal) -> Response:
        """Have a field indexed for ranges and patterns."""
        field = request.path_params["field"]
        made = await self._indexes.add(field, principal)
        return json_response({"field": field, "path": made.path, "ready": made.ready})

    async def remove(self, request: Request, principal: Principal) -> Response:
        """Drop the index of a field."""
        await self._indexes.remove(request.path_params["field"], principal)
        return Response(status_code=204)
