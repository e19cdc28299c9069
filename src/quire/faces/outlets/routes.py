"""`/api/v1/outlets`: how each stands, trying again, doing without."""

from collections.abc import Sequence

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.forward import Forward
from quire.web.body import read_json
from quire.web.gate import Gate
from quire.web.json import json_response

_BODY = 64 * 1024


class RetryRequest(msgspec.Struct, frozen=True, kw_only=True):
    """What to send again; without a run all that failed."""

    run: str | None = None


class SkipRequest(msgspec.Struct, frozen=True, kw_only=True):
    """Whose failed document to do without, and why."""

    run: str
    reason: str


class OutletRoutes:
    """The outlets, for administrators: they show runs of everybody."""

    def __init__(self, forward: Forward) -> None:
        self._forward = forward

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        needs = Scope.ADMIN_ALL
        every, one = "/api/v1/outlets", "/api/v1/outlets/{name}"
        return (
            gate.route(every, self.get, needs=needs, methods=["GET"]),
            gate.route(f"{one}/retry", self.retry, needs=needs, methods=["POST"]),
            gate.route(f"{one}/skip", self.skip, needs=needs, methods=["POST"]),
        )

    async def get(self, _: Request, __: Principal) -> Response:
        """Return how each outlet stands."""
        return json_response({"outlets": await self._forward.listed()})

    async def retry(self, request: Request, _: Principal) -> Response:
        """Send again what could not be sent, now."""
        wanted = await read_json(request, RetryRequest, _BODY)
        name = request.path_params["name"]
        return json_response(await self._forward.retry(name, wanted.run))

    async def skip(self, request: Request, principal: Principal) -> Response:
        """Do without what could not be sent of a run."""
        wanted = await read_json(request, SkipRequest, _BODY)
        name = request.path_params["name"]
        status = await self._forward.skip(name, wanted.run, wanted.reason, principal)
        return json_response(status)
