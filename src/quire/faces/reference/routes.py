"""`/openapi.json` and `/docs`: the routes, as they declare themselves."""

from collections.abc import Sequence
from itertools import groupby
from typing import Any

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response
from starlette.routing import BaseRoute

from quire.web.description import Operation
from quire.web.gate import Gate
from quire.web.json import json_response
from quire.web.openapi import openapi

_HTML = Operation(answers={200: str}, answer_types=("text/html",))


class ReferenceRoutes:
    """What the server offers.

    Parameters
    ----------
    others
        The routes of all other faces.
    """

    def __init__(self, others: Sequence[BaseRoute], *, version: str) -> None:
        self._others = others
        self._version = version
        self._environment = Environment(
            loader=PackageLoader("quire.faces.reference"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        return (
            gate.open_route("/openapi.json", self.openapi, methods=["GET"]),
            gate.open_route("/docs", self.docs, methods=["GET"], describes=_HTML),
        )

    async def openapi(self, _: Request) -> Response:
        """Return the OpenAPI document of this server."""
        return json_response(self._document())

    async def docs(self, _: Request) -> Response:
        """Return the same for people."""
        document = self._document()
        template = self._environment.get_template("docs.html")
        page = template.render(
            version=self._version,
            groups=_grouped(document["paths"]),
            models=document["components"]["schemas"],
            as_text=_as_text,
        )
        return HTMLResponse(page)

    def _document(self) -> dict[str, Any]:
        return openapi(self._others, version=self._version)


def _grouped(paths: dict[str, Any]) -> list[tuple[str, list[tuple[str, str, Any]]]]:
    every = [
        (one["tags"][0], path, method.upper(), one)
        for path, methods in paths.items()
        for method, one in methods.items()
    ]
    every.sort(key=lambda item: item[0])
    return [
        (tag, [(path, method, one) for _, path, method, one in members])
        for tag, members in groupby(every, key=lambda item: item[0])
    ]


def _as_text(schema: Any) -> str:
    return msgspec.json.format(msgspec.json.encode(schema), indent=2).decode()
