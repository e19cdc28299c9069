"""`/api/v1/kinds`: what jobs can be asked for, and with which parameters."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.errors import NotFound
from quire.ports.kind import Kind
from quire.web.gate import Gate
from quire.web.json import json_response


class KindRoutes:
    """Kinds of job."""

    def __init__(self, kinds: Mapping[str, Kind]) -> None:
        self._kinds = kinds

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        every, needs = "/api/v1/kinds", Scope.JOBS_RUN
        return (
            gate.route(every, self.listed, needs=needs, methods=["GET"]),
            gate.route(f"{every}/{{name}}", self.get, needs=needs, methods=["GET"]),
        )

    async def listed(self, _: Request, __: Principal) -> Response:
        """Return all kinds."""
        kinds = [_kind_json(self._kinds[name]) for name in sorted(self._kinds)]
        return json_response({"kinds": kinds})

    async def get(self, request: Request, _: Principal) -> Response:
        """Return one kind with the parameters that it takes."""
        name = request.path_params["name"]
        if name not in self._kinds:
            known = "there are " + ", ".join(sorted(self._kinds))
            raise NotFound("kind of job", name, known)
        return json_response(_kind_json(self._kinds[name]))


def _kind_json(kind: Kind) -> dict[str, Any]:
    return {
        "kind": kind.name,
        "description": kind.description,
        "parameters": kind.parameters,
        "links": {
            "self": f"/api/v1/kinds/{kind.name}",
            "uws": f"/uws/{kind.name}/jobs",
            "votable": f"/uws/{kind.name}/job-description",
        },
    }
