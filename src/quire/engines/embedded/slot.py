"""One slot, as the server sees it: a supervisor, and a worker that is replaced."""

import asyncio
import contextlib
import logging
from collections.abc import Callable
from typing import cast

import msgspec

from quire.actions.attempts import Attempts
from quire.engines.embedded.answering import answer
from quire.engines.embedded.messages import (
    LENGTH,
    LONGEST,
    Claim,
    Finish,
    Idle,
    Request,
    Start,
    frame,
)
from quire.engines.embedded.supervision import Supervision
from quire.errors import AttemptLost, StoreUnavailable
from quire.jobs.job import Completed
from quire.ports.engine import Launch

_log = logging.getLogger(__name__)
# A worker is replaced after this many attempts, so that nothing piles up in it.
_ATTEMPTS = 500
# Seconds before a supervisor that died at once is started again.
_PAUSE = 1.0


class Slot:
    """Runs one attempt at a time.

    Parameters
    ----------
    supervise
        Starts a supervisor.
    on_free
        Called when an attempt can be launched.
    """

    def __init__(
        self,
        attempts: Attempts,
        supervise: Callable[[], Supervision],
        *,
        on_free: Callable[[], None],
    ) -> None:
        self._attempts = attempts
        self._supervise = supervise
        self._on_free = on_free
        self._writer: asyncio.StreamWriter | None = None
        self._idle = False
        self._served = 0
        self._finished = False
        self._killed = False
        self._end = asyncio.Event()
        self._over = asyncio.Event()
        self._running: asyncio.Task[None] | None = None
        self.launch: Launch | None = None

    @property
    def free(self) -> bool:
        """Whether an attempt can be launched."""
        return self._idle and self.launch is None

    def start(self) -> None:
        """Start the supervisor and keep it going."""
        self._running = asyncio.create_task(self._run())

    def begin(self, launch: Launch) -> None:
        """Hand an attempt to the idle worker."""
        assert self._writer is not None  # noqa: S101  # a free slot has one
        self.launch = launch
        self._finished = self._killed = False
        self._over.clear()
        self._writer.write(frame(Start(job=launch.job, attempt=launch.attempt)))

    async def kill(self, launch: Launch) -> None:
        """End the attempt; returns when nothing of it is left."""
        if self.launch != launch:
            return
        self._killed = True
        self._end.set()
        await self._over.wait()

    async def stop(self) -> None:
        """End the supervisor and everything below it."""
        if self._running is not None:
            self._running.cancel()
            await asyncio.gather(self._running, return_exceptions=True)

    async def _run(self) -> None:
        while True:
            supervision = self._supervise()
            try:
                await self._serve_supervisor(supervision)
            except Exception:
                _log.exception("a slot stumbled; its supervisor is replaced")
            finally:
                await supervision.aclose()
                await self._settle("its supervisor died")
            await asyncio.sleep(_PAUSE)

    async def _serve_supervisor(self, supervision: Supervision) -> None:
        generation = 0
        while not supervision.dead:
            generation += 1
            connection, gone = supervision.spawn(generation)
            reader, self._writer = await asyncio.open_unix_connection(sock=connection)
            self._end.clear()
            self._served = 0
            serving = asyncio.create_task(self._serve_worker(reader))
            try:
                await self._until_over(serving, gone)
                supervision.kill(generation)
                status = await gone
            finally:
                self._idle = False
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)
                self._writer.close()
            await self._settle(status)

    async def _until_over(
        self, serving: asyncio.Task[None], gone: asyncio.Future[str]
    ) -> None:
        ending = asyncio.create_task(self._end.wait())
        try:
            await asyncio.wait(
                (serving, gone, ending), return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            ending.cancel()
        if serving.done() and not serving.cancelled() and serving.exception():
            _log.warning("a worker spoke nonsense: %s", serving.exception())

    async def _serve_worker(self, reader: asyncio.StreamReader) -> None:
        """Answer a worker until it hangs up or is to be replaced."""
        decoder = msgspec.json.Decoder(Request)
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
                if length > LONGEST:
                    raise ValueError(f"a frame of {length} bytes")
                request = decoder.decode(await reader.readexactly(length))
                if not await self._serve(cast("Request", request)):
                    return

    async def _serve(self, request: Request) -> bool:
        if isinstance(request, Idle):
            return await self._become_free(clean=request.clean)
        launch, writer = self.launch, self._writer
        if launch is None or writer is None:
            return False
        answered = await answer(self._attempts, launch.job, launch.attempt, request)
        if isinstance(request, Claim) and answered.assignment and launch.deadline:
            self._set_deadline(launch)
        if isinstance(request, Finish) and not answered.unavailable:
            # A refused verdict counts too: another attempt has the job.
            self._finished = isinstance(request.outcome, Completed) or answered.lost
        writer.write(frame(answered))
        return True

    async def _become_free(self, *, clean: bool) -> bool:
        if self.launch is not None and not (clean and self._finished):
            return False
        self._served += self.launch is not None
        if self._served >= _ATTEMPTS:
            return False
        self._forget()
        self._idle = True
        self._on_free()
        return True

    def _set_deadline(self, launch: Launch) -> None:
        loop = asyncio.get_running_loop()
        loop.call_later(launch.deadline, self._start_overrun, launch)
