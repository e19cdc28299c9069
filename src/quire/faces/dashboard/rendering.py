"""Pages as text, errors as pages, and what forms send."""

from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response

from quire.access.principals import Scope
from quire.clock import Clock
from quire.errors import QuireError
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
from quire.runs.intervals import shown as intervals
from quire.web.body import read_body
from quire.web.description import Operation, Parameter
from quire.web.form import FORM, urlencoded
from quire.web.gate import DeclaredRoute, Gate, Handler
from quire.web.negotiation import body_type

_BODY = 256 * 1024  # the longest comment, each sign of it as %F0%9F%94%A5
PAGED = {"cursor": Parameter(says="Where the page begins: from the one before.")}


class Rendering:
    """Makes pages of templates; one for all pages."""

    def __init__(self, clock: Clock) -> None:
        self._environment = Environment(
            loader=PackageLoader("quire.faces.dashboard"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.globals["now"] = clock.now
        self._environment.filters.update(
            change_text=change_text,
            duration=duration,
            intervals=intervals,
            job_title=job_title,
            moment=moment,
            said=said,
            segment=segment,
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
        return f"/runs/{segment(uid)}"

    async def problem(self, request: Request, answer: Response) -> Response:
        """Return the page that tells a person what problem details tell a program."""
        said = msgspec.json.decode(answer.body)
        # The session has ended while somebody was writing.
        unsaved = (
            await _written(request)
            if answer.status_code == HTTPStatus.UNAUTHORIZED
            else {}
        )
        page = self.render(
            "error.html", status=answer.status_code, said=said, unsaved=unsaved
        )
        for name, value in answer.headers.items():
            if not name.startswith("content-"):
                page.headers[name] = value
        return page

    def page(
        self,
        gate: Gate,
        path: str,
        handler: Handler,
        needs: Scope,
        query: Mapping[str, Parameter] = MappingProxyType({}),
    ) -> DeclaredRoute:
        """Return the route of a page."""
        return gate.route(
            path,
            handler,
            needs=needs,
            methods=["GET"],
            describes=Operation(
                query=query, answers={200: str}, answer_types=("text/html",)
            ),
        )


async def _written(request: Request) -> Mapping[str, str]:
    """Return what a form sent, empty if it was none."""
    if request.method != "POST":
        return {}
    try:
        return await fields_of(request)
    except QuireError:
        return {}


async def fields_of(request: Request) -> Mapping[str, str]:
    """Return what a form sent, by the names of its fields.

    Raises
    ------
    InputError
        It is no form, or longer than one of ours can be.
    """
    body_type(request, [FORM], default=FORM)
    return dict(urlencoded(await read_body(request, _BODY)))


def segment(text: str) -> str:
    """Return text as one segment of a path: a run's uid may have slashes."""
    return quote(text, safe="")
