"""Serving until a signal comes: the socket, the HTTP server, the store's end."""

import asyncio
import contextlib
import errno
import gc
import os
import resource
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Callable, Generator

import uvicorn

from quire import server_file
from quire.app.about import VERSION
from quire.app.allocation import give_memory_back
from quire.app.keeping import kept, named
from quire.app.logs import configure
from quire.app.server import Server
from quire.config import Settings
from quire.errors import InputError
from quire.ports.doorbell import Doorbell
from quire.ports.leadership import Leadership
from quire.ports.store import Store
from quire.web.connections import Bounds
from quire.web.express import expressed

EXIT_STORE_LOST = 74
Assemble = Callable[[Settings, Store, Doorbell], Server]
_DESCRIPTORS = 8192
_OTHER_DESCRIPTORS = 256
_GRACE_SECONDS = 3
_LOOK_SECONDS = 1.0
_NAME_SECONDS = 20.0
_MOMENT = 0.1
_OBJECTS_BEFORE_COLLECTION = 50_000
_TURN_SECONDS = 0.0005


def serve(settings: Settings, *, assemble: Assemble = Server) -> None:
    """Serve until a signal comes; returns once everything has stopped.

    Parameters
    ----------
    assemble
        Makes the server: another than the usual is for measurements.

    Raises
    ------
    QuireError
        The data folder or the address cannot be used, or another server has the name of
        this one.
    """
    settings.data_folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        _bind(listener, settings)
        listener.listen(1024)
        settings = named(settings, port=listener.getsockname()[1])
        configure(settings)
        _suit_process()
        with asyncio.Runner(loop_factory=_event_loop) as runner:
            runner.run(_serve(settings, listener, assemble))


def _suit_process() -> None:
    # A batch of documents lives for milliseconds: looking through it for cycles costs
    # as much as folding it.
    gc.set_threshold(_OBJECTS_BEFORE_COLLECTION, 20, 20)
    give_memory_back()
    # A request changes threads some times, and would each time wait 5 ms for one that
    # computes: columns that are gathered, runs that are searched.
    sys.setswitchinterval(_TURN_SECONDS)


def _bind(listener: socket.socket, settings: Settings) -> None:
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        reason = f"cannot be listened on: {error.strerror}"
        if error.errno == errno.EADDRINUSE:
            reason = "is in use"
        mend = "--port 0 takes a free one"
        raise InputError("port", f"{settings.port} {reason}", mend) from error


def _event_loop() -> asyncio.AbstractEventLoop:
    import uvloop

    loop: asyncio.AbstractEventLoop = uvloop.new_event_loop()
    return loop


async def _serve(
    settings: Settings, listener: socket.socket, assemble: Assemble
) -> None:
    began = time.perf_counter()
    async with kept(settings, on_fatal=_store_lost) as keeping:
        await _take_name(settings, keeping.leadership)
        server = assemble(settings, keeping.store, keeping.doorbell)
        server.leadership = keeping.leadership
        async with server.running():
            await _listen(server, settings, listener, began)


async def _take_name(settings: Settings, leadership: Leadership) -> None:
    """Have this server's name to itself: each kills the workers that bear its own.

    Raises
    ------
    InputError
        Another one at work has it.
    """
    if not settings.name:
        return
    file = server_file.file_of(settings.data_folder, settings.name)
    give_up = time.monotonic() + _NAME_SECONDS
    while not await leadership.holds(f"server {settings.name}"):
        # One that vanished has it until the database has noticed.
        if server_file.live(file) is not None or time.monotonic() > give_up:
            reason = f"another server at work is called {settings.name!r}"
            raise InputError("name", reason, "give each one of its own by --name")
        await asyncio.sleep(_MOMENT)


async def _listen(
    server: Server, settings: Settings, listener: socket.socket, began: float
) -> None:
    config = uvicorn.Config(
        server.app,
        log_level="warning",
        access_log=False,
        lifespan="off",
        http=expressed(Bounds(connections=_connection_limit()), server.express),
        ws="none",
        timeout_graceful_shutdown=_GRACE_SECONDS,
        server_header=False,
        # Else any local client could say that it is the trusted proxy.
        proxy_headers=False,
    )
    http = _Http(config, server.stopping)
    host, port = listener.getsockname()[:2]
    shown = f"[{host}]" if ":" in host else host
    url = f"http://{shown}:{port}"
    serving = asyncio.create_task(http.serve(sockets=[listener]))
    # uvicorn has no event for this.
    while not http.started and not serving.done():  # noqa: ASYNC110
        await asyncio.sleep(0.002)
    record = server_file.ServerRecord(
        url=url,
        token=server.token,
        pid=os.getpid(),
        host=socket.gethostname(),
        folder=server_file.name_of(settings.data_folder),
    )
    with server_file.publish(record, settings.data_folder, name=settings.name):
        if not serving.done():
            seconds = time.perf_counter() - began
            sys.stderr.write(
                f"Quire {VERSION} serves {settings.data_folder} at {url} "
                f"(ready in {seconds:.2f} s; Ctrl-C stops it)\n"
            )
            sys.stderr.flush()
        async with _standing_in(record, settings):
            await serving


@contextlib.asynccontextmanager
async def _standing_in(
    record: server_file.ServerRecord, settings: Settings
) -> AsyncIterator[None]:
    """Be found in the place of others on the folder, should they die."""
    ended = asyncio.Event()

    async def look() -> None:
        while settings.name and not ended.is_set():
            await asyncio.to_thread(server_file.stand_in, record, settings.data_folder)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(ended.wait(), _LOOK_SECONDS)

    looking = asyncio.create_task(look())
    try:
        yield
    finally:
        ended.set()
        await looking


def _connection_limit() -> int:
    """Return how many connections leave enough file descriptors for all else."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _DESCRIPTORS if hard == resource.RLIM_INFINITY else min(hard, _DESCRIPTORS)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
        soft = wanted
    return max(16, min(soft, _DESCRIPTORS) - _OTHER_DESCRIPTORS)


class _Http(uvicorn.Server):
    """uvicorn, with streams told of the end before it waits for them."""

    def __init__(self, config: uvicorn.Config, stopping: asyncio.Event) -> None:
        super().__init__(config)
        self._stopping = stopping

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Stop at a signal, and return instead of raising it again."""
        loop = asyncio.get_running_loop()
        ends = [signal.SIGINT, signal.SIGTERM]
        # A terminal that is closed ends what runs in it, unless it was begun by nohup.
        if signal.getsignal(signal.SIGHUP) is signal.SIG_DFL:
            ends.append(signal.SIGHUP)
        for number in ends:
            loop.add_signal_handler(number, self._stop)
        try:
            yield
        finally:
            for number in ends:
                loop.remove_signal_handler(number)

    def _stop(self) -> None:
        self._stopping.set()
        self.should_exit = True


def _store_lost(reason: str) -> None:
    """End the process: it can promise nothing any more, and a supervisor restarts it."""
    sys.stderr.write(f"quire: the store is lost: {reason}\n")
    sys.stderr.flush()
    os._exit(EXIT_STORE_LOST)
