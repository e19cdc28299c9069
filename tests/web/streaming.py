"""A small server of one operation's log, on which all that goes wrong can be had.

`/events` streams it as `/api/v1/operations/{id}/events` does, to anyone; `/tell` and
`/cut` make it grow, and break every connection that listens.
"""

import asyncio
import contextlib
import socket
import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial
from itertools import product

import httpx
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

from quire.access.principals import Principal, Scope
from quire.actions.broadcast import Broadcasts
from quire.actions.follow import Follow
from quire.actions.progress_log import tell
from quire.errors import QuireError
from quire.ports.store import Transaction
from quire.progress.event import ProgressEvent, ProgressType, info
from quire.progress.log import Entry, Head, append, next_act
from quire.runs.run import Run
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.testing.waiting import PATIENCE
from quire.web.connections import LINE, Bounds
from quire.web.event_stream import as_sent, encode_entry
from quire.web.express import expressed
from quire.web.open_streams import OpenStreams
from quire.web.problems import on_quire_error

NAME = "operation"
_KEEPALIVE = as_sent(b"")
_MESSAGES = (
    "",
    "naïve ☃ \U0001f52d",
    "a\nline\r\nbreak",
    "\u2028\u0085\ufeff",
    "\0",
    " data: x",
    ": comment",
    "id: 5",
    '"quoted\\"',
)
CANNED = b": ok\r\n" + _KEEPALIVE.join(
    encode_entry(
        Entry(
            operation="canned",
            number=number,
            at=0.0,
            event=ProgressEvent(type=kind, message=message, progress=number),
        )
    )
    + _KEEPALIVE * (number % 3)
    for number, (message, kind) in enumerate(product(_MESSAGES, ProgressType), 1)
)
"""Messages of every type that try a parser, with keepalives at every position."""
ANYONE = Principal(name="anyone", scopes=frozenset({Scope.ADMIN_ALL}))


class Streaming:
    """One log, and its listeners.

    Attributes
    ----------
    connected
        Last-Event-ID of each request for the events, in order.
    """

    def __init__(self, *, patience: float, a_principal: int) -> None:
        self._doorbell = LocalDoorbell()
        self._store = MemoryStore(doorbell=self._doorbell)
        self._follow = Follow(self._store, self._doorbell)
        self._broadcasts = Broadcasts(self._follow, encode_entry)
        self._stopping = asyncio.Event()
        self._patience = patience
        self._limit = a_principal
        self._streams = self._fresh()
        self.connected: list[str | None] = []
        self.closed = asyncio.Event()

    def _fresh(self) -> OpenStreams:
        return OpenStreams(
            self._stopping, a_principal=self._limit, patience=self._patience
        )

    async def begin(self) -> None:
        """Have an operation to listen to."""
        run = Run(uid=NAME)
        await self._store.decide(lambda tx: tx.runs.put(run))

    async def events(self, request: Request) -> Response:
        seen = request.headers.get("last-event-id")
        self.connected.append(seen)
        number = int(seen) if seen and seen.isdecimal() else None
        after = await self._follow.begin(NAME, ANYONE, number)
        if after is None:
            return Response(status_code=204)
        return self._streams.respond(ANYONE, self._broadcasts.listen(NAME, after))

    async def left(self, request: Request) -> Response:
        """Begin a stream once its listener has left."""
        line = request.scope["extensions"][LINE]["line"]
        lost = asyncio.Event()
        line.when_lost(lost.set)
        if not line.lost:
            await lost.wait()
        return self._streams.respond(ANYONE, _Closing(self.closed))

    async def were_closed(self, _: Request) -> Response:
        return JSONResponse(self.closed.is_set())

    async def tell(self, request: Request) -> Response:
        asked = await request.json()
        for one in asked["events"]:
            event = ProgressEvent(
                type=ProgressType(one[0]), message=one[1], progress=one[2]
            )
            await self._store.decide(partial(_tell, event=event))
        return JSONResponse({})

    async def act(self, _: Request) -> Response:
        """Begin a new act, with one event."""

        def decision(tx: Transaction) -> None:
            head = tx.progress.head(NAME) or Head(operation=NAME)
            following, entry = append(next_act(head), info("again"), at=2.0)
            assert entry is not None
            tx.progress.append(following, entry)

        await self._store.decide(decision)
        return JSONResponse({})

    async def cut(self, _: Request) -> Response:
        """Break every stream, as the end of the server does."""
        self._stopping.set()
        await asyncio.sleep(0)
        self._stopping = asyncio.Event()
        self._streams = self._fresh()
        return JSONResponse({})

    async def known(self, _: Request) -> Response:
        return JSONResponse(self.connected)

    async def canned(self, request: Request) -> Response:
        if "last-event-id" in request.headers:
            return Response(status_code=204)
        return Response(CANNED, media_type="text/event-stream")

    async def page(self, _: Request) -> Response:
        return HTMLResponse("<!doctype html><title>stream</title>")

    def app(self) -> Starlette:
        @contextlib.asynccontextmanager
        async def lifespan(_: Starlette) -> AsyncIterator[None]:
            await self.begin()
            yield

        return Starlette(
            routes=[
                Route("/", self.page),
                Route("/canned", self.canned),
                Route("/events", self.events),
                Route("/left", self.left),
                Route("/closed", self.were_closed),
                Route("/tell", self.tell, methods=["POST"]),
                Route("/act", self.act, methods=["POST"]),
                Route("/cut", self.cut, methods=["POST"]),
                Route("/known", self.known),
            ],
            exception_handlers={QuireError: on_quire_error},
            lifespan=lifespan,
        )


class _Closing:
    """Pieces that nobody hears."""

    def __init__(self, closed: asyncio.Event) -> None:
        self._closed = closed

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self

    async def __anext__(self) -> bytes:
        await self._closed.wait()
        raise StopAsyncIteration

    async def aclose(self) -> None:
        self._closed.set()


def _tell(tx: Transaction, event: ProgressEvent) -> None:
    tell(tx, NAME, event, now=1.0)


class Served:
    """The server, from outside."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.http = httpx.Client(base_url=url, timeout=PATIENCE)

    def tell(self, *events: tuple[str, str, int | None]) -> None:
        """Make the log grow: type, message, progress."""
        self.http.post("/tell", json={"events": events}).raise_for_status()

    def cut(self) -> None:
        """Break every stream."""
        self.http.post("/cut").raise_for_status()

    @property
    def connected(self) -> list[str | None]:
        """Last-Event-ID of each request for the events, in order."""
        found: list[str | None] = self.http.get("/known").json()
        return found


@contextlib.contextmanager
def streaming(*, patience: float = 30.0, a_principal: int = 1000) -> Iterator[Served]:
    """Serve on a free port of 127.0.0.1, in a thread."""
    made = Streaming(patience=patience, a_principal=a_principal)
    config = uvicorn.Config(
        made.app(),
        http=expressed(Bounds(), {}),
        ws="none",
        lifespan="on",
        log_config=None,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        served = Served(f"http://127.0.0.1:{listener.getsockname()[1]}")
        try:
            yield served
        finally:
            with contextlib.suppress(httpx.HTTPError):
                served.cut()
            served.http.close()
            server.should_exit = True
            thread.join()
