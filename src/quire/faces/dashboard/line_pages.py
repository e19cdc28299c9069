"""Pages of what documents come by and leave by: inlets and outlets."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute

from quire.access.principals import Principal, Scope
from quire.actions.forward import Forward
from quire.actions.inlet import Inlets
from quire.errors import NotFound
from quire.faces.dashboard.rendering import Rendering, segment
from quire.web.gate import Gate, Handler

_ASIDE = 100


class LinePageRoutes:
    """Inlets and outlets, for administrators: they show documents of everybody."""

    def __init__(self, *, shown: Rendering, inlets: Inlets, outlets: Forward) -> None:
        self._shown = shown
        self._inlets = inlets
        self._outlets = outlets

    def routes(self, gate: Gate) -> Sequence[BaseRoute]:
        """Return the routes of this face."""
        shown, needs = self._shown, Scope.ADMIN_ALL
        pages: dict[str, Handler] = {
            "/inlets": self.inlets,
            "/inlets/{name}": self.inlet,
            "/outlets": self.outlets,
            "/outlets/{name}": self.outlet,
        }
        return [
            *(shown.page(gate, path, page, needs) for path, page in pages.items()),
            gate.route(
                "/outlets/{name}/retry", self.retry, needs=needs, methods=["POST"]
            ),
        ]

    async def inlets(self, _: Request, __: Principal) -> Response:
        """Show how each inlet stands."""
        return self._shown.render("inlets.html", inlets=await self._inlets.states())

    async def inlet(self, request: Request, _: Principal) -> Response:
        """Show one inlet, and the newest of what it could not store."""
        name = request.path_params["name"]
        found = [one for one in await self._inlets.states() if one.name == name]
        if not found:
            raise NotFound("inlet", name)
        before = max(0, found[0].set_aside - _ASIDE)
        aside = await self._inlets.aside(name, before, _ASIDE)
        return self._shown.render(
            "inlet.html", inlet=found[0], aside=aside[::-1], before=before
        )

    async def outlets(self, _: Request, __: Principal) -> Response:
        """Show how each outlet stands."""
        return self._shown.render("outlets.html", outlets=await self._outlets.listed())

    async def outlet(self, request: Request, _: Principal) -> Response:
        """Show one outlet, and the runs that need a look."""
        name = request.path_params["name"]
        found = [one for one in await self._outlets.listed() if one.name == name]
        if not found:
            raise NotFound("outlet", name)
        return self._shown.render("outlet.html", outlet=found[0])

    async def retry(self, request: Request, _: Principal) -> Response:
        """Send again all that could not be sent, by a form."""
        found = await self._outlets.retry(request.path_params["name"])
        return RedirectResponse(f"/outlets/{segment(found.name)}", 303)
