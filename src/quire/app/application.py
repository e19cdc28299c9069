"""The application of all routes, and what guards it."""

from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from quire.errors import QuireError
from quire.web.deadlines import BodyDeadline, Deadlines
from quire.web.gate import DeclaredRoute
from quire.web.guard import Guard
from quire.web.problems import (
    on_crash,
    on_disconnect,
    on_http_error,
    on_quire_error,
)
from quire.web.route_index import RouteIndex
from quire.web.segments import EncodedSlashes

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "[::1]"})


def own_hosts(hosts: Sequence[str]) -> frozenset[str]:
    """Return the names that requests may be sent to: given ones, and the loopback's."""
    return _LOOPBACK.union(hosts)


def application(routes: Sequence[BaseRoute], *, hosts: Sequence[str] = ()) -> ASGIApp:
    """Return the application of these routes.

    Parameters
    ----------
    hosts
        Names of ours beside those of the loopback.

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
            QuireError: on_quire_error,
            HTTPException: on_http_error,
            ClientDisconnect: on_disconnect,
            Exception: on_crash,
        },
    )
    served = EncodedSlashes(BodyDeadline(app, Deadlines()))
    return Guard(served, own_hosts(hosts))
