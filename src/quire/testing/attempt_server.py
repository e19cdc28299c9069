"""The face of attempts over a bench, served on loopback: for tests of engines."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Generator

import uvicorn

from quire.actions.attempt_tokens import AttemptTokens, TokensAndAttempts
from quire.actions.runners import Runners
from quire.app.application import application
from quire.clock import SystemClock
from quire.faces.attempts.routes import AttemptGate, AttemptRoutes
from quire.jobs.limits import KindLimits
from quire.ports.engine import Launch
from quire.ports.launcher import RunnerOrder
from quire.ports.result_carrier import ResultCarrier
from quire.testing.engine_bench import Bench
from quire.web.gate import Gate


class AttemptServer:
    """Serves the attempts of one bench.

    Parameters
    ----------
    carrier, scratch
        What brings results here, and where runners work then.

    Attributes
    ----------
    url
        Where; empty until it is served.
    """

    def __init__(
        self,
        bench: Bench,
        limits: KindLimits | None = None,
        *,
        carrier: ResultCarrier | None = None,
        scratch: str = "",
    ) -> None:
        self.url = ""
        self._scratch = scratch
        self.tokens = AttemptTokens("a secret of the tests")
        self.stopping = asyncio.Event()
        self.runners = Runners(
            bench.attempts,
            bench.store,
            bench.doorbell,
            self.stopping,
            carrier_of=lambda _: carrier,
        )
        self._limits = limits or KindLimits()
        self._store = bench.store

    async def order(self, launch: Launch) -> RunnerOrder:
        """Return the order of an attempt of the hostile kinds."""
        limits = self._limits.of(launch.kind)
        return RunnerOrder(
            job=launch.job,
            attempt=launch.attempt,
            kind=launch.kind,
            url=self.url,
            token=self.tokens.of(launch.job, launch.attempt),
            deadline=launch.deadline,
            memory=limits.memory or 0,
            cpu_seconds=limits.cpu_seconds,
            processes=limits.processes,
            scratch=self._scratch,
            kinds="quire.testing.hostile_kinds:hostile",
            beat=0.1,
        )

    @contextlib.asynccontextmanager
    async def served(self, port: int = 0) -> AsyncIterator[str]:
        """Serve as long as the context lasts; gives the address."""
        tokens = TokensAndAttempts(self._store, SystemClock(), self.tokens)
        face = AttemptRoutes(
            self.runners, AttemptGate(tokens, self.tokens), body_limit=2**24
        )
        listener = socket.create_server(("127.0.0.1", port))
        config = uvicorn.Config(
            application(list(face.routes(Gate(tokens)))),
            log_level="warning",
            lifespan="off",
            timeout_graceful_shutdown=1,
        )
        server = _Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        while not server.started:  # noqa: ASYNC110  # uvicorn has no event for this
            await asyncio.sleep(0.002)
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        try:
            yield self.url
        finally:
            self.stopping.set()
            server.should_exit = True
            await serving
            self.stopping.clear()


class _Server(uvicorn.Server):
    """uvicorn, which leaves the signals of the test to it."""

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        """Take none."""
        yield
