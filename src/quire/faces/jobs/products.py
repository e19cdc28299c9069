"""`/api/v1/products`: what jobs have published."""

from collections.abc import Sequence
from pathlib import Path

from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.removing_products import RemovingProducts
from quire.actions.shelf import Shelf
from quire.errors import InputError
from quire.products.product import Product
from quire.web.body import integer
from quire.web.description import Operation, Parameter
from quire.web.gate import Gate, Handler
from quire.web.json import json_response
from quire.web.paging import from_cursor, to_cursor
from quire.web.products import product_json

_SEARCHES = {
    "run": Parameter(says="All that were made of the run of this uid"),
    "limit": Parameter(says="Products in a page, without `run`", type=int),
    "cursor": Parameter(says="The `next` of the page before"),
    "removed": Parameter(says="Those that were taken away instead", type=bool),
}
_REASON = {"reason": Parameter(says="Why; kept with who did it and when")}
_LONGEST_REASON = 1000
_PAGE = 200
_LARGEST_PAGE = 1000


class ProductRoutes:
    """Products out."""

    def __init__(self, shelf: Shelf, removing: RemovingProducts) -> None:
        self._shelf = shelf
        self._removing = removing

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        one = "/api/v1/products/{id}"
        handlers: dict[str, tuple[Handler, Operation | None]] = {
            "/api/v1/products": (self.page, Operation(query=_SEARCHES)),
            one: (self.get, None),
            f"{one}/file": (self.file, None),
            f"{one}/manifest": (self.manifest, None),
        }
        return [
            *(
                gate.route(
                    path,
                    handler,
                    needs=Scope.PRODUCTS_READ,
                    methods=["GET"],
                    describes=describes,
                )
                for path, (handler, describes) in handlers.items()
            ),
            gate.route(
                one,
                self.delete,
                needs=Scope.PRODUCTS_WRITE,
                methods=["DELETE"],
                describes=Operation(query=_REASON),
            ),
        ]

    async def page(self, request: Request, principal: Principal) -> Response:
        """Return products, newest first: all of a run, or a page of the user's own."""
        run, after = request.query_params.get("run", ""), None
        gone = _asks_for_removed(request)
        if run:
            found = await self._shelf.of_run(run, principal)
        else:
            found, after = await self._newest(request, principal)
        shown = [one for one in found if (one.removed is not None) == gone]
        old = await self._shelf.stale(shown)
        told = [product_json(one, stale=one.id in old) for one in shown]
        return json_response({"products": told, "next": after})

    async def _newest(
        self, request: Request, principal: Principal
    ) -> tuple[tuple[Product, ...], str | None]:
        limit = integer(request, "limit", _PAGE, least=1, most=_LARGEST_PAGE) or _PAGE
        before = from_cursor(request.query_params.get("cursor"), tuple[float, str])
        found = await self._shelf.newest(principal, limit=limit + 1, before=before)
        page = found[:limit]
        if len(found) == len(page):
            return page, None
        return page, to_cursor((page[-1].made, page[-1].id))

    async def get(self, request: Request, principal: Principal) -> Response:
        """Return one product."""
        found = await self._product(request, principal)
        same = [
            one
            for run in found.runs[:1]
            for one in await self._shelf.of_run(run, principal)
        ]
        old = await self._shelf.stale(same or [found])
        return json_response(product_json(found, stale=found.id in old))

    async def delete(self, request: Request, principal: Principal) -> Response:
        """Take a product away, for good; who did it, when and why is kept."""
        product, reason = request.path_params["id"], request.query_params.get("reason")
        if reason and len(reason) > _LONGEST_REASON:
            raise InputError("reason", f"more than {_LONGEST_REASON} characters")
        gone = await self._removing.remove(product, principal, reason=reason or "")
        return json_response(product_json(gone))

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


def _asks_for_removed(request: Request) -> bool:
    given = request.query_params.get("removed", "false")
    if given not in ("true", "false"):
        raise InputError("removed", f"{given[:40]!r} is no boolean", "true or false")
    return given == "true"


def _download(path: Path, mime_type: str) -> Response:
    # Never shown as a page of our origin: a product's bytes are somebody else's.
    return FileResponse(
        path,
        filename=path.name,
        media_type=mime_type,
        headers={"content-security-policy": "sandbox"},
    )
