"""`/api/v1/inlets`: how each stands, and what it could not store."""

import base64
from collections.abc import Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.inlet import Inlets
from quire.ports.inlet_records import SetAside
from quire.web.body import integer
from quire.web.description import Operation, Parameter
from quire.web.gate import Gate
from quire.web.json import json_response

_MOST = 1000
_LARGEST = 2**62
_ASIDE = {
    "after": Parameter(says="How many to leave out.", type=int),
    "limit": Parameter(says="How many at most.", type=int),
}


class InletRoutes:
    """The inlets, for administrators: they show documents of everybody."""

    def __init__(self, inlets: Inlets) -> None:
        self._inlets = inlets

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        needs = Scope.ADMIN_ALL
        every, aside = "/api/v1/inlets", "/api/v1/inlets/{name}/aside"
        return (
            gate.route(every, self.get, needs=needs, methods=["GET"]),
            gate.route(
                aside,
                self.aside,
                needs=needs,
                methods=["GET"],
                describes=Operation(query=_ASIDE),
            ),
        )

    async def get(self, _: Request, __: Principal) -> Response:
        """Return how each inlet stands."""
        return json_response({"inlets": await self._inlets.states()})

    async def aside(self, request: Request, _: Principal) -> Response:
        """Return what an inlet set aside; `raw` is text where it is UTF-8."""
        after = integer(request, "after", 0, least=0, most=_LARGEST) or 0
        limit = integer(request, "limit", 100, least=1, most=_MOST) or 1
        name = request.path_params["name"]
        items = await self._inlets.aside(name, after, limit)
        return json_response({"items": list(map(_aside_json, items))})


def _aside_json(item: SetAside) -> dict[str, Any]:
    shown: dict[str, Any] = msgspec.structs.asdict(item)
    raw = shown.pop("raw")
    try:
        return {**shown, "raw": raw.decode()}
    except UnicodeDecodeError:
        return {**shown, "raw_base64": base64.b64encode(raw).decode()}
