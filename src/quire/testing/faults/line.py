"""A line that breaks: a TCP proxy of ours which delays, resets and half-opens.

Every connection is given its fate when it is made, from a seeded generator: after some
pieces of bytes, in either direction, it is reset or goes on in silence, and pieces on
the way there are late. Bytes never arrive changed or out of order: TCP sees to that.
"""

import asyncio
import contextlib
import random
import socket
import struct
import threading
from collections import Counter
from collections.abc import Callable
from types import TracebackType
from typing import Self

import msgspec

Place = tuple[str, int]
# With it a close is a reset (socket(7), SO_LINGER).
_RESET = struct.pack("ii", 1, 0)
_PIECE = 65536


class Wear(msgspec.Struct, frozen=True, kw_only=True):
    """How much a line breaks.

    Attributes
    ----------
    pieces
        That pass on a connection before it breaks, on the average.
    silent
        Share of the connections that break into silence: one way or both, nothing
        arrives any more, and nobody is told.
    silence
        Seconds after which such a one is reset, as TCP's own timers would.
    late
        Share of the pieces that come late.
    delay
        Seconds that they take, at most.
    """

    pieces: int = 40
    silent: float = 0.3
    silence: float = 2.0
    late: float = 0.05
    delay: float = 0.2


class _Fate:
    """What becomes of one connection."""

    def __init__(self, dice: random.Random, wear: Wear) -> None:
        self._left = 1 + int(dice.expovariate(1 / max(wear.pieces, 1)))
        self.silent = dice.random() < wear.silent
        self.way = dice.choice(("asked", "answered"))
        self.dead: set[str] = set()

    def due(self, way: str) -> bool:
        """Count a piece; return whether the connection breaks at it."""
        self._left -= 1
        return self._left <= 0 and way == self.way


class BreakingLine:
    """Passes connections on, until they break.

    Parameters
    ----------
    target
        Returns where a new connection goes; `OSError` for nowhere.
    seed
        Of the generator that every fate comes from.

    Attributes
    ----------
    port
        Where it listens on 127.0.0.1.
    broken
        How many connections have broken, by ``reset``, ``silent`` and ``cut`` with the
        way of the piece at which it was: ``asked`` or ``answered``.
    """

    def __init__(
        self, target: Callable[[], Place], *, seed: int, wear: Wear | None = None
    ) -> None:
        self._target = target
        self._dice = random.Random(seed)  # noqa: S311  # repeatable, no secret
        self._wear = wear or Wear()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.broken = Counter[str]()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._run, name="line", daemon=True)
        self._up = threading.Event()
        self._end = asyncio.Event()
        self._apart = False
        self._open: set[asyncio.StreamWriter] = set()

    def __enter__(self) -> Self:
        """Begin to pass on."""
        self._thread.start()
        self._up.wait()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Reset what is open, and listen no more."""
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join()

    def cut(self) -> None:
        """Let nothing pass, old or new, until `mend`: a partition."""
        self._loop.call_soon_threadsafe(self._cut)

    def mend(self) -> None:
        """Let new connections pass again; those from before the cut are reset."""
        self._loop.call_soon_threadsafe(self._mend)

    def _run(self) -> None:
        with contextlib.closing(self._loop):
            self._loop.run_until_complete(self._serve())

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._take, sock=self._listener)
        self._up.set()
        await self._end.wait()
        server.close()
        self._reset(*self._open)
        passing = asyncio.all_tasks() - {asyncio.current_task()}
        for task in passing:
            task.cancel()
        await asyncio.gather(*passing, return_exceptions=True)

    def _cut(self) -> None:
        self._apart = True

    def _mend(self) -> None:
        self._apart = False
        self._reset(*self._open)

    async def _take(
        self, asking: asyncio.StreamReader, back: asyncio.StreamWriter
    ) -> None:
        fate = _Fate(self._dice, self._wear)
        self._open.add(back)
        try:
            if self._apart:  # a handshake, and then nothing
                self.broken["cut"] += 1
                await asyncio.sleep(self._wear.silence)
                return
            try:
                answering, there = await asyncio.open_connection(*self._target())
            except OSError:
                return
            self._open.add(there)
            both = (
                asyncio.create_task(self._pass(asking, there, fate, "asked")),
                asyncio.create_task(self._pass(answering, back, fate, "answered")),
            )
            try:
                await asyncio.wait(both, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for task in both:
                    task.cancel()
                await asyncio.gather(*both, return_exceptions=True)
                self._reset(there)
        except asyncio.CancelledError:
            return  # the line is at its end, and asyncio would complain of it
        finally:
            self._reset(back)

    async def _pass(
        self,
        source: asyncio.StreamReader,
        sink: asyncio.StreamWriter,
        fate: _Fate,
        way: str,
    ) -> None:
        while piece := await source.read(_PIECE):
            if self._apart or way in fate.dead:
                self.broken["cut"] += self._apart
                await asyncio.sleep(self._wear.silence)
                return
            if fate.due(way):
                self.broken[f"{'silent' if fate.silent else 'reset'} {way}"] += 1
                if not fate.silent:
                    return
                fate.dead = {way, self._dice.choice(("asked", "answered"))}
                await asyncio.sleep(self._wear.silence)
                return
            if self._dice.random() < self._wear.late:
                await asyncio.sleep(self._dice.uniform(0.0, self._wear.delay))
            sink.write(piece)
            await sink.drain()

    def _reset(self, *writers: asyncio.StreamWriter) -> None:
        for writer in writers:
            end = writer.get_extra_info("socket")
            if end is not None and end.fileno() >= 0:
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()
            self._open.discard(writer)
