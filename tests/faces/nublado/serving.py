"""A real HTTP server of the labs' faces, before labs that are made up."""

import asyncio
import contextlib
import socket
import threading
from collections.abc import Callable, Iterator

import httpx
import uvicorn

from quire.access.principals import Principal, Scope
from quire.access.proxy import ProxySettings, TrustedProxy
from quire.access.tokens import TokenUse
from quire.actions.broadcast import Broadcasts
from quire.actions.follow import Follow
from quire.actions.lab_operations import LabOperations
from quire.actions.labs import Labs
from quire.actions.tokens import Tokens
from quire.app.application import application
from quire.clock import RandomIds, SystemClock
from quire.faces.nublado.routes import NubladoRoutes
from quire.labs.lab import Resources
from quire.labs.settings import LabSettings
from quire.ports.store import Store
from quire.storage.local_doorbell import LocalDoorbell
from quire.storage.memory.store import MemoryStore
from quire.testing.fake_labs import FakeAccounts, FakeLabs
from quire.testing.waiting import PATIENCE
from quire.web.connections import Bounds
from quire.web.event_stream import encode_entry
from quire.web.express import expressed
from quire.web.gate import Gate
from quire.web.open_streams import OpenStreams
from quire.web.proxy import UserGate

SETTINGS = LabSettings(
    sizes={
        "small": Resources(cpu=1.0, memory=3 * 1024**3),
        "large": Resources(cpu=4.0, memory=12 * 1024**3),
        "huge": Resources(cpu=64.0, memory=2**40),
    },
    quota=Resources(cpu=9.0, memory=28991029248),
    look_seconds=0.05,
)


class FakeController:
    """What the tests know of the server."""

    def __init__(self, settings: LabSettings, proxy: ProxySettings) -> None:
        self.proxy = TrustedProxy(proxy)
        self.backend = FakeLabs()
        self.settings = settings
        self.store: Store
        self.tokens: Tokens
        self.url = ""
        self._loop: asyncio.AbstractEventLoop
        self._begun = threading.Event()
        self._stopping: asyncio.Event

    def token(self, user: str, *scopes: Scope) -> str:
        """Return a new token."""
        principal = Principal(name=user, scopes=frozenset(scopes))
        making = self.tokens.issue(principal, use=TokenUse.API, lifetime=None)
        return (
            asyncio.run_coroutine_threadsafe(making, self._loop).result(PATIENCE).secret
        )

    def http(self, user: str, *scopes: Scope) -> httpx.Client:
        """Return a client of a user."""
        headers = {"Authorization": f"Bearer {self.token(user, *scopes)}"}
        return httpx.Client(base_url=self.url, headers=headers, timeout=PATIENCE)

    def call(self, function: Callable[[], object]) -> None:
        """Call something where the server runs."""
        self._loop.call_soon_threadsafe(function)

    def run(self, listener: socket.socket) -> None:
        asyncio.run(self._serve(listener))

    def begun(self) -> None:
        assert self._begun.wait(PATIENCE)

    def stop(self) -> None:
        self.call(self._stopping.set)

    async def _serve(self, listener: socket.socket) -> None:
        self._loop = asyncio.get_running_loop()
        self._stopping = asyncio.Event()
        clock, doorbell = SystemClock(), LocalDoorbell()
        self.store = MemoryStore(doorbell=doorbell)
        self.tokens = Tokens(self.store, clock)
        labs = Labs(
            self.store,
            self.backend,
            FakeAccounts(nobody=frozenset({"nobody"})),
            LabOperations(self.store, self.backend, self.tokens, clock, self.settings),
            clock=clock,
            ids=RandomIds(),
            settings=self.settings,
        )
        follow = Follow(self.store, doorbell)
        face = NubladoRoutes(
            labs,
            follow,
            Broadcasts(follow, encode_entry),
            OpenStreams(self._stopping),
            self.proxy,
            UserGate(self.tokens, self.proxy),
        )
        config = uvicorn.Config(
            application(face.routes(Gate(self.tokens))),
            http=expressed(Bounds(), {}),
            ws="none",
            lifespan="off",
            log_config=None,
            timeout_graceful_shutdown=1,
        )
        server = uvicorn.Server(config)
        await labs.start()
        looking = asyncio.create_task(labs.run())
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        self._begun.set()
        await self._stopping.wait()
        server.should_exit = True
        await serving
        looking.cancel()
        await labs.stop()


@contextlib.contextmanager
def fake_controller(
    settings: LabSettings = SETTINGS, proxy: ProxySettings | None = None
) -> Iterator[FakeController]:
    """Serve on a free port of 127.0.0.1."""
    controller = FakeController(settings, proxy or ProxySettings())
    with socket.create_server(("127.0.0.1", 0)) as listener:
        controller.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        thread = threading.Thread(target=controller.run, args=(listener,))
        thread.start()
        controller.begun()
        try:
            yield controller
        finally:
            controller.stop()
            thread.join()
