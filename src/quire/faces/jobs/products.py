"""`/api/v1/products`: what jobs have published."""

from collections.abc import Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.shelf import Shelf
from quire.products.product import Product
from quire.web.gate import Gate
from quire.web.json import json_response
from quire.web.products import product_json


class ProductRoutes:
    """Products out."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        one = "/api/v1/products/{id}"
        handlers = {
            "/api/v1/products": self.page,
            one: self.get,
            f"{one}/file": self.file,
            f"{one}/manifest": self.manifest,
        }
        return [
            gate.route(path, handler, needs=Scope.PRODUCTS_READ, methods=["GET"])
            for path, handler in handlers.items()
        ]

    async def page(self, request: Request, principal: Principal) -> Response:
        """Return products, newest first."""
        run = request.query_params.get("run", "")
        found = await self._shelf.listed(run, principal)
        old = await self._shelf.stale(found)
        told = [product_json(one, stale=one.id in old) for one in found]
        return json_response({"products": told})

    async def get(self, request: Request, principal: Principal) -> Response:
        """Return one product."""
        found = await self._product(request, principal)
        same = [
            one
            for run in found.runs[:1]
            for one in await self._shelf.listed(run, principal)
        ]
        old = await self._shelf.stale(same or [found])
        return json_response(product_json(found, stale=found.id in old))

    async def file(self, request: Request, principal: Principal) -> Response:
        """Return a product's file."""
        product = await self._product(request, principal)
        return _download(self._shelf.file(product), product.mime_type)

    async def manifest(self, request: Request, principal: Principal) -> Response:
        """Return a product's manifest."""
        product = await self._product(request, principal)
        return _download(self._shelf.manifest(product), "application/json")

    async def _product(self, request: Request, principal: Principal) -> Product:
        return await self._shelf.get(request.path_params["id"], principal)


def _download(path: Path, mime_type: str) -> Response:
    # Never shown as a page of our origin: a product's bytes are somebody else's.
    return FileResponse(
        path,
        filename=path.name,
        media_type=mime_type,
        headers={"content-security-policy": "sandbox"},
    )
