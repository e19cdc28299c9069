"""The application of all routes, and what guards it."""

from collections.abc import Awaitable, Callable, Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from quire.errors import QuireError
from quire.web.deadlines import BodyDeadline, Deadlines
from quire.web.gate import DeclaredRoute
from quire.web.guard import Guard
from quire.web.problems import (
    Page,
    legible,
    on_crash,
    on_disconnect,
    on_http_error,
    on_quire_error,
)
from quire.web.route_index import RouteIndex
from quire.web.segments import EncodedSlashes

OnError = Callable[[Request, Exception], Awaitable[Response]]

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


def own_hosts(hosts: Sequence[str]) -> frozenset[str]:
    """Return the names that requests may be sent to: given ones, and the loopback's."""
    return _LOOPBACK.union(map(str.lower, hosts))


def application(
    routes: Sequence[BaseRoute], *, hosts: Sequence[str] = (), page: Page | None = None
) -> ASGIApp:
    """Return the application of these routes.

    Parameters
    ----------
    hosts
        Names of ours beside those of the loopback.
    page
        How a person is told of a refusal; None tells everybody as programs are.

    Raises
    ------
    TypeError
        A route does not say who may use it.
    """
    declared: list[DeclaredRoute] = []
    for route in routes:
        if not isinstance(route, DeclaredRoute):
            raise TypeError(f"{route} does not declare who may use it")
        declared.append(route)
    app = Starlette(
        routes=[RouteIndex(declared)],
        exception_handlers={
            QuireError: _told(on_quire_error, page),
            HTTPException: _told(on_http_error, page),
            ClientDisconnect: on_disconnect,
            Exception: _told(on_crash, page),
        },
    )
    served = EncodedSlashes(BodyDeadline(app, Deadlines()))
    return Guard(served, own_hosts(hosts), page=page)


def _told(told: OnError, page: Page | None) -> OnError:
    async def as_asked(request: Request, error: Exception) -> Response:
        return await legible(request, await told(request, error), page)

    return as_asked
