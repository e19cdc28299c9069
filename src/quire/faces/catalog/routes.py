"""`/api/v1/runs`: listing, looking at and reading runs."""

import asyncio
from collections.abc import Sequence
from functools import partial

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.lookup import By, Lookup
from quire.faces.catalog.streams import flag
from quire.faces.catalog.taking import BY
from quire.faces.catalog.wire import are_long, detail
from quire.runs.facility import NumberRule
from quire.web.body import choice
from quire.web.description import Operation, Parameter
from quire.web.gate import Gate
from quire.web.json import json_response

_EXACT = Parameter(says="Documents as they came, with NaN and infinities.", type=bool)


class CatalogRoutes:
    """Runs out."""

    def __init__(self, lookup: Lookup, rule: NumberRule) -> None:
        self._lookup = lookup
        self._rule = rule

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        return [
            gate.route(
                "/api/v1/runs/{which}",
                self.run,
                needs=Scope.RUNS_READ,
                methods=["GET"],
                describes=Operation(query={"by": BY, "exact": _EXACT}),
            )
        ]

    async def run(self, request: Request, principal: Principal) -> Response:
        """Return one run."""
        which, by = _which(request)
        found = await self._lookup.run(which, principal, by=by)
        told = partial(detail, found, self._rule, exact=flag(request, "exact"))
        long = are_long([found.run])
        return json_response(await asyncio.to_thread(told) if long else told())


def _which(request: Request) -> tuple[str, By | None]:
    return request.path_params["which"], choice(request, "by", By)
