"""`/api/v1/runs/{which}/close`: ending a run whose stop will never come."""

from collections.abc import Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.close import CloseRun
from quire.actions.lookup import By
from quire.faces.catalog.wire import full
from quire.web.body import choice, read_json
from quire.web.description import Operation, Parameter
from quire.web.gate import Gate
from quire.web.json import json_response

_BODY = 16 * 1024


class Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Why a run is to be closed, in words."""

    reason: str


class ClosingRoutes:
    """Runs closed by hand."""

    def __init__(self, close: CloseRun) -> None:
        self._close = close

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        return (
            gate.route(
                "/api/v1/runs/{which}/close",
                self.post,
                needs=Scope.RUNS_INGEST,
                methods=["POST"],
                describes=Operation(
                    query={"by": Parameter(says="What `which` is.", type=By)},
                    body=Asked,
                ),
            ),
        )

    async def post(self, request: Request, principal: Principal) -> Response:
        """Close a run: 409 if it has ended already."""
        asked = await read_json(request, Asked, _BODY)
        which, by = request.path_params["which"], choice(request, "by", By)
        run = await self._close(which, asked.reason, principal, by=by)
        return json_response(full(run))
