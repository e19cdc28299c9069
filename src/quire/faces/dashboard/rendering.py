"""Pages as text, and errors as pages."""

from http import HTTPStatus
from typing import Any
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from quire.access.principals import Scope, require
from quire.errors import QuireError, Unauthenticated
from quire.faces.dashboard.show import (
    change_text,
    duration,
    job_title,
    moment,
    said,
    size,
    span_json,
    span_text,
)
from quire.web.gate import DeclaredRoute, Gate, Handler, OpenHandler
from quire.web.problems import status_of


class Rendering:
    """Makes pages of templates; one for all pages."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=PackageLoader("quire.faces.dashboard"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters.update(
            change_text=change_text,
            duration=duration,
            job_title=job_title,
            moment=moment,
            said=said,
            segment=_segment,
            size=size,
            span_json=span_json,
            span_text=span_text,
        )

    def render(self, template: str, *, status: int = 200, **values: Any) -> Response:
        """Return a page."""
        text = self._environment.get_template(template).render(values)
        return HTMLResponse(text, status, headers={"cache-control": "no-store"})

    def run_address(self, uid: str) -> str:
        """Return where a run's page is."""
        return f"/runs/{_segment(uid)}"

    def refused(self, error: QuireError) -> Response:
        """Return the page that tells a person of an error."""
        status = status_of(error)
        return self.render(
            "error.html",
            status=status,
            title=HTTPStatus(status).phrase,
            message=str(error),
            nobody=isinstance(error, Unauthenticated),
        )

    def plainly(self, page: OpenHandler) -> OpenHandler:
        """Return the page with its errors shown to a person."""

        async def shown(request: Request) -> Response:
            try:
                return await page(request)
            except QuireError as error:
                return self.refused(error)

        return shown

    def page(self, gate: Gate, page: Handler, needs: Scope) -> OpenHandler:
        """Return a page for holders of a scope; all others are told how to log in."""

        async def admitted(request: Request) -> Response:
            principal = await gate.admit(request)
            require(principal, needs)
            return await page(request, principal)

        return self.plainly(admitted)

    def form(
        self, gate: Gate, path: str, handler: Handler, needs: Scope
    ) -> DeclaredRoute:
        """Return the route that a form of the pages posts to."""
        return gate.route(
            path, handler, needs=needs, methods=["POST"], refuse=self.refused
        )


def _segment(text: str) -> str:
    """Return text as one segment of a path: a run's uid may have slashes."""
    return quote(text, safe="")
