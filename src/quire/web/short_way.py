"""The short way (`quire.web.express`) to a route that always has the same address.

The handler is the route's own, its gate with it; what is left out is the search for it
and the layers around the application, whose checks are made once for each head.
"""

import time
from collections.abc import Mapping
from functools import partial
from typing import Any
from urllib.parse import quote as percent

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Message, Scope

from quire.errors import QuireError
from quire.web.express import Answerer, rendered
from quire.web.gate import DeclaredRoute
from quire.web.guard import host_name
from quire.web.metrics import Metrics
from quire.web.problems import problem

_METHOD = "POST"
_LENGTH = b"content-length"


class ShortWay:
    """Answers what is posted to one address.

    Parameters
    ----------
    route
        Whose handler gives answers that are no streams.
    params
        What stands in the places of the route's path; they need no escapes.
    hosts
        The names that requests may be sent to.

    Attributes
    ----------
    line
        The first line of its requests.
    most
        Bytes of a body that is taken.
    """

    def __init__(
        self,
        route: DeclaredRoute,
        params: Mapping[str, str],
        metrics: Metrics,
        *,
        hosts: frozenset[str],
        most: int,
    ) -> None:
        path = route.path
        for name, value in params.items():
            path = path.replace(f"{{{name}}}", percent(value, safe=""))
        self.line = f"{_METHOD} {path} HTTP/1.1".encode()
        self.most = most
        self._route = route
        self._metrics = metrics
        self._hosts = hosts
        self._scope: Scope = {
            "type": "http",
            "http_version": "1.1",
            "method": _METHOD,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "root_path": "",
            "query_string": b"",
            "path_params": dict(params),
        }

    def __call__(self, headers: Mapping[bytes, bytes]) -> Answerer | None:
        """Return who answers requests with these headers, None for the usual way."""
        if host_name(headers.get(b"host", b"").decode()) not in self._hosts:
            return None
        if headers.get(b"content-type", b"").lower().startswith(b"multipart/"):
            return None  # its reader wants to know the application
        given = [one for one in headers.items() if one[0] != _LENGTH]
        return partial(self._answer, given)

    async def _answer(self, headers: list[tuple[bytes, bytes]], body: bytes) -> bytes:
        begun = time.perf_counter()
        status = 0
        self._metrics.in_progress += 1
        try:
            response = await self._respond(headers, body)
            status = response.status_code
            return rendered(response)
        finally:
            self._metrics.in_progress -= 1
            took = time.perf_counter() - begun
            self._metrics.answered(_METHOD, self._route.path, status, took)

    async def _respond(
        self, headers: list[tuple[bytes, bytes]], body: bytes
    ) -> Response:
        async def receive() -> Message:
            return {"type": "http.request", "body": body, "more_body": False}

        length = (_LENGTH, b"%d" % len(body))
        scope: dict[str, Any] = {**self._scope, "headers": [*headers, length]}
        try:
            response: Response = await self._route.endpoint(Request(scope, receive))
        except QuireError as error:
            return problem(error)
        return response
