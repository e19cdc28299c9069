"""The server's root: chooses adapters, assembles, starts, stops."""

import asyncio
import contextlib
import getpass
import logging
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Generator, Sequence
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute
from starlette.types import ASGIApp

from quire import server_file
from quire.access.principals import Principal
from quire.access.tokens import TokenUse
from quire.actions.attempts import Attempts
from quire.actions.dispatch import Dispatcher
from quire.actions.expire import interrupt_lapsed_runs
from quire.actions.follow import Follow
from quire.actions.health import Health
from quire.actions.ingest import Ingest
from quire.actions.lookup import Lookup
from quire.actions.shelf import Shelf
from quire.actions.submit import Jobs
from quire.actions.tokens import EVERYTHING, Tokens
from quire.clock import RandomIds, SystemClock
from quire.config import Settings
from quire.documents.validation import Validator
from quire.engines.embedded.engine import EmbeddedEngine
from quire.errors import QuireError
from quire.faces.catalog.routes import CatalogRoutes
from quire.faces.dashboard.routes import DashboardRoutes
from quire.faces.documents.routes import DocumentRoutes
from quire.faces.jobs.products import ProductRoutes
from quire.faces.jobs.routes import JobRoutes
from quire.faces.operations.routes import OperationRoutes
from quire.faces.server.routes import ServerRoutes
from quire.kinds.registry import built_in
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.sqlite.store import SqliteStore
from quire.web.gate import DeclaredRoute, Gate
from quire.web.guard import Guard
from quire.web.problems import on_crash, on_http_error, on_quire_error
from quire.writers.fits.folder_publisher import FolderPublisher

_log = logging.getLogger(__name__)
VERSION = "0.1.0"
TOKEN_FILE = "token"  # noqa: S105
EXIT_STORE_LOST = 74
_HOSTS = frozenset({"127.0.0.1", "localhost", "[::1]"})
_SWEEP_SECONDS = 5.0
_GRACE_SECONDS = 3


class Server:
    """One Quire, assembled.

    Attributes
    ----------
    app
        What the HTTP server serves.
    token
        What admits the owner of the data folder.
    """

    def __init__(
        self, settings: Settings, store: SqliteStore, doorbell: LocalDoorbell
    ) -> None:
        clock, ids = SystemClock(), RandomIds()
        folder = settings.data_folder
        self.stopping = asyncio.Event()
        self.token = local_token(folder)
        self.store = store
        self._clock = clock
        attempts = Attempts(
            store,
            clock,
            FolderPublisher(folder),
            data_folder=folder,
            lease=settings.attempt_lease,
        )
        engine = EmbeddedEngine(
            attempts, doorbell, worker_program(settings), slots=settings.slots
        )
        self._dispatcher = Dispatcher(
            store, engine, attempts, doorbell=doorbell, clock=clock
        )
        self._tokens = Tokens(store, clock)
        lookup = Lookup(store)
        follow = Follow(store, doorbell)
        jobs = Jobs(store, built_in(), clock, ids)
        ingest = Ingest(store, Validator(), clock, lease=settings.run_lease)
        about = {
            "name": "quire",
            "version": VERSION,
            "description": "Flight recorder and product factory",
            "data_folder": str(folder),
            "started": clock.now(),
        }
        limit = settings.body_limit
        gate = Gate(self._tokens)
        faces = (
            DocumentRoutes(ingest, body_limit=limit),
            CatalogRoutes(lookup),
            JobRoutes(jobs, body_limit=limit),
            ProductRoutes(Shelf(store, folder)),
            OperationRoutes(follow, self.stopping),
            ServerRoutes(Health(store, about), self._tokens),
            DashboardRoutes(
                lookup=lookup, jobs=jobs, follow=follow, tokens=self._tokens
            ),
        )
        self.routes = [route for face in faces for route in face.routes(gate)]
        self.app = application(self.routes)

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run what goes on beside the requests."""
        owner = Principal(name=getpass.getuser(), scopes=EVERYTHING)
        await self._tokens.issue(
            owner, use=TokenUse.API, lifetime=None, secret=self.token
        )
        await self._dispatcher.start()
        sweeping = asyncio.create_task(self._sweep())
        try:
            yield
        finally:
            sweeping.cancel()
            await asyncio.gather(sweeping, return_exceptions=True)
            await self._dispatcher.stop()

    async def _sweep(self) -> None:
        while True:
            try:
                await interrupt_lapsed_runs(self.store, self._clock)
            except QuireError as error:
                _log.warning("the sweep of leases failed: %s", error)
            await asyncio.sleep(_SWEEP_SECONDS)


def application(routes: Sequence[BaseRoute]) -> ASGIApp:
    """Return the application of these routes.

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
            Exception: on_crash,
        },
    )
    return Guard(app, _HOSTS)


