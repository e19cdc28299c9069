"""A small real server with short deadlines, and sockets that speak to it."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType

import uvicorn
from starlette.applications import Starlette
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from quire.errors import QuireError
from quire.testing.waiting import PATIENCE
from quire.web.at_once import at_once
from quire.web.body import read_body
from quire.web.connections import Bounds
from quire.web.deadlines import BodyDeadline, Deadlines
from quire.web.express import Answerer, Express, expressed, rendered
from quire.web.problems import on_disconnect, on_quire_error

LIMIT = 1_000_000
SHORT = Deadlines(header_seconds=0.4, body_seconds=0.4, body_rate=100_000)
# Where slowness is not what is tested: this process may be the slow one.
LONG = Deadlines(header_seconds=PATIENCE, body_seconds=PATIENCE, body_rate=1)


async def take(request: Request) -> Response:
    return JSONResponse({"size": len(await read_body(request, LIMIT))})


async def refuse(_: Request) -> Response:
    """Answer without looking at the body."""
    return JSONResponse({}, 401)


class TakeExpress:
    """Answers `/take` by the short way.

    Parameters
    ----------
    waits
        Whether the loop turns before it answers.

    Attributes
    ----------
    bodies
        What came by it.
    """

    most = LIMIT

    def __init__(self, *, waits: bool = True) -> None:
        self.bodies: list[bytes] = []
        self._waits = waits

    def __call__(self, headers: Mapping[bytes, bytes]) -> Answerer | None:
        return None if b"accept" in headers else lambda body: at_once(self._take(body))

    async def _take(self, body: bytes) -> bytes:
        self.bodies.append(body)
        if body == b"defect":
            raise ValueError(body)
        if self._waits:
            await asyncio.sleep(0)
        return rendered(JSONResponse({"size": len(body)}))


@contextlib.contextmanager
def serving(
    bounds: Bounds,
    express: Mapping[bytes, Express] = MappingProxyType({}),
    *,
    routes: Sequence[Route] = (),
) -> Iterator[int]:
    """Serve `/take` and `/refuse`, and other routes, on a free port of 127.0.0.1."""
    app = Starlette(
        routes=[
            Route("/take", take, methods=["GET", "POST"]),
            Route("/refuse", refuse, methods=["POST"]),
            *routes,
        ],
        exception_handlers={
            QuireError: on_quire_error,
            ClientDisconnect: on_disconnect,
        },
    )
    config = uvicorn.Config(
        BodyDeadline(app, bounds.deadlines),
        http=expressed(bounds, express),
        ws="none",
        lifespan="off",
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        try:
            yield listener.getsockname()[1]
        finally:
            server.should_exit = True
            thread.join()


class Raw(contextlib.closing[socket.socket]):
    """A connection to say anything on."""

    def __init__(self, port: int) -> None:
        self._socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        super().__init__(self._socket)

    def say(self, text: bytes) -> None:
        self._socket.sendall(text)

    def hear(self) -> bytes:
        """Return what comes until the server closes."""
        heard = b""
        with contextlib.suppress(ConnectionResetError):
            while piece := self._socket.recv(65536):
                heard += piece
        return heard

    def hear_some(self) -> bytes:
        return self._socket.recv(65536)
