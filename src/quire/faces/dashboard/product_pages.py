"""Pages of what jobs have published."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.shelf import Shelf
from quire.faces.dashboard.rendering import PAGED, Rendering
from quire.web.gate import Gate
from quire.web.paging import from_cursor, to_cursor

_PAGE = 50


class ProductPageRoutes:
    """The products that one may see."""

    def __init__(self, *, shown: Rendering, shelf: Shelf) -> None:
        self._shown = shown
        self._shelf = shelf

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        shown, needs = self._shown, Scope.PRODUCTS_READ
        return [
            shown.page(gate, "/products", self.products, needs, PAGED),
            shown.page(gate, "/products/{id}", self.product, needs),
        ]

    async def products(self, request: Request, principal: Principal) -> Response:
        """Show products, newest first."""
        cursor = request.query_params.get("cursor")
        before = from_cursor(cursor, tuple[float, str])
        found = await self._shelf.newest(principal, limit=_PAGE + 1, before=before)
        page = found[:_PAGE]
        following = ""
        if len(found) > len(page):
            following = to_cursor((page[-1].made, page[-1].id))
        shown = [one for one in page if one.removed is None]
        return self._shown.render(
            "products.html",
            products=shown,
            stale=await self._shelf.stale(shown),
            following=following,
            live=cursor is None,
            everybody=principal.is_admin,
        )

    async def product(self, request: Request, principal: Principal) -> Response:
        """Show one product."""
        found = await self._shelf.get(request.path_params["id"], principal)
        # What was found unchanged when it was made again is another's file.
        same = await self._shelf.of_run(found.runs[0], principal) if found.runs else ()
        stale = await self._shelf.stale(same or [found])
        return self._shown.render(
            "product.html", product=found, stale=found.id in stale
        )
