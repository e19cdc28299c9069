"""`/wobbly/openapi.json`, and the addresses at which Wobbly has its pages."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from quire.faces.wobbly.admin import WobblyAdminRoutes
from quire.faces.wobbly.routes import PREFIX, WobblyRoutes
from quire.web.gate import Gate
from quire.web.json import json_response
from quire.web.openapi import openapi


class WobblyDescriptionRoutes:
    """What this face offers, for programs and people."""

    def __init__(self, *faces: WobblyRoutes | WobblyAdminRoutes, version: str) -> None:
        self._faces = faces
        self._version = version

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        every = [route for face in self._faces for route in face.routes(gate)]

        async def document(_: Request) -> Response:
            """Return the OpenAPI document of this face."""
            return json_response(openapi(every, version=self._version))

        async def page(_: Request) -> Response:
            """Lead to the page that shows all faces."""
            return RedirectResponse("/docs")

        return (
            gate.open_route(f"{PREFIX}/openapi.json", document, methods=["GET"]),
            gate.open_route(f"{PREFIX}/docs", page, methods=["GET"]),
            gate.open_route(f"{PREFIX}/redoc", page, methods=["GET"]),
        )
