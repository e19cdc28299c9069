"""`/api/v1/projections`: what a site can make of runs, and what it makes by itself."""

from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.projecting import Site
from quire.actions.projection_rules import ProjectionRules
from quire.products.projection.entries import Projection
from quire.products.projection.functions import Function, declaration
from quire.products.projection.readymade import NAMES
from quire.web.body import read_json
from quire.web.gate import Gate
from quire.web.json import json_response

_BODY = 64 * 1024


class RuleChange(msgspec.Struct, frozen=True, kw_only=True):
    """Whether a rule is to project runs."""

    on: bool


class ProjectionRoutes:
    """The site's projections, functions and rules."""

    def __init__(self, site: Site, rules: ProjectionRules) -> None:
        self._site = site
        self._rules = rules

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        every, rules = "/api/v1/projections", "/api/v1/projections/rules"
        return (
            gate.route(every, self.get, needs=Scope.RUNS_READ, methods=["GET"]),
            gate.route(rules, self.rules, needs=Scope.RUNS_READ, methods=["GET"]),
            gate.route(
                f"{rules}/{{name}}",
                self.switch,
                needs=Scope.ADMIN_ALL,
                methods=["PUT"],
            ),
        )

    async def get(self, _: Request, __: Principal) -> Response:
        """Return the projections that any run can have, and what entries may call."""
        told = {
            "ready_made": list(NAMES),
            "configured": _contents(self._site.projections),
            "functions": [_function(one) for one in self._site.functions.values()],
        }
        return json_response(told)

    async def rules(self, _: Request, __: Principal) -> Response:
        """Return the rules by which runs are projected by themselves."""
        return json_response({"rules": await self._rules.standing()})

    async def switch(self, request: Request, principal: Principal) -> Response:
        """Switch a rule on or off; it stays so over restarts."""
        wanted = await read_json(request, RuleChange, _BODY)
        name = request.path_params["name"]
        return json_response(await self._rules.switch(name, principal, on=wanted.on))


def _contents(projections: Mapping[str, Projection]) -> list[dict[str, Any]]:
    return [one.content for one in projections.values()]


def _function(one: Function) -> dict[str, Any]:
    return {
        "name": one.name,
        "version": one.version,
        "parameters": [each.name for each in one.parameters],
        "description": one.description,
        "seconds": one.seconds,
        "memory_bytes": one.memory_bytes,
        "declaration": declaration(one),
    }
