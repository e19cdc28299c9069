"""A line of the log for each answered request, with the run or job that it was of."""

import itertools
import logging
import time
from collections.abc import Mapping
from typing import Any

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from quire.web.gate import DeclaredRoute

_log = logging.getLogger("quire.requests")
# What the part of a path in braces names, by what stands before it.
_NAMED = {"runs": "run", "jobs": "job", "operations": "operation", "products": "job"}


class RequestLogged:
    """Logs what an application answers."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and log it once it is answered."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        status = 0

        async def send_noted(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        method, path = scope["method"], scope["path"]
        begun = time.perf_counter()
        try:
            await self._app(scope, receive, send_noted)
        finally:
            told = {
                "method": method,
                "path": path,
                "status": status,
                "seconds": round(time.perf_counter() - begun, 6),
                **names(scope.get(DeclaredRoute.KEY), scope.get("path_params", {})),
            }
            words = "%s %s: %s"
            _log.info(words, method, path, status, extra=told)


def names(route: Any, given: Mapping[str, Any]) -> dict[str, str]:
    """Return the run, job or operation that a route's path names."""
    if not isinstance(route, DeclaredRoute):
        return {}
    parts = route.path.split("/")
    found = {}
    for before, part in itertools.pairwise(parts):
        name = part.strip("{}")
        if before in _NAMED and part != name and name in given:
            found[_NAMED[before]] = str(given[name])
    return found
