"""`/api/v1/documents` and the leases of runs."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.ingest import Ingest
from quire.errors import NotFound
from quire.web.body import read_body
from quire.web.gate import Gate
from quire.web.json import json_response


class DocumentRoutes:
    """Documents in."""

    def __init__(self, ingest: Ingest, *, body_limit: int) -> None:
        self._ingest = ingest
        self._body_limit = body_limit

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        needs = Scope.RUNS_INGEST
        lease = "/api/v1/runs/{uid}/lease"
        return (
            gate.route("/api/v1/documents", self.post, needs=needs, methods=["POST"]),
            gate.route(lease, self.put_lease, needs=needs, methods=["PUT"]),
        )

    async def post(self, request: Request, principal: Principal) -> Response:
        """Store documents: 200 if any was accepted or repeated, else 409 or 422."""
        body = await read_body(request, self._body_limit)
        media_type = request.headers.get("content-type", "")
        receipt = await self._ingest(body, media_type, principal)
        if receipt.accepted or receipt.repeated or not receipt.refused:
            return json_response(receipt)
        return json_response(receipt, 409 if receipt.conflicts else 422)

    async def put_lease(self, request: Request, principal: Principal) -> Response:
        """Take the heartbeat of a run's writer."""
        uid = request.path_params["uid"]
        if not await self._ingest.renew(uid, principal):
            raise NotFound("run", uid)
        return Response(status_code=204)
