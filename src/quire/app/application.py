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
from quire.web.segments import EncodedSlashes

_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})


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
    for route in routes:
        if not isinstance(route, DeclaredRoute):
            raise TypeError(f"{route} does not declare who may use it")
    app = Starlette(
        routes=list(routes),
        exception_handlers={
            QuireError: on_quire_error,
            HTTPException: on_http_error,
            ClientDisconnect: on_disconnect,
            Exception: on_crash,
        },
    )
    served = EncodedSlashes(BodyDeadline(app, Deadlines()))
    return Guard(served, _HOSTS.union(hosts))
