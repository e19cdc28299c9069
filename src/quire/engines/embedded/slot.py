"""One slot, as the server sees it: a supervisor, and a worker that is replaced."""

import asyncio
import contextlib
import functools
import logging
import signal
from collections.abc import Callable

import msgspec

from quire.actions.attempts import Attempts
from quire.engines.embedded.messages import (
    LENGTH,
    LONGEST,
    Gone,
    Idle,
    Request,
    Start,
    Tell,
    Watch,
    frame,
)
from quire.engines.embedded.running import Running
from quire.engines.embedded.supervision import Supervision
from quire.jobs.job import Assignment
from quire.jobs.limits import Excess, KindLimits
from quire.ports.engine import Launch

_log = logging.getLogger(__name__)
# A worker is replaced after this many attempts, so that nothing piles up in it.
_ATTEMPTS = 500
# Seconds before a supervisor that died is started again.
_PAUSE = 0.5
# An attempt that takes fewer seconds is over before much harm is done: most are.
_UNWATCHED = 0.1


class Slot:
    """Runs one attempt at a time.

    Parameters
    ----------
    supervise
        Starts a supervisor.
    limits
        What the attempts of each kind may use.
    on_free
        Called when an attempt can be launched.
    """

    def __init__(
        self,
        attempts: Attempts,
        supervise: Callable[[], Supervision],
        limits: KindLimits,
        *,
        on_free: Callable[[], None],
    ) -> None:
        self.running: Running | None = None
        self._attempts = attempts
        self._supervise = supervise
        self._limits = limits
        self._on_free = on_free
        self._supervision: Supervision | None = None
        self._watch = 0
        self._watched = False
        self._timer: asyncio.TimerHandle | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._idle = False
        self._served = 0
        self._end = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def free(self) -> bool:
        """Whether an attempt can be launched."""
        return self._idle and self.running is None

    def runs(self, job: str, attempt: int) -> bool:
        """Return whether that attempt is under way here."""
        launch = self.running.launch if self.running else None
        return launch is not None and (launch.job, launch.attempt) == (job, attempt)

    def start(self) -> None:
        """Start the supervisor and keep one going."""
        self._task = asyncio.create_task(self._keep_supervised())
        self._task.add_done_callback(self._ended)

    def launch(self, launch: Launch) -> None:
        """Hand an attempt to the idle worker, as soon as it is claimed."""
        running = self.running = Running(self._attempts, launch, end=self._end.set)
        running.when_claimed(functools.partial(self._begin, running))

    def _begin(self, running: Running, assignment: Assignment | None) -> None:
        if self.running is not running or self._end.is_set():
            return  # it was killed, or its worker died, meanwhile
        launch, limits = running.launch, self._limits.of(running.launch.kind)
        start = Start(
            job=launch.job,
            attempt=launch.attempt,
            memory=limits.memory or 0,
            cpu_seconds=limits.cpu_seconds,
            assignment=assignment,
        )
        self._send(start)
        self._watch += 1
        order = Watch(
            watch=self._watch,
            processes=limits.processes,
            memory=limits.memory or 0,
            cpu_seconds=limits.cpu_seconds,
        )
        loop = asyncio.get_running_loop()
        self._timer = loop.call_later(_UNWATCHED, self._begin_watch, order)

    async def stop(self) -> None:
        """End the supervisor and everything below it."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self.running is not None:
            self.running.abandon()
            self.running = None

    def _ended(self, task: asyncio.Task[None]) -> None:
        # Nothing in here cancels it: without a word the slot would be missing for ever.
        if not task.cancelling():
            _log.critical("a slot ended by itself: %r; it is started again", task)
            self.start()

    async def _keep_supervised(self) -> None:
        while True:
            try:
                supervision = self._supervision = self._supervise()
            except OSError as problem:  # no processes, no memory, no descriptors left
                _log.error("a supervisor cannot be started: %s", problem)
                await asyncio.sleep(_PAUSE)
                continue
            try:
                await self._serve_supervisor(supervision)
            except Exception:  # noqa: BLE001  # a slot outlives its mishaps
                _log.exception("a slot stumbled; its supervisor is replaced")
            finally:
                await supervision.aclose()
            _log.warning("a supervisor died; the slot's log in the data folder tells")
            await self._settle(Gone(generation=0, status="its supervisor died"))
            await asyncio.sleep(_PAUSE)

    async def _serve_supervisor(self, supervision: Supervision) -> None:
        generation = 0
        while not supervision.dead:
            generation += 1
            connection, gone = supervision.spawn(generation)
            reader, self._writer = await asyncio.open_unix_connection(sock=connection)
            serving = asyncio.create_task(self._serve_worker(reader))
            try:
                await self._until_over(serving, gone)
                supervision.kill(generation)
                ended = await supervision.until_gone(gone)
            finally:
                self._idle = False
                serving.cancel()
                await asyncio.gather(serving, return_exceptions=True)
                self._writer.close()
            await self._settle(ended)

    async def _until_over(
        self, serving: asyncio.Task[None], gone: asyncio.Future[Gone]
    ) -> None:
        self._end.clear()
        ending = asyncio.create_task(self._end.wait())
        try:
            await asyncio.wait(
                (serving, gone, ending), return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            ending.cancel()

    async def _serve_worker(self, reader: asyncio.StreamReader) -> None:
        """Answer a worker until it hangs up, talks nonsense or is to be replaced."""
        decoder = msgspec.json.Decoder[Request](Request)
        self._served = 0
        try:
            while True:
                (length,) = LENGTH.unpack(await reader.readexactly(LENGTH.size))
                if length > LONGEST:
                    _log.warning("a worker sent a frame of %d bytes", length)
                    return
                request = decoder.decode(await reader.readexactly(length))
                if not await self._serve(request):
                    return
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        except msgspec.MsgspecError as problem:
            _log.warning("a worker talks nonsense: %s", problem)

    async def _serve(self, request: Request) -> bool:
        if isinstance(request, Idle):
            return self._welcome(clean=request.clean)
        if self.running is None:
            return False
        if isinstance(request, Tell) and request.quiet:
            await self.running.hear(request.event)
        else:
            self._send(await self.running.answer(request))
        return True

    def _welcome(self, *, clean: bool) -> bool:
        """Return whether an idle worker may stay."""
        if self._end.is_set():
            return False
        if self.running is not None:
            self._served += 1
            self._end_watch()
            if not (clean and self.running.harmless and self._served < _ATTEMPTS):
                return False
            self.running.abandon()
            self.running = None
        self._idle = True
        self._on_free()
        return True

    async def _settle(self, ended: Gone) -> None:
        self._end_watch()
        if self.running is not None:
            excess = self._excess(self.running.launch.kind, ended)
            await self.running.settle(ended.status, excess)
            self.running = None

    def _excess(self, kind: str, ended: Gone) -> Excess | None:
        if ended.excess is not None:
            # A limit is that of the attempt for which it was set, and of no other.
            return ended.excess if ended.watch == self._watch else None
        # The kernel's limit holds from the first moment, watched or not.
        seconds = self._limits.of(kind).cpu_seconds
        if not seconds or ended.signal != signal.SIGXCPU:
            return None
        return Excess(limit="cpu_seconds", allowed=seconds, used=seconds)

    def _begin_watch(self, order: Watch) -> None:
        if self._supervision is not None:
            self._watched = True
            self._supervision.watch(order)

    def _end_watch(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self._watched and self._supervision is not None:
            self._watched = False
            self._supervision.watch(Watch(watch=0))

    def _send(self, message: object) -> None:
        assert self._writer is not None  # noqa: S101  # there is a worker
        if self._writer.is_closing():
            return  # the worker is gone, as will be heard
        with contextlib.suppress(ConnectionError):
            self._writer.write(frame(message))