def worker_program(settings: Settings) -> tuple[str, ...]:
    """Return the module that runs attempts, and its arguments."""
    return ("quire.worker", "--memory", str(settings.job_memory))


def local_token(folder: Path) -> str:
    """Return the token of the folder's owner, made at the first start.

    It outlives restarts, so that those who hold it need not ask again.
    """
    path = folder / TOKEN_FILE
    with contextlib.suppress(FileNotFoundError):
        if token := path.read_text().strip():
            return token
    token = f"qt_{secrets.token_urlsafe(32)}"
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as stream:
        stream.write(token + "\n")
    return token


def serve(settings: Settings) -> None:
    """Serve until a signal comes; returns once everything has stopped.

    Raises
    ------
    QuireError
        The data folder cannot be used.
    OSError
        The address cannot be listened on.
    """
    settings.data_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((settings.host, settings.port))
        listener.listen(1024)
        with asyncio.Runner(loop_factory=_event_loop) as runner:
            runner.run(_serve(settings, listener))


def _event_loop() -> asyncio.AbstractEventLoop:
    import uvloop

    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


async def _serve(settings: Settings, listener: socket.socket) -> None:
    began = time.perf_counter()
    doorbell = LocalDoorbell()
    store = await SqliteStore.open(
        settings.data_folder, doorbell=doorbell, on_fatal=_store_lost
    )
    try:
        server = Server(settings, store, doorbell)
        async with server.running():
            await _listen(server, settings, listener, began)
    finally:
        await store.aclose()


async def _listen(
    server: Server, settings: Settings, listener: socket.socket, began: float
) -> None:
    config = uvicorn.Config(
        server.app,
        log_level="warning",
        access_log=False,
        lifespan="off",
        timeout_graceful_shutdown=_GRACE_SECONDS,
        server_header=False,
    )
    http = _Http(config, server.stopping)
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{port}"
    serving = asyncio.create_task(http.serve(sockets=[listener]))
    # uvicorn has no event for this.
    while not http.started and not serving.done():  # noqa: ASYNC110
        await asyncio.sleep(0.002)
    record = server_file.ServerRecord(url=url, token=server.token, pid=os.getpid())
    with server_file.publish(record, settings.data_folder):
        if not serving.done():
            seconds = time.perf_counter() - began
            sys.stderr.write(
                f"Quire {VERSION} serves {settings.data_folder} at {url} "
                f"(ready in {seconds:.2f} s; Ctrl-C stops it)\n"
            )
            sys.stderr.flush()
        await serving


class _Http(uvicorn.Server):
    """uvicorn, with streams told of the end before it waits for them."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping = stopping

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Stop at a signal, and return instead of raising it again."""
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, self._stop)
        try:
            yield
        finally:
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.remove_signal_handler(number)

    def _stop(self) -> None:
        self._stopping.set()
        self.should_exit = True


def _store_lost(reason: str) -> None:
    """End the process: it can promise nothing any more, and a supervisor restarts it."""
    sys.stderr.write(f"quire: the store is lost: {reason}\n")
    sys.stderr.flush()
    os._exit(EXIT_STORE_LOST)
